# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation: every link resolves, and the reference pages leave nothing out."""

from __future__ import annotations

import argparse
import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils import messages
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import StepResult
from orcastra_runner import cli, settings
from orcastra_runner.command.requests import CommandRequests
from orcastra_runner.command.table import COMMANDS
from orcastra_runner.remote_hosts import RemoteHosts
from orcastra_runner.settings import read_settings
from orcastra_runner.signals import Signals
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import plan_all
from orcastra_runner.web.data import DOCUMENTS
from orcastra_runner.web.guard import Guard
from orcastra_runner.web.site import Site
from tests.unit.orcastra_runner.served import WANTED, observation
from tools.docs.monitoring import all_metrics
from tools.docs.pages import PAGES, reference_pages

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = ROOT / "docs" / "reference"
REPOSITORY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["repository"]
RAW = REPOSITORY.replace("https://github.com/", "https://raw.githubusercontent.com/")
PREFIXES = (*(f"{REPOSITORY}/{kind}/main/" for kind in ("blob", "tree", "raw")), f"{RAW}/main/")
FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,}).*?^[ \t>]*\1`*[ \t]*$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")
LINKS = (
    re.compile(r"\]\(\s*<?([^)\s>]+)"),
    re.compile(r"\b(?:src|srcset|href)=\"([^\"]+)\""),
    re.compile(r"^\[[^\]]+\]:\s+(\S+)", re.MULTILINE),
)


def documents() -> list[Path]:
    named = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "monitoring/README.md")]
    return [*named, *sorted(ROOT.glob("roles/*/README.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def links(text: str) -> Iterator[str]:
    text = FENCE.sub("", text)
    for pattern in LINKS:
        # the text of a link may be code, its target may not
        yield from pattern.findall(CODE.sub("code", text))


@cache
def generated() -> dict[Path, str]:
    """The text of each generated page by its path in ``docs``; those of the collection are empty."""
    pages = {REFERENCE / name: text for name, text in reference_pages().items()}
    modules = [path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")]
    roles = [path.name for path in (ROOT / "roles").iterdir()]
    names = [*(f"{name}_module" for name in modules), *(f"{name}_role" for name in roles)]
    names += ["index", "environment_variables", "swarm_inventory", "swarm_file_lookup"]
    return {**pages, **{REFERENCE / "collection" / f"{name}.rst": "" for name in names}}


@cache
def anchors(text: str) -> frozenset[str]:
    """The anchors that GitHub and the documentation site give to headings."""
    found: Counter[str] = Counter()
    names = set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE))
    for heading in re.findall(r"^#{1,6} +(.+?)(?: +#+)?$", FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        names.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return frozenset(names)


def fault(document: Path, link: str) -> str | None:
    """Why a link is broken, or None."""
    for prefix in PREFIXES:
        if link.startswith(prefix):
            return fault(ROOT / "README.md", link.removeprefix(prefix))
    if re.match(r"[a-z]+:", link):
        return None
    name, _hash, anchor = link.partition("#")
    target = (document.parent / name).resolve() if name else document
    if target in generated():
        if ROOT / "docs" not in document.parents:
            return "the page is not in the repository; link to docs/reference/index.md"
        text = generated()[target]
    elif target.is_dir():
        return f"{name} is a folder" if anchor else None
    elif target.is_file():
        text = target.read_text(encoding="utf-8") if target.suffix == ".md" else ""
    else:
        return f"there is no {target.relative_to(ROOT)}"
    return f"no heading {anchor}" if anchor and text and anchor not in anchors(text) else None


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_resolve(document: Path) -> None:
    found = [(link, fault(document, link)) for link in links(document.read_text(encoding="utf-8"))]
    assert [(link, why) for link, why in found if why is not None] == []


def test_generated_links_resolve() -> None:
    found = [
        (path.name, link, fault(path, link)) for path, text in generated().items() for link in links(text)
    ]
    assert [entry for entry in found if entry[2] is not None] == []


@pytest.mark.parametrize(
    ("link", "is_broken"),
    [
        ("../COPYING", False),
        ("index.md#reference", False),
        ("environment.md#pruning", False),
        ("collection/label_sync_module.rst", False),
        (f"{REPOSITORY}/blob/main/README.md", False),
        ("https://example.com/", False),
        ("missing.md", True),
        ("index.md#missing", True),
        ("environment.md#missing", True),
        (f"{REPOSITORY}/blob/main/missing.md", True),
        (f"{REPOSITORY}/blob/main/docs/reference/environment.md", True),
    ],
)
def test_broken_links_are_found(link: str, is_broken: bool) -> None:
    document = ROOT / "docs" / "COPYING" if link == "../COPYING" else REFERENCE / "index.md"
    assert (fault(document, link) is not None) is is_broken


def test_reference_index_names_every_page() -> None:
    index = (REFERENCE / "index.md").read_text(encoding="utf-8")
    pages = {*PAGES, *(path.name for path in REFERENCE.glob("*.md")), "collection/index.rst"} - {"index.md"}
    assert pages == set(re.findall(r"^\| \[.*?\]\((\S+?)\)", index, re.MULTILINE))
    _start, tree = index.split(":hidden:\n\n")
    assert {page.rpartition(".")[0] for page in pages} == set(tree.removesuffix("\n```\n").splitlines())


def first_cells(page: str) -> set[str]:
    """The code in the first cell of each row of a page's tables."""
    return set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))


def test_environment_page_lists_every_variable() -> None:
    assert first_cells(PAGES["environment.md"]()) == {variable.name for variable in settings.VARIABLES}


def keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from keys(value)


@pytest.mark.parametrize(
    ("page", "schema"),
    [
        ("swarm-file.md", "schema.SCHEMA"),
        ("rebalance-config.md", "rebalance_schema.REBALANCE_SCHEMA"),
        ("node-exporter-config.md", "exporter_schema.EXPORTER_SCHEMA"),
        ("mods-config.md", "mods_schema.MODS_SCHEMA"),
    ],
)
def test_configuration_pages_list_every_key(page: str, schema: str) -> None:
    module, name = schema.split(".")
    config = __import__(f"{messages.__package__.rpartition('.')[0]}._config.{module}", fromlist=[name])
    assert first_cells(PAGES[page]()) == set(keys(getattr(config, name)))


def test_command_line_page_lists_every_option() -> None:
    page = PAGES["command-line.md"]()
    for parser in parsers(cli.build_parser()):
        assert f"## {parser.prog}\n" in page
        for action in parser._actions:
            for option in action.option_strings:
                assert option in ("-h", "--help") or re.search(rf"`{option}[ `]", page), option


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from parsers(child)


def test_commands_page_lists_every_command() -> None:
    assert first_cells(PAGES["commands.md"]()) == set(COMMANDS)


def test_exit_codes_page_lists_every_code() -> None:
    codes = {str(value) for name, value in vars(cli).items() if name.startswith("EXIT_")}
    text = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE)) == codes


def test_metrics_page_lists_every_metric() -> None:
    documented = {name.partition("{")[0] for name in first_cells(PAGES["metrics.md"]())}
    families = StatusStore().metrics.registry.collect()
    names = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert {name for name in names if not name.startswith("process_")} <= documented
    assert len(list(all_metrics())) == len({name for name, _kind, _text in all_metrics()})


def test_metrics_page_lists_every_job() -> None:
    names = set()
    for path in (ROOT / "orcastra_runner").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Job"):
                names |= {
                    line.value.value
                    for line in node.body
                    if isinstance(line, ast.Assign)
                    and getattr(line.targets[0], "id", "") == "name"
                    and isinstance(line.value, ast.Constant)
                }
    hosts = RemoteHosts(read_settings(), "all", Path("hosts.yml"), Any, StatusStore())  # type: ignore[arg-type]
    remote = {job.name for job in hosts.jobs()}
    jobs = PAGES["metrics.md"]().split("## Jobs")[1]
    assert names
    assert first_cells(jobs) == names | remote


def test_alerts_page_lists_every_alert() -> None:
    rules = yaml.safe_load((ROOT / "monitoring" / "alerts.yml").read_text(encoding="utf-8"))
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    assert set(re.findall(r"^## (\w+)$", PAGES["alerts.md"](), re.MULTILINE)) == alerts


def test_reasons_page_lists_every_code() -> None:
    assert first_cells(PAGES["reasons.md"]()) == set(messages.MESSAGES)


def test_step_actions_page_lists_every_action() -> None:
    names = set()
    for path in (ROOT / "plugins" / "module_utils" / "_model").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "action":
                for line in ast.walk(node):
                    if isinstance(line, ast.Return) and line.value is not None:
                        constants = [part for part in ast.walk(line.value) if isinstance(part, ast.Constant)]
                        names |= {str(part.value) for part in constants if "_" in str(part.value)}
    assert names
    assert first_cells(PAGES["step-actions.md"]()) == names


def test_playbooks_page_lists_every_playbook() -> None:
    names = {f"orcastra.swarm.{path.stem}" for path in (ROOT / "playbooks").glob("*.yml")}
    assert first_cells(PAGES["playbooks.md"]()) == names


def test_http_page_lists_every_route() -> None:
    site = Site(StatusStore(), Signals(), CommandRequests(), Guard(None))
    routes = {f"{method} {path}" for path, found in site._routes().items() for method in found}
    text = (REFERENCE / "http.md").read_text(encoding="utf-8")
    documented = {name for name in first_cells(text) if name.startswith(("GET ", "POST "))}
    documented |= {f"GET {path}" for path in ("/page.css", "/page.js") if f"`{path}`" in text}
    assert documented == {route for route in routes if not route.startswith("HEAD ")}


def test_labels_page_lists_every_label() -> None:
    """Labels are public constants whose names end in ``LABEL`` or ``LABEL_PREFIX``."""
    text = (REFERENCE / "labels.md").read_text(encoding="utf-8")
    found = set()
    for path in (ROOT / "plugins" / "module_utils").rglob("*.py"):
        for name, value in re.findall(
            r'^([A-Z]+(?:_[A-Z]+)*_LABEL(?:_PREFIX)?) = "([^"]+)"',
            path.read_text(encoding="utf-8"),
            re.MULTILINE,
        ):
            if not value.startswith(("com.docker.", "node.labels.", "engine.labels.")):
                found.add(f"{value}*" if name.endswith("PREFIX") else value)
    assert {"orcastra.constraints", "orchestration.rebalance", "autoheal"} <= found
    assert {label for label in found if f"`{label}`" not in text} == set()


def in_repository(pattern: str, *globs: str) -> set[str]:
    """Everything that matches a pattern in the files of this repository."""
    paths = [path for glob in globs for path in ROOT.glob(glob)]
    return {match for path in paths for match in re.findall(pattern, path.read_text(encoding="utf-8"))}


def test_documents_name_existing_variables() -> None:
    pattern = r"\bORCASTRA_[A-Z_]+\b"
    known = {variable.name for variable in settings.VARIABLES}
    known |= in_repository(pattern, "*.yml", "Dockerfile", "container/*")
    for document in documents():
        assert set(re.findall(pattern, document.read_text(encoding="utf-8"))) - known == set(), document


def test_documents_name_existing_role_variables() -> None:
    pattern = r"\borcastra_[a-z_]+\b"
    known = in_repository(pattern, "*.yml", "roles/**/*.yml", "playbooks/*.yml", "plugins/**/*.py")
    known |= {name.partition("{")[0] for name, _kind, _text in all_metrics()}
    # a package, and a secret and a volume of the stack
    known |= {"orcastra_runner", "orcastra_ssh_key", "orcastra_state"}
    for document in documents():
        assert set(re.findall(pattern, document.read_text(encoding="utf-8"))) - known == set(), document


def test_documents_name_existing_content() -> None:
    """``orcastra.swarm.NAME`` is a module, plugin, role or playbook."""
    folders = (
        "plugins/modules",
        "plugins/inventory",
        "plugins/lookup",
        "plugins/filter",
        "playbooks",
        "roles",
    )
    known = {path.stem for folder in folders for path in (ROOT / folder).iterdir()}
    known |= set(yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"])
    for document in documents():
        text = document.read_text(encoding="utf-8")
        assert set(re.findall(r"\borcastra\.swarm\.([a-z_]+)\b", text)) - known == set(), document


@pytest.mark.parametrize("document", ["state", "plan", "history"])
def test_http_page_lists_every_field(document: str) -> None:
    status = StatusStore()
    status.configured(WANTED)
    status.observed(observation(), 0.01)
    status.decided("acting", leads=True, acts=True)
    plan = plan_all(observation(), WANTED)
    status.planned("sync", plan)
    status.job_began("sync", 60.0)
    status.problem("topic", "text")
    for step in plan.steps:
        status.stepped("sync", StepResult(step, changed=True))
    text = (REFERENCE / "http.md").read_text(encoding="utf-8").split("## API")[1]
    found = set(field_names(DOCUMENTS[document](status.view())))
    assert len(found) > 5
    assert {key for key in found if f"`{key}`" not in text and f"`{key}[]`" not in text} == set()


def field_names(data: Any, parent: str = "") -> Iterator[str]:
    """The keys in an API document, without parameters of reasons, labels, and names of nodes."""
    if isinstance(data, dict):
        if parent in ("params", "labels") or (parent == "nodes" and "hostname" not in data):
            return
        for key, value in data.items():
            yield key
            yield from field_names(value, key)
    elif isinstance(data, list):
        for value in data:
            yield from field_names(value, parent)
