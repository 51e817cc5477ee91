# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds wording that our style rules out: ``.venv/bin/python tools/prose.py [--count] [PATH…]``.

The rules are in ``tools/prose.yml``. Each PATH is a file or a folder; the default is the whole project.
Only prose is checked: Markdown and reStructuredText without code, comments, docstrings, other strings of
several words, and test names. ``--count`` prints a table of findings by surface instead of the findings.
Exit status 0 if there are none, 1 if there are some.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
RULES_FILE = Path(__file__).with_suffix(".yml")
ALLOW = re.compile(r"prose:\s*allow")

# (line, surface, text)
Passage = tuple[int, str, str]

_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,}).*?^[ \t>]*\1`*[ \t]*$", re.DOTALL | re.MULTILINE)
_INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_LINK_TARGET = re.compile(r"\]\([^)]*\)")
_MARKUP = re.compile(r"\b[CEILMOPRUV]+\([^)]*\)")
_QUOTED = re.compile(r'"[^"\n]{1,40}"')
_SCRIPT_STRING = re.compile(r"`[^`]*`|\"[^\"\n]*\"|'[^'\n]*'|//[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Rule:
    """One construction that the style rules out, and what to write instead."""

    pattern: re.Pattern[str]
    instead: str


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    surface: str
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: expected {self.instead}, found “{self.found}”"


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules of ``tools/prose.yml`` in their order."""
    entries = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))["rules"]
    return tuple(Rule(re.compile(entry["pattern"], re.IGNORECASE), entry["instead"]) for entry in entries)


def blank(text: str, pattern: re.Pattern[str]) -> str:
    """Replace each match with spaces, so that line and column numbers stay the same."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def is_prose(text: str) -> bool:
    """Return whether a string is prose: at least three words, and no code or address."""
    return len(re.findall(r"[A-Za-z]{2,}", text)) >= 3 and " " in text.strip()


def markdown(text: str) -> Iterator[Passage]:
    text = blank(text, _FENCE)
    text = blank(text, _LINK_TARGET)
    yield from paragraphs(blank(text, _INLINE_CODE), "docs")


def paragraphs(text: str, surface: str) -> Iterator[Passage]:
    """Yield the blocks between empty lines with the number of their first line."""
    line = 1
    for block in re.split(r"(\n[ \t]*\n)", text):
        if block.strip():
            yield line, surface, block
        line += block.count("\n")


def yaml_text(text: str) -> Iterator[Passage]:
    """Yield comments and scalars of several words. A file that isn't plain YAML yields only its comments."""
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.search(r"(?:^|\s)#\s?(.*)", line)
        if comment and is_prose(comment[1]):
            yield number, "comments", comment[1]
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return
    for node in nodes:
        yield from scalars(node)


def scalars(node: yaml.Node | None) -> Iterator[Passage]:
    if isinstance(node, yaml.ScalarNode):
        if is_prose(node.value):
            yield node.start_mark.line + 1, "text", node.value
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from scalars(item)
    elif isinstance(node, yaml.MappingNode):
        for _key, value in node.value:
            yield from scalars(value)


def python(text: str) -> Iterator[Passage]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    yield from python_comments(text)
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings.add(id(first.value))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.lineno, "test names", node.name.replace("_", " ")
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_prose(node.value):
            surface = "docstrings" if id(node) in docstrings else "strings"
            yield node.lineno, surface, node.value


def python_comments(text: str) -> Iterator[Passage]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and is_prose(token.string):
            yield token.start[0], "comments", token.string.lstrip("# ")


def script(text: str) -> Iterator[Passage]:
    """Yield the strings and comments of JavaScript."""
    for match in _SCRIPT_STRING.finditer(text):
        if is_prose(match[0]):
            yield text.count("\n", 0, match.start()) + 1, "page", match[0].strip("\"'`/*")


def hash_comments(text: str) -> Iterator[Passage]:
    """Yield the comments of files that mark them with ``#``: Makefile, Dockerfile, shell, TOML."""
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.search(r"(?:^|\s)#+\s(.*)", line)
        if comment and is_prose(comment[1]):
            yield number, "comments", comment[1]


READERS: dict[str, Callable[[str], Iterator[Passage]]] = {
    ".md": markdown,
    ".rst": markdown,
    ".html": lambda text: paragraphs(re.sub(r"<[^>]*>", " ", text), "page"),
    ".js": script,
    ".py": python,
    ".yml": yaml_text,
    ".yaml": yaml_text,
    ".toml": hash_comments,
    ".sh": hash_comments,
    "": hash_comments,
}


def check_text(path: str, text: str) -> Iterator[Finding]:
    """Yield the findings in the prose of one file. The suffix of its path decides how it is read."""
    reader = READERS.get(Path(path).suffix)
    if reader is None:
        return
    lines = text.splitlines()
    for start, surface, passage in reader(text):
        prose = passage
        for pattern in (_INLINE_CODE, _MARKUP, _QUOTED):
            prose = blank(prose, pattern)
        prose = prose.replace("\n", " ")
        for rule in rules():
            for match in rule.pattern.finditer(prose):
                line = start + passage.count("\n", 0, match.start())
                if line <= len(lines) and ALLOW.search(lines[line - 1]):
                    continue
                found = re.sub(r"\s+", " ", match[0]).strip()
                yield Finding(path, line, surface, found, rule.instead)


def project_files(paths: list[str]) -> list[str]:
    """Return the files below ``paths`` that git tracks or would track."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    skip = set(yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))["skip"])
    return sorted(name for name in set(listing.split("\0")) if name and name not in skip)


def findings(paths: list[str]) -> Iterator[Finding]:
    for name in project_files(paths):
        file = ROOT / name
        if file.is_file() and Path(name).suffix in READERS:
            yield from check_text(name, file.read_text(encoding="utf-8", errors="replace"))


def table(found: list[Finding]) -> str:
    counts = Counter((finding.path.split("/")[0], finding.surface) for finding in found)
    rows = [f"{count:6}  {where}: {surface}" for (where, surface), count in sorted(counts.items())]
    return "\n".join([*rows, f"{len(found):6}  in all"])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="prose.py", description="Find wording that our style rules out.")
    parser.add_argument("--count", action="store_true", help="print the number of findings by surface")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders (default: the project)")
    options = parser.parse_args(arguments)
    found = list(findings(options.paths))
    if options.count:
        print(table(found))
    else:
        for finding in found:
            print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
