# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation site: ``.venv/bin/python -m tools.docs``.

Copies ``docs/`` to ``build/docs/source``, adds the generated reference pages, and runs Sphinx with warnings
as errors. The site is in ``build/docs/html``. Exit status 0 if there are no warnings.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from tools.docs.collection import collection_pages
from tools.docs.pages import reference_pages

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, content: bytes) -> None:
    """Write a file if its content changes, so that Sphinx reads only changed pages again."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_sources(source: Path) -> bool:
    """Make ``source`` a copy of ``docs/`` and the generated pages.

    Returns whether files were added or removed, so that links of unchanged pages need another check.
    """
    pages = {
        path.relative_to(ROOT / "docs"): path.read_bytes()
        for path in (ROOT / "docs").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    reference = Path("reference")
    pages |= {reference / name: text.encode() for name, text in reference_pages().items()}
    pages |= {reference / "collection" / name: text for name, text in collection_pages().items()}
    before = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    for name in before - pages.keys():
        (source / name).unlink()
    for name, content in pages.items():
        write(source / name, content)
    return before != pages.keys()


def main() -> int:
    """Build the site; returns Sphinx's exit status."""
    folder = ROOT / "build" / "docs"
    source = folder / "source"
    has_other_files = write_sources(source)
    shutil.rmtree(folder / "html", ignore_errors=True)
    options = ["--fail-on-warning", "--nitpicky", "--keep-going", "--quiet", "--jobs", "auto"]
    options += ["--fresh-env"] if has_other_files else []
    status = sphinx([*options, "-d", str(folder / "doctrees"), str(source), str(folder / "html")])
    if status == 0:
        print(folder / "html" / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
