# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reference pages of modules, plugins and roles, which antsibull-docs makes from their documentation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

COLLECTION = "orcastra.swarm"
# The theme has its own list of a page's sections.
_CONTENTS = re.compile(r"^\.\. contents::\n(?: +:.*\n)*", re.MULTILINE)
_TITLE = re.compile(r"^Orcastra\.Swarm\n=+$", re.MULTILINE)
# The side bar shows short titles.
_ENTRY = re.compile(r"^( +)(\w+)_(module|role|inventory|lookup|filter)$", re.MULTILINE)


def collection_pages() -> dict[str, bytes]:
    """Return the pages by file name."""
    bin_folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    with tempfile.TemporaryDirectory(prefix="orcastra-docs-") as folder:
        options = ["--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", folder]
        subprocess.run(
            [bin_folder / "antsibull-docs", "collection", *options, COLLECTION], check=True, env=environment
        )
        return {path.name: _adapted(path.read_text("utf-8")) for path in sorted(Path(folder).glob("*.rst"))}


def _adapted(text: str) -> bytes:
    text = _CONTENTS.sub("", text)
    text = _ENTRY.sub(r"\1\2 (\3) <\2_\3>", text)
    title = f"Collection {COLLECTION}"
    return _TITLE.sub(f"{title}\n{'=' * len(title)}", text).encode()
