# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read YAML into plain data: lines, duplicate keys, aliases, and everything that a file must not contain."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config import source, yaml_limits
from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._config.yaml_limits import (
    MAX_BYTES,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_LINES,
    MAX_VALUES,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import (
    MAX_PROBLEMS,
    OrcastraError,
    Problem,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "swarm.yml"


def read(file: Path, text: str | bytes) -> tuple[Document, list[Problem]]:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    document, problems = read_file(file)
    assert all(problem.file == str(file) for problem in problems)
    return document, problems


def codes(problems: list[Problem]) -> list[tuple[str, str, int | None]]:
    return [(problem.code, problem.key, problem.line) for problem in problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("# nothing\n", None),
        ("---\n...\n", None),
        ("\ufeffa: b", {"a": "b"}),
        ("a: [x, 'y', \"z\"]", {"a": ["x", "y", "z"]}),
        ("a: yes\nb: Off\nc: TRUE", {"a": True, "b": False, "c": True}),
        ("a:\nb: ~\nc: null", {"a": None, "b": None, "c": None}),
        ("a: 12\nb: -3\nc: 0", {"a": 12, "b": -3, "c": 0}),
        ("a: 1.5\nb: .5\nc: -2.e3", {"a": 1.5, "b": 0.5, "c": -2000.0}),
        # YAML 1.1 would read these as 8, 31, 750, 1000, 60.5, a date and infinity
        ("a: 010\nb: 0x1F\nc: 12:30\nd: 1_000", {"a": "010", "b": "0x1F", "c": "12:30", "d": "1_000"}),
        ("a: 1:0.5\nb: 2024-01-01\nc: .inf\nd: =", {"a": "1:0.5", "b": "2024-01-01", "c": ".inf", "d": "="}),
        ("a: 10.0.0.11\nb: 1e3\nc: nope", {"a": "10.0.0.11", "b": "1e3", "c": "nope"}),
        ("a: " + "9" * 5000, {"a": "9" * 5000}),
        ("a: !!str 5\nb: !!int '5'\nc: !!bool 'on'", {"a": "5", "b": 5, "c": True}),
        ("a: |\n  x\n  y\nb: >\n  x\n  y\n", {"a": "x\ny\n", "b": "x y\n"}),
        ("'<<': x", {"<<": "x"}),
        ("x-any: &a {k: v}\nn: *a", {"n": {"k": "v"}}),
        ("a: &a {k: 1, l: 2}\nb: {<<: *a, l: 3}", {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}}),
        ("b: {l: 3, <<: {k: 1, l: 2}}", {"b": {"k": 1, "l": 3}}),
        ("b: {<<: [{k: 1}, {k: 2, l: 2}]}", {"b": {"k": 1, "l": 2}}),
        (
            "a: &a {k: 1}\nb: &b {<<: *a, l: 2}\nc: {<<: *b}",
            {"a": {"k": 1}, "b": {"k": 1, "l": 2}, "c": {"k": 1, "l": 2}},
        ),
        ("a: &a [1]\nb: *a\nc: *a", {"a": [1], "b": [1], "c": [1]}),
        # an unused extension is not read
        ("x-any: {1: [!vault x]}\na: b", {"a": "b"}),
    ],
)
def test_read_file_returns_data(file: Path, text: str, expected: object) -> None:
    document, problems = read(file, text)
    assert problems == []
    assert document.data == expected


def test_read_file_copies_aliased_data(file: Path) -> None:
    document, _ = read(file, "a: &a [1]\nb: *a")
    assert document.data["a"] is not document.data["b"]


def test_read_file_records_lines(file: Path) -> None:
    document, _ = read(
        file,
        """\
x-base: &base
  labels:
    - ssd
nodes:
  a: {ip: 1}
  b:
    <<: *base
    ip:
      10.0.0.1
list: [
  x,
  y]
""",
    )
    lines = document.lines
    assert lines["nodes",] == 4
    assert lines["nodes", "a"] == lines["nodes", "a", "ip"] == 5
    assert lines["nodes", "b"] == 6
    assert lines["nodes", "b", "labels"] == 2
    assert lines["nodes", "b", "labels", 0] == 3
    assert lines["nodes", "b", "ip"] == 8
    assert lines["list", 1] == 12
    # the closest parent of a value that does not exist
    assert document.line(("nodes", "b", "role")) == 6
    assert document.line(("list", 7)) == 10


@pytest.mark.parametrize(
    ("text", "code", "key", "line"),
    [
        ("a: 1\nb: 2\na: 3", "duplicate", "a", 3),
        ("n:\n  a: 1\n  'a': 3", "duplicate", "n.a", 3),
        ("- {a: 1}\n- {b: 1, b: 1}", "duplicate", "[1].b", 2),
        ("a: {<<: {b: 1}, <<: {c: 1}}", "duplicate", "a.<<", 1),
        ("x-a: &a {k: 1, k: 2}\nn: *a\nm: *a", "duplicate", "n.k", 1),
        ("a: {<<: x}", "wrong_type", "a.<<", 1),
        ("a: {<<: [[]]}", "wrong_type", "a.<<", 1),
        ("a:\n  5: x", "wrong_type", "a", 2),
        ("on: x", "wrong_type", "", 1),
        ("~: x", "wrong_type", "", 1),
        ("? [a]\n: x", "wrong_type", "", 1),
        ("? {a: b}\n: x", "wrong_type", "", 1),
        ("a: !foo x", "wrong_type", "a", 1),
        ("a: !foo [x]", "wrong_type", "a", 1),
        ("a: !!python/object:os.system x", "wrong_type", "a", 1),
        ("a: !!timestamp 2024-01-01", "wrong_type", "a", 1),
        ("a: !!set {x}", "wrong_type", "a", 1),
        ("a: !!binary aGFsbG8=", "wrong_type", "a", 1),
        ("a: !!int x", "invalid_value", "a", 1),
        ("a: !!bool x", "invalid_value", "a", 1),
        ("a: !!str [x]", "wrong_type", "a", 1),
        ("!foo x: y", "wrong_type", "", 1),
        ("a: &a [*a]", "cycle", "a[0]", 1),
        ("a: &a {b: {c: *a}}", "cycle", "a.b.c", 1),
        ("a: &a {<<: *a}", "cycle", "a", 1),
        ("a: &a {b: {<<: *a}}", "cycle", "a.b", 1),
        ("&a [*a]", "cycle", "[0]", 1),
        ("a:\n  " + "[" * 60 + "]" * 60, "too_large", "", 2),
        ("[" * 20_000, "too_large", "", 1),
        ("{a: " * 20_000, "too_large", "", 1),
    ],
)
def test_read_file_rejects(file: Path, text: str, code: str, key: str, line: int) -> None:
    assert codes(read(file, text)[1]) == [(code, key, line)]


def test_read_file_rejects_vault_values_without_showing_them(file: Path) -> None:
    _, (problem,) = read(file, "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n")
    assert (problem.code, problem.key, problem.line) == ("wrong_type", "a", 1)
    assert "6162" not in str(problem)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b\n\tc: d", 2),
        ("a: b: c", 1),
        ("a: 1\nb\nc: 2", 3),
        ("a: [1, 2\nb: 3", 2),
        ("a: {b: 1\nc: 3", 2),
        ("a: 'x\nb: 1\n", 3),
        ("a:\n  b: 1\n c: 2", 3),
        ("a: *b", 1),
        ("a: @b", 1),
        ("a: %b", 1),
        ("a: 1\n---\nb: 2", 2),
        ('a: "\\q"', 1),
        ("a: !x!y z", 1),
        ("a: 1\nb: \x07", 2),
    ],
)
def test_read_file_explains_syntax_errors(file: Path, text: str, line: int) -> None:
    document, problems = read(file, text)
    assert codes(problems) == [("invalid_yaml", "", line)]
    assert "a syntax error" not in problems[0].found
    assert document.data is None


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)),
        "a0: &a0 {k: v}\n"
        + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 30)),
    ],
    ids=["values", "merge keys"],
)
def test_read_file_counts_expanded_aliases(file: Path, text: str) -> None:
    ((code, key, _line),) = codes(read(file, text)[1])
    assert (code, key) == ("too_large", "")


def test_read_file_limits_chain_of_merge_keys(file: Path) -> None:
    links = "".join(f"x-{n}: &x{n} {{<<: *x{n - 1}}}\n" for n in range(1, 2000))
    _, problems = read(file, f"x-0: &x0 {{k: v}}\n{links}n: *x1999")
    assert codes(problems) == [("too_large", "", None)]


def test_read_file_reports_all_problems_at_once(file: Path) -> None:
    document, problems = read(file, "a: !x y\nb: 1\nb: 2\n7: c\nd: ok")
    assert sorted(problem.line or 0 for problem in problems) == [1, 3, 4]
    assert document.data == {"a": None, "b": 1, "d": "ok"}


def test_read_file_rejects_other_encodings(file: Path) -> None:
    assert codes(read(file, b"a: b\nc: \xe4\n")[1]) == [("unreadable", "", 2)]
    assert codes(read(file, "a: b".encode("utf-16"))[1]) == [("unreadable", "", 1)]


def test_read_file_rejects_large_file(file: Path) -> None:
    assert codes(read(file, b"#" * (1024 * 1024 + 1))[1]) == [("too_large", "", None)]


def test_read_file_rejects_directory(tmp_path: Path) -> None:
    assert codes(read_file(tmp_path)[1]) == [("unreadable", "", None)]


def test_read_file_rejects_pipe_without_waiting_for_writer(file: Path) -> None:
    os.mkfifo(file)
    assert codes(read_file(file)[1]) == [("unreadable", "", None)]


def test_read_file_reports_unreadable_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("a: b")

    def refuse(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    (problem,) = read_file(file)[1]
    assert (problem.code, problem.found) == ("unreadable", "Permission denied")


def test_read_file_reports_symlink_loop(file: Path) -> None:
    file.symlink_to(file)
    assert codes(read_file(file)[1]) == [("unreadable", "", None)]


def test_read_file_of_missing_file_has_no_data(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for path in ("nowhere", "file/below", "dangling"):
        document, problems = read_file(tmp_path / path)
        assert (document.data, problems) == (None, [])


def test_read_file_requires_pyyaml(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "YAML_IMPORT_ERROR", "Traceback …")
    with pytest.raises(OrcastraError, match="PyYAML"):
        read_file(file)


def full_of(piece: str) -> str:
    """As many repetitions as fit into the largest file."""
    return (piece * (MAX_BYTES // len(piece.encode()) + 1))[: MAX_BYTES // len(piece[0].encode()) - 16]


VALUES, LEVELS, LINES, CHARACTERS = MAX_VALUES, MAX_DEPTH, MAX_LINES, MAX_CHARACTERS
TOO_MUCH = {
    "commas in a list": ("[" + full_of("a,"), VALUES),
    "commas in a mapping": ("{" + full_of("a,"), VALUES),
    "quotes": ("[" + full_of("'',"), VALUES),
    "pairs": ("[" + full_of("a: b,"), VALUES),
    "lists": ("[" + full_of("[],"), VALUES),
    "mappings": ("a: [" + full_of("{},"), VALUES),
    "items": (full_of("- a\n"), VALUES),
    "empty items": (full_of("-\n"), VALUES),
    "keys": (full_of("a: b\n"), VALUES),
    "complex keys": (full_of("?\n"), VALUES),
    "lists as keys": (full_of("[a]: b\n"), VALUES),
    "tags": (full_of("- !a\n"), VALUES),
    "anchors": (full_of("- &a\n"), VALUES),
    "aliases": ("a: &a 1\nb: [" + full_of("*a,"), VALUES),
    "brackets": (full_of("["), LEVELS),
    "braces": (full_of("{"), LEVELS),
    "dashes": (full_of("- "), LEVELS),
    "question marks": (full_of("? "), LEVELS),
    "indentation": ("".join(" " * n + "a:\n" for n in range(1400)), LEVELS),
    "a word": (full_of("a"), CHARACTERS),
    "words": (full_of("a b "), CHARACTERS),
    "lines of words": (full_of("a\n"), CHARACTERS),
    "colons": (full_of(":"), CHARACTERS),
    "a quoted text": ("'" + full_of("''") + "'", CHARACTERS),
    "a block": ("a: |\n" + full_of(" x\n"), CHARACTERS),
    "a long key": (full_of("ü") + ": 1", CHARACTERS),
    "comments": (full_of("#\n"), LINES),
    "nothing": (full_of("\n"), LINES),
    "carriage returns": (full_of("\r"), LINES),
    "separators": (full_of("\u2028"), LINES),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_read_file_enforces_limits(file: Path, case: str) -> None:
    text, limit = TOO_MUCH[case]
    document, (problem,) = read(file, text)
    assert document.data is None
    assert problem.code == "too_large"
    assert str(limit) in problem.expected.split()


@pytest.mark.parametrize(("text", "limit"), [("[" + "a," * 600, 500), ("[" * 500, MAX_DEPTH)])
def test_read_file_enforces_limits_without_libyaml(
    file: Path, text: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_limits, "HAS_LIBYAML", False)
    monkeypatch.setattr(yaml_limits, "MAX_VALUES", 500)
    (problem,) = read(file, text)[1]
    assert problem.code == "too_large"
    assert str(limit) in problem.expected.split()


def test_read_file_accepts_largest_configuration(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a single line, as programs write it."""
    monkeypatch.setattr(yaml_limits, "MAX_VALUES", 8000)
    nodes = ", ".join(f'"n{n}": {{"labels": {{"a": "b", "c": "d"}}}}' for n in range(999))
    document, problems = read(file, f'{{"nodes": {{{nodes}}}}}')
    assert problems == []
    assert document.data["nodes"]["n100"] == {"labels": {"a": "b", "c": "d"}}


def test_read_file_limits_number_of_problems(file: Path) -> None:
    _, problems = read(file, "".join(f"- !tag{n} x\n" for n in range(1000)))
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].code == "too_many_problems"
