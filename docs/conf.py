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
from docutils import nodes

ROOT = next(folder for folder in Path(__file__).resolve().parents if (folder / "galaxy.yml").is_file())
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
REPOSITORY = GALAXY["repository"]

project = "Orcastra"
author = "Orcastra contributors"
project_copyright = f"2026, {author}"
release = version = GALAXY["version"]

extensions = ["myst_parser", "sphinx_antsibull_ext", "sphinx_copybutton"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
nitpicky = True
smartquotes = False  # texts quote options and values

myst_enable_extensions = ["alert", "attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"Orcastra {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"source_repository": REPOSITORY, "source_branch": "main", "source_directory": "docs/"}
pygments_style = "tango"
pygments_dark_style = "github-dark"
# Console examples: copy the commands, without prompts and output.
copybutton_prompt_text = r"[$#] "
copybutton_prompt_is_regexp = True

ANSIBLE_DOCS = "https://docs.ansible.com/ansible/latest"
ANSIBLE_PAGES = {
    "common_return_values": "reference_appendices/common_return_values.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
}
_LINK = re.compile(r"(?<=\]\()(\.\./[^)\s]*)(?=\))")


def link_to_repository(_app: Any, page: str, source: list[str]) -> None:
    """Point relative links that leave ``docs/`` to the repository, where those files are."""

    def replace(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), match[1]))
        return match[1] if target.startswith("docs/") else f"{REPOSITORY}/blob/main/{target}"

    source[0] = _LINK.sub(replace, source[0])


def link_to_ansible(_app: Any, _environment: Any, node: Any, content: Any) -> Any:
    """Resolve the references of generated pages to Ansible's own documentation."""
    target = str(node.get("reftarget", ""))
    module = re.fullmatch(r"ansible_collections\.(\w+)\.(\w+)\.(\w+)", target)
    if module is not None:
        page = f"collections/{module[1]}/{module[2]}/{module[3]}.html"
    elif node.get("reftype") == "envvar" and target.startswith("ANSIBLE_"):
        page = f"reference_appendices/config.html#envvar-{target}"
    elif target in ANSIBLE_PAGES:
        page = ANSIBLE_PAGES[target]
    else:
        return None
    return nodes.reference("", "", content, refuri=f"{ANSIBLE_DOCS}/{page}")


def setup(app: Any) -> None:
    app.connect("source-read", link_to_repository)
    app.connect("missing-reference", link_to_ansible)
