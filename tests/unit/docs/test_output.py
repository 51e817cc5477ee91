# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides show the real output of commands.

``UPDATE_DOCS=1 pytest tests/unit/docs/test_output.py`` writes the current output into the documents.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.support.documents import Block, blocks_of, command_lines, documents
from tests.support.guide_swarm import SCENES

pytestmark = pytest.mark.slow

BLOCKS = [block for path in documents() for block in blocks_of(path) if block.swarm]
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?|\b\d+ (?:s|min|h)\b")
_OMITTED = "…"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_console_block_shows_the_output_of_its_commands(block: Block, tmp_path: Path) -> None:
    with SCENES[block.swarm]() as scene:
        found = "\n".join(f"$ {line.text}\n{scene.run(line, tmp_path)}" for line in command_lines(block))
    if os.environ.get("UPDATE_DOCS") and not _matches(block.text, found):
        is_short = re.search(rf"^{_OMITTED}$", block.text, re.MULTILINE)
        assert not is_short, f"{block} is shortened, so edit it by hand:\n{found}"
        text = block.path.read_text(encoding="utf-8")
        assert text.count(block.text) == 1, f"{block}: its text is not unique in the document"
        block.path.write_text(text.replace(block.text, found), encoding="utf-8")
    else:
        assert _matches(block.text, found), f"{block}: the output differs; UPDATE_DOCS=1 writes it:\n{found}"


def _matches(shown: str, found: str) -> bool:
    """Whether ``shown`` is ``found``, except for times and durations, and for lines that ``…`` stands for."""
    lines = [_TIME.sub("TIME", line.rstrip()) for line in shown.strip().splitlines()]
    pattern = "\n".join(r"(?:.*\n)*?.*" if line == _OMITTED else re.escape(line) for line in lines)
    text = "\n".join(_TIME.sub("TIME", line.rstrip()) for line in found.strip().splitlines())
    return re.fullmatch(pattern, text) is not None
