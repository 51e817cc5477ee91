# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Markdown documents of the tree, and the code blocks in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^`]*)$")
_COMMENT = re.compile(r"^ *<!-- (?P<kind>not checked|swarm): (?P<text>.+) -->$")
_SEPARATORS = {"|", "||", "&&", ";", "&"}
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced code block. ``line`` is the line of its fence, counted from 1.

    ``not_checked`` is the reason in a comment right above it: ``<!-- not checked: reason -->``. ``swarm`` is
    the simulated swarm on which its commands run: ``<!-- swarm: name -->``.
    """

    path: Path
    line: int
    language: str
    text: str
    not_checked: str = ""
    swarm: str = ""

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class CommandLine:
    """A command in a console block: its environment variables, its program and arguments."""

    environment: dict[str, str]
    words: list[str]
    text: str


def documents() -> list[Path]:
    """README.md and the other top-level documents, those of roles, and everything under docs."""
    found = [
        *ROOT.glob("*.md"),
        *ROOT.glob("roles/*/README.md"),
        *ROOT.glob("monitoring/*.md"),
        *(path for path in ROOT.glob("docs/**/*.md") if "_build" not in path.parts),
    ]
    return sorted(found)


def blocks_of(path: Path) -> Iterator[Block]:
    """All fenced code blocks of a document. MyST directives, such as ``{note}``, are not code."""
    lines = path.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        match = _FENCE.match(lines[number])
        if match is None:
            number += 1
            continue
        start, body = number, []
        closing = re.compile(rf" *{match['fence']}`*\s*")
        number += 1
        while number < len(lines) and not closing.fullmatch(lines[number]):
            body.append(lines[number].removeprefix(match["indent"]))
            number += 1
        number += 1
        language = match["info"].strip().partition(" ")[0]
        if language.startswith("{") and language != "{code-block}":
            continue
        text = "".join(f"{line}\n" for line in body)
        yield Block(path, start + 1, language, text, **_remarks(lines, start))


def _remarks(lines: list[str], start: int) -> dict[str, str]:
    """The comment above a block."""
    match = _COMMENT.match(lines[start - 1]) if start else None
    return {} if match is None else {match["kind"].replace(" ", "_"): match["text"].strip()}


def command_lines(block: Block) -> Iterator[CommandLine]:
    """The commands of a console block: lines after a prompt, ``$`` or ``#``, with their continuations."""
    lines = iter(block.text.splitlines())
    for line in lines:
        if not re.match(r"[$#] \S", line) or re.match(r"# (HELP|TYPE) ", line):
            continue
        text = line[2:]
        while text.endswith("\\"):
            text = text[:-1] + next(lines, "").removeprefix("> ")
        yield from _split(text)


def _split(text: str) -> Iterator[CommandLine]:
    """The commands of one line: those of a pipe or a list each count."""
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "SUBSTITUTED", text), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in _SEPARATORS:
            words.append(word)
            continue
        found, words = _command(words, text), []
        if found.words:
            yield found


def _command(words: list[str], text: str) -> CommandLine:
    environment = {}
    while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0] == "sudo"):
        name, separator, value = words.pop(0).partition("=")
        if separator:
            environment[name] = value
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if re.fullmatch(r"[<>]+", word):
            next(rest, None)
        else:
            kept.append(word)
    return CommandLine(environment, kept, text)
