# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx configuration of the documentation site. ``make docs`` builds the site; see ``tools/docs``."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "galaxy.yml").is_file())
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
REPOSITORY = GALAXY["repository"]

project = "Orcastra"
author = "Orcastra contributors"
project_copyright = f"2026, {author}"
release = version = GALAXY["version"]

extensions = ["myst_parser", "sphinx_copybutton"]
source_suffix = {".md": "markdown"}
nitpicky = True

myst_enable_extensions = ["alert", "attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"Orcastra {release}"
html_static_path: list[str] = []
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"source_repository": REPOSITORY, "source_branch": "main", "source_directory": "docs/"}
pygments_style = "tango"
pygments_dark_style = "github-dark"
# Console examples: copy the commands, without prompts and output.
copybutton_prompt_text = r"[$#] "
copybutton_prompt_is_regexp = True

_LINK = re.compile(r"(?<=\]\()(\.\./[^)\s]*)(?=\))")


def link_to_repository(_app: Any, page: str, source: list[str]) -> None:
    """Point relative links that leave ``docs/`` to the repository, where those files are."""

    def replace(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), match[1]))
        return match[1] if target.startswith("docs/") else f"{REPOSITORY}/blob/main/{target}"

    source[0] = _LINK.sub(replace, source[0])


def setup(app: Any) -> None:
    app.connect("source-read", link_to_repository)
