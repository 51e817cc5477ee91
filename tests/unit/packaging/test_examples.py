# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The YAML and JSON examples in the documents are valid: configurations, command files, plays and tasks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter_schema import EXPORTER_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.mods_schema import MODS_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance_schema import REBALANCE_SCHEMA
from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import SCHEMA
from orcastra_runner.command.file import parse

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "orcastra.swarm."
BLOCK = re.compile(r"^( *)```(?:yaml|json)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
# The first schema that has all keys of an example is the one of its file.
SCHEMAS = (SCHEMA, REBALANCE_SCHEMA, EXPORTER_SCHEMA, MODS_SCHEMA)
COMPOSE = {"deploy", "environment", "image", "labels", "user", "volumes"}
# from Ansible's own documentation fragments of inventory plugins
CONSTRUCTED = {"compose", "groups", "keyed_groups", "leading_separator", "strict", "use_extra_vars"}
# keys of parts of a Compose file, of a webhook's request, and of the engine's own configuration
OTHERS = {"deploy", "text", "log-driver"}
CACHE = {"cache", "cache_connection", "cache_plugin", "cache_prefix", "cache_timeout"}


class Loader(yaml.SafeLoader):
    """Leaves times as text, as Orcastra does."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def examples() -> Iterator[tuple[str, str]]:
    named = [ROOT / "README.md", ROOT / "SECURITY.md"]
    for path in [*named, *sorted(ROOT.glob("roles/*/README.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{path.relative_to(ROOT)}:{line}", found[2]


@pytest.mark.parametrize(("place", "text"), list(examples()), ids=[place for place, _text in examples()])
def test_example_is_valid(place: str, text: str) -> None:
    assert list(faults(yaml.load(text, Loader))) == [], place


def faults(data: Any) -> Iterator[str]:
    """Find the mistakes in an example, by the kind of its file."""
    if isinstance(data, Mapping):
        if is_compose(data) or is_inventory(data):
            return
        schema = next((schema for schema in SCHEMAS if data.keys() <= schema["properties"].keys()), None)
        if schema is not None:
            validator = jsonschema.Draft202012Validator(schema)
            yield from (error.message for error in validator.iter_errors(data))
        elif "plugin" in data:
            known = options(ROOT / "plugins" / "inventory" / "swarm.py")
            yield from (f"unknown option {name}" for name in data.keys() - known)
        elif not data.keys() & OTHERS and not all(name.startswith("orcastra_") for name in data):
            yield f"unknown kind of example with {', '.join(data)}"
    elif isinstance(data, list):
        if all(isinstance(entry, Mapping) and is_ansible(entry) for entry in data):
            for entry in data:
                yield from ansible_faults(entry)
        elif not any(isinstance(entry, Mapping) and "status" in entry for entry in data):
            yield from map(str, parse(Document(data)).problems)


def is_compose(data: Mapping[str, Any]) -> bool:
    services = data.get("services")
    return isinstance(services, Mapping) and any(COMPOSE & set(value or ()) for value in services.values())


def is_inventory(data: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Mapping) and "hosts" in value for value in data.values())


def is_ansible(entry: Mapping[str, Any]) -> bool:
    return "hosts" in entry or any("." in key for key in entry)


def ansible_faults(entry: Any) -> Iterator[str]:
    """Find the mistakes in a play or task, and in the tasks in it."""
    if isinstance(entry, list):
        for part in entry:
            yield from ansible_faults(part)
    elif isinstance(entry, Mapping):
        for key, value in entry.items():
            if key == "role" and value.startswith(PREFIX):
                yield from unknown(entry.get("vars", {}), role_variables(value.removeprefix(PREFIX)), value)
            elif key.startswith(PREFIX):
                module = ROOT / "plugins" / "modules" / f"{key.removeprefix(PREFIX)}.py"
                yield from unknown(value or {}, options(module), key) if module.is_file() else [f"no {key}"]
            else:
                yield from ansible_faults(value)


def unknown(given: Mapping[str, Any], known: set[str], where: str) -> Iterator[str]:
    yield from (f"{where}: unknown {name}" for name in given.keys() - known)


@cache
def role_variables(name: str) -> set[str]:
    path = ROOT / "roles" / name / "meta" / "argument_specs.yml"
    if not path.is_file():
        return set()
    return set(yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"].get("options", {}))


@cache
def options(plugin: Path) -> set[str]:
    """The options of a module or plugin, and of its documentation fragments."""
    documentation = yaml.safe_load(constant(plugin, "DOCUMENTATION"))
    found = set(documentation.get("options", {}))
    for option in documentation.get("options", {}).values():
        found |= set(option.get("aliases", []))
    for name in documentation.get("extends_documentation_fragment", []):
        if name.startswith(PREFIX):
            file, _dot, part = name.removeprefix(PREFIX).partition(".")
            path = ROOT / "plugins" / "doc_fragments" / f"{file}.py"
            fragment = yaml.safe_load(constant(path, part.upper() or "DOCUMENTATION"))
            for option, about in fragment.get("options", {}).items():
                found |= {option, *about.get("aliases", [])}
        else:
            found |= CONSTRUCTED | CACHE
    return found


def constant(path: Path, name: str) -> str:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return str(ast.literal_eval(node.value))
    raise LookupError(f"{path}: {name}")


@pytest.mark.parametrize(
    "text",
    [
        "nodes: {a: {label: [ssd]}}",
        "dependancies: {db: [app]}",
        "monitor_interval_seconds: soon",
        "- restart_everything",
        "- hosts: all\n  roles: [{role: orcastra.swarm.anchors, vars: {orcastra_no_such: 1}}]",
        "- name: Set labels\n  orcastra.swarm.label_sync: {labels: {}}",
        "plugin: orcastra.swarm.swarm\nno_such_option: 1",
    ],
)
def test_invalid_example_is_found(text: str) -> None:
    assert list(faults(yaml.load(text, Loader))) != []
