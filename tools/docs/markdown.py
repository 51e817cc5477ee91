# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pieces of Markdown pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`[^`]*`)")
# Options, variables and names of files are code, even if a help text for the terminal doesn't mark them.
_NAMES = re.compile(r"(?<![\w.-])(--[a-z][a-z-]+|[A-Z]+(?:_[A-Z]+)+(?:=\w+)?|[a-z_]+\.ya?ml)(?![\w-])")
_SPECIAL = re.compile(r"([*_<>\[\]])")


def escape(text: str) -> str:
    """Escape text so that Markdown shows it as it is. Code between backticks, and names, are code."""
    parts = _CODE.split(_mark_names(text))
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in parts)


def _mark_names(text: str) -> str:
    parts = _CODE.split(text)
    return "".join(part if part.startswith("`") else _NAMES.sub(r"`\1`", part) for part in parts)


def code(text: str) -> str:
    """Return text as inline code, or a dash if it is empty."""
    return f"`{text}`" if text else "–"


def sentence(text: str) -> str:
    """Return text with a capital letter at the start and a full stop at the end."""
    text = text.strip()
    # the first word may be a name, such as swarm.yml or docker
    word = text.split(" ", 1)[0]
    if word.isalpha() and word.islower():
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "?", "!", ":")) else f"{text}."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of class ``names``; the cells are Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "{.names}\n" + "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", r"\|").strip()


def page(title: str, *blocks: str) -> str:
    """Return a page: its title and its blocks, with an empty line between them."""
    return "\n\n".join([f"# {title}", *(block for block in blocks if block)]) + "\n"
