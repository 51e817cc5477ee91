# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML to plain data: lines, duplicate keys, aliases, and everything a file should not hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config import source, yaml_limits
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._config.yaml_limits import (
    MAX_BYTES,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_LINES,
    MAX_VALUES,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import MAX_PROBLEMS, OrcastraError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "swarm.yml"


def read(file: Path, text: str | bytes):
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    document, problems = read_file(file)
    return document, [str(problem).removeprefix(f"{file}:").strip() for problem in problems]


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
        # YAML 1.1 would make 8, 31, 750, 1000, 60.5, a date and infinity of these
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
        # what nothing uses is not looked at
        ("x-any: {1: [!vault x]}\na: b", {"a": "b"}),
    ],
)
def test_reads(file: Path, text: str, expected: object) -> None:
    document, problems = read(file, text)
    assert problems == []
    assert document.data == expected


def test_data_from_aliases_is_not_shared(file: Path) -> None:
    document, _ = read(file, "a: &a [1]\nb: *a")
    assert document.data["a"] is not document.data["b"]


def test_lines(file: Path) -> None:
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
    # the nearest value around one that isn't there
    assert document.line(("nodes", "b", "role")) == 6
    assert document.line(("list", 7)) == 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "3: a: expected each key once, found it again (first in line 1)"),
        ("n:\n  a: 1\n  'a': 3", "3: n.a: expected each key once, found it again (first in line 2)"),
        ("- {a: 1}\n- {b: 1, b: 1}", "2: [1].b: expected each key once, found it again (first in line 2)"),
        ("a: {<<: {b: 1}, <<: {c: 1}}", "1: a.<<: expected each key once, found it again (first in line 1)"),
        (
            "x-a: &a {k: 1, k: 2}\nn: *a\nm: *a",
            "1: n.k: expected each key once, found it again (first in line 1)",
        ),
        ("a: {<<: x}", "1: a.<<: expected an alias of a mapping, or a list of them, found 'x'"),
        ("a: {<<: [[]]}", "1: a.<<: expected an alias of a mapping, or a list of them, found a list"),
        ("a:\n  5: x", "2: a: expected text as a key, found the number 5 (put it in quotes: '5')"),
        ("on: x", "1: expected text as a key, found true (put it in quotes: 'on')"),
        ("~: x", "1: expected text as a key, found nothing (put it in quotes: '~')"),
        ("? [a]\n: x", "1: expected text as a key, found a list"),
        ("? {a: b}\n: x", "1: expected text as a key, found a mapping"),
        ("a: !foo x", "1: a: expected a plain value, found the tag !foo"),
        ("a: !foo [x]", "1: a: expected a plain value, found the tag !foo"),
        (
            "a: !!python/object:os.system x",
            "1: a: expected a plain value, found the tag !!python/object:os.system",
        ),
        ("a: !!timestamp 2024-01-01", "1: a: expected a plain value, found the tag !!timestamp"),
        ("a: !!set {x}", "1: a: expected a plain value, found the tag !!set"),
        ("a: !!binary aGFsbG8=", "1: a: expected a plain value, found the tag !!binary"),
        ("a: !!int x", "1: a: expected a value for the tag !!int, found 'x'"),
        ("a: !!bool x", "1: a: expected a value for the tag !!bool, found 'x'"),
        ("a: !!str [x]", "1: a: expected a plain value, found the tag !!str"),
        ("!foo x: y", "1: expected a plain value, found the tag !foo"),
        ("a: &a [*a]", "1: a[0]: expected an alias with an end, found one that contains itself"),
        ("a: &a {b: {c: *a}}", "1: a.b.c: expected an alias with an end, found one that contains itself"),
        ("a: &a {<<: *a}", "1: a: expected an alias with an end, found one that contains itself"),
        ("a: &a {b: {<<: *a}}", "1: a.b: expected an alias with an end, found one that contains itself"),
        ("&a [*a]", "1: [0]: expected an alias with an end, found one that contains itself"),
        ("a:\n  " + "[" * 60 + "]" * 60, "2: expected at most 50 levels of lists and mappings, found more"),
        ("[" * 20_000, "1: expected at most 50 levels of lists and mappings, found more"),
        ("{a: " * 20_000, "1: expected at most 50 levels of lists and mappings, found more"),
    ],
)
def test_refuses(file: Path, text: str, expected: str) -> None:
    _, problems = read(file, text)
    assert problems == [expected]


def test_vault_values_are_refused_and_not_shown(file: Path) -> None:
    _, problems = read(file, "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n")
    assert problems == [
        (
            "1: a: expected a plain value, found the tag !vault, which only Ansible can decrypt; "
            "nothing in this file needs to be secret"
        )
    ]


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("a: b\n\tc: d", 2, "a tab used as indentation (only spaces are allowed)"),
        ("a: b: c", 1, "a ': ' where none can be (indentation? quotes missing?)"),
        ("a: 1\nb\nc: 2", 3, "a key without ':' after it; it belongs to what starts in line 2"),
        (
            "a: [1, 2\nb: 3",
            2,
            "a list in [ ] with a ',' or the ']' missing; it belongs to what starts in line 1",
        ),
        (
            "a: {b: 1\nc: 3",
            2,
            "a mapping in { } with a ',' or the '}' missing; it belongs to what starts in line 1",
        ),
        ("a: 'x\nb: 1\n", 3, "the end of the file inside quotes; it belongs to what starts in line 1"),
        (
            "a:\n  b: 1\n c: 2",
            3,
            "a line that is indented differently from those before it; it belongs to what starts in line 1",
        ),
        ("a: *b", 1, "an alias (*) of an anchor (&) that is not defined before it"),
        ("a: @b", 1, "a value that starts with '@' (put it in quotes)"),
        ("a: %b", 1, "a value that starts with '%' (put it in quotes)"),
        ("a: 1\n---\nb: 2", 2, "a second document (after '---')"),
        ('a: "\\q"', 1, "an unknown escape (\\) in double quotes"),
        ("a: !x!y z", 1, "a tag (!) that is not known"),
        ("a: 1\nb: \x07", 2, "the unprintable character U+0007"),
    ],
)
def test_syntax_errors_are_told_in_plain_words(file: Path, text: str, line: int, found: str) -> None:
    document, problems = read(file, text)
    assert problems == [f"{line}: expected valid YAML, found {found}"]
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
def test_aliases_of_aliases_do_not_hang(file: Path, text: str) -> None:
    _, problems = read(file, text)
    assert len(problems) == 1
    assert f"expected at most {MAX_VALUES} values, aliases written out, found more" in problems[0]


def test_a_long_chain_of_merge_keys(file: Path) -> None:
    links = "".join(f"x-{n}: &x{n} {{<<: *x{n - 1}}}\n" for n in range(1, 2000))
    _, problems = read(file, f"x-0: &x0 {{k: v}}\n{links}n: *x1999")
    assert problems == ["expected at most 50 levels of lists and mappings, found more"]


def test_all_problems_of_a_file_at_once(file: Path) -> None:
    document, problems = read(file, "a: !x y\nb: 1\nb: 2\n7: c\nd: ok")
    assert sorted(problem.partition(":")[0] for problem in problems) == ["1", "3", "4"]
    assert document.data == {"a": None, "b": 1, "d": "ok"}


def test_not_utf8(file: Path) -> None:
    assert read(file, b"a: b\nc: \xe4\n")[1] == [
        "2: expected text in UTF-8, found a byte that is not UTF-8 (0xe4)"
    ]
    assert read(file, "a: b".encode("utf-16"))[1] == [
        "1: expected text in UTF-8, found a byte that is not UTF-8 (0xff)"
    ]


def test_too_large(file: Path) -> None:
    assert read(file, b"#" * (1024 * 1024 + 1))[1] == [
        "expected a file of at most 1024 KiB, found a larger one"
    ]


def test_a_directory(tmp_path: Path) -> None:
    assert [str(problem) for problem in read_file(tmp_path)[1]] == [
        f"{tmp_path}: expected a file, found a directory"
    ]


def test_a_pipe_is_refused_without_waiting_for_a_writer(file: Path) -> None:
    os.mkfifo(file)
    assert [problem.found for problem in read_file(file)[1]] == ["something else (a pipe or a device)"]


def test_an_unreadable_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("a: b")

    def refuse(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    problems = read_file(file)[1]
    assert [str(problem) for problem in problems] == [
        f"{file}: expected a file that can be read, found Permission denied"
    ]


def test_a_link_loop(file: Path) -> None:
    file.symlink_to(file)
    assert [problem.expected for problem in read_file(file)[1]] == ["a file that can be read"]


def test_absent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for path in ("nowhere", "file/below", "dangling"):
        document, problems = read_file(tmp_path / path)
        assert (document.data, problems) == (None, [])


def test_pyyaml_missing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "YAML_IMPORT_ERROR", "Traceback …")
    with pytest.raises(OrcastraError, match="PyYAML"):
        read_file(file)


def full_of(piece: str) -> str:
    """As much of it as a file may hold."""
    return (piece * (MAX_BYTES // len(piece.encode()) + 1))[: MAX_BYTES // len(piece[0].encode()) - 16]


VALUES, LEVELS = f"at most {MAX_VALUES} values, aliases written out", f"at most {MAX_DEPTH} levels of lists"
LINES, CHARACTERS = f"at most {MAX_LINES} lines", f"text of at most {MAX_CHARACTERS} characters"
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
def test_too_much_of_anything_is_one_problem(file: Path, case: str) -> None:
    text, expected = TOO_MUCH[case]
    document, problems = read(file, text)
    assert document.data is None
    assert len(problems) == 1
    assert f"expected {expected}" in problems[0]


@pytest.mark.parametrize(("text", "expected"), [("[" + "a," * 600, "500 values"), ("[" * 500, "50 levels")])
def test_without_libyaml_it_is_the_same(
    file: Path, text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_limits, "HAS_LIBYAML", False)
    monkeypatch.setattr(yaml_limits, "MAX_VALUES", 500)
    problems = read(file, text)[1]
    assert len(problems) == 1
    assert f"expected at most {expected}" in problems[0]


def test_the_largest_that_may_be(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one line, too: programs write it so."""
    monkeypatch.setattr(yaml_limits, "MAX_VALUES", 8000)
    nodes = ", ".join(f'"n{n}": {{"labels": {{"a": "b", "c": "d"}}}}' for n in range(999))
    document, problems = read(file, f'{{"nodes": {{{nodes}}}}}')
    assert problems == []
    assert document.data["nodes"]["n100"] == {"labels": {"a": "b", "c": "d"}}


def test_of_many_mistakes_the_first_are_told(file: Path) -> None:
    _, problems = read(file, "".join(f"- !tag{n} x\n" for n in range(1000)))
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1] == f"expected at most {MAX_PROBLEMS} mistakes, found more"
