# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the documentation are valid: each code block passes the parser of its format."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.support.collection import playbooks, role_variables, roles
from tests.support.documents import ROOT, Block, blocks_of, documents
from tests.support.examples import UnclassifiedError, classify, kind_of
from tests.support.runner_process import environment

DOCUMENTS = documents()
BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path)]
# Names of secrets that readers create.
SECRETS = {"orcastra_ssh_key"}
FOLDERS = (
    "plugins",
    "roles",
    "playbooks",
    "orcastra_runner",
    "monitoring",
    "container",
    "inventory",
    "tests/lab",
)
SOURCE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")))
    if path.suffix in {".py", ".yml", ".yaml", ".json", ".j2", ".sh"}
)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_code_block_is_valid(block: Block) -> None:
    _kind, check = classify(block)
    check(block)


def test_code_blocks_are_of_many_kinds() -> None:
    kinds = Counter(kind_of(block) for block in BLOCKS)
    assert len(BLOCKS) > 60
    assert {"swarm.yml", "console", "playbook", "command file", "rebalance_config.yml", "mods"} <= set(kinds)
    assert kinds["not checked"] <= len(BLOCKS) // 10


def test_classify_refuses_a_block_that_it_does_not_know() -> None:
    for language, text in (("", "x"), ("perl", "x"), ("yaml", "colour: red"), ("yaml", "- {colour: red}")):
        with pytest.raises(UnclassifiedError, match="expected"):
            classify(Block(ROOT / "README.md", 1, language, text))


def test_playbooks_pass_the_syntax_check(tmp_path: Path) -> None:
    files = []
    for block in BLOCKS:
        kind = kind_of(block)
        if kind in {"playbook", "tasks"}:
            data = yaml.safe_load(block.text)
            plays = data if kind == "playbook" else [{"hosts": "all", "tasks": data}]
            files.append(tmp_path / f"{block.path.stem}_{block.line}.yml")
            files[-1].write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
    assert len(files) > 5
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "--syntax-check", "-i", "localhost,", *files],
        env={**environment(), "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_document_names_only_what_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    known = (
        {p.stem for p in ROOT.glob("plugins/*/*.py")}
        | playbooks()
        | roles()
        | {"attributes", "configuration"}
    )
    named = set(re.findall(r"\borcastra\.swarm\.([a-z_]+)", text)) - {"git", "x"}
    assert named <= known
    settings = {name for name in re.findall(r"\bORCASTRA_[A-Z_]*[A-Z]\b(?!_)", text) if name not in SOURCE}
    assert settings == set()
    variables = {name for name in re.findall(r"\borcastra_[a-z_]*[a-z]\b", text) if name not in SOURCE}
    assert variables - role_variables() - SECRETS == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_document_links_to_files_and_headings_that_exist(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", _without_code(path)):
        file, _, heading = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        if "docs/reference/" in linked.as_posix() and not linked.exists():
            continue  # generated when the documentation is built
        assert linked.exists(), f"{path.relative_to(ROOT)}: {target}"
        if heading and linked.suffix == ".md":
            assert heading in _headings(linked), f"{path.relative_to(ROOT)}: {target}"


def _without_code(path: Path) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _headings(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub and MyST make them."""
    found = re.findall(r"^#+ (.+)$", _without_code(path), re.MULTILINE)
    labels = re.findall(r"^\(([\w-]+)\)=$", _without_code(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in found} | set(labels)
