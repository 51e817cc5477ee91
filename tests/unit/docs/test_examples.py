# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the documentation are valid: each code block passes the parser of its format."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.support.documents import ROOT, Block, blocks_of, documents
from tests.support.examples import UnclassifiedError, classify, kind_of
from tests.support.runner_process import environment

BLOCKS = [block for path in documents() for block in blocks_of(path)]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_code_block_is_valid(block: Block) -> None:
    _kind, check = classify(block)
    check(block)


def test_code_blocks_are_of_many_kinds() -> None:
    kinds = Counter(kind_of(block) for block in BLOCKS)
    assert len(BLOCKS) > 60
    assert {"swarm.yml", "console", "playbook", "command file", "rebalance_config.yml", "mods"} <= set(kinds)
    assert kinds["not checked"] <= len(BLOCKS) // 8


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
            files.append(tmp_path / f"{len(files)}_{block.path.stem}_{block.line}.yml")
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
