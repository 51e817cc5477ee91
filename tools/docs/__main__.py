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


def write_sources(source: Path) -> None:
    """Write the pages of ``docs/`` and the generated ones to ``source``."""
    shutil.copytree(ROOT / "docs", source, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in reference_pages().items():
        (source / "reference" / name).write_text(text, encoding="utf-8")
    collection = source / "reference" / "collection"
    collection.mkdir()
    for name, content in collection_pages().items():
        (collection / name).write_bytes(content)


def main() -> int:
    """Build the site from scratch; returns Sphinx's exit status."""
    folder = ROOT / "build" / "docs"
    # Sphinx repeats no warning about a page that it has read before
    shutil.rmtree(folder, ignore_errors=True)
    source, html = folder / "source", folder / "html"
    write_sources(source)
    options = ["--fail-on-warning", "--nitpicky", "--keep-going", "--quiet", "--jobs", "auto"]
    status = sphinx([*options, "-d", str(folder / "doctrees"), str(source), str(html)])
    if status == 0:
        print(html / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
