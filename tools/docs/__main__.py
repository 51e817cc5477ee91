# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation site: ``.venv/bin/python -m tools.docs [FOLDER]``.

Copies ``docs/`` to ``FOLDER/source`` (default: ``build/docs``), adds the generated reference pages, and runs
Sphinx with warnings as errors. The site is in ``FOLDER/html``. Exit status 0 if there are no warnings.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, content: bytes) -> None:
    """Write a file if its content changes, so that Sphinx reads only changed pages again."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_sources(source: Path) -> None:
    """Bring ``source`` in line with ``docs/`` and the generated pages."""
    pages = {
        path.relative_to(ROOT / "docs"): path.read_bytes()
        for path in (ROOT / "docs").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for name, content in pages.items():
        write(source / name, content)
    for path in list(source.rglob("*")):
        if path.is_file() and path.relative_to(source) not in pages:
            path.unlink()


def build(folder: Path) -> int:
    """Build the site below ``folder``; returns Sphinx's exit status."""
    source = folder / "source"
    write_sources(source)
    shutil.rmtree(folder / "html", ignore_errors=True)
    options = ["--fail-on-warning", "--nitpicky", "--keep-going", "-q", "-j", "auto"]
    return sphinx([*options, "-d", str(folder / "doctrees"), str(source), str(folder / "html")])


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if arguments else ROOT / "build" / "docs"
    status = build(folder)
    if status == 0:
        print(f"{folder / 'html' / 'index.html'}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
