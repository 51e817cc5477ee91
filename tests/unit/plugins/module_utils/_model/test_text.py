# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text from outside reaches terminals, logs and results without any side effects."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import Problem
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import (
    closest,
    is_printable,
    one_line,
    printable,
    printable_json,
)

ANY_TEXT = st.text(
    st.characters(codec=None, categories=None) | st.sampled_from("\x00\x1b\x9b\n\r\u202e\ud800")
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ~!", "plain ~!"),
        ("größer – ×, 日本, α", "größer – ×, 日本, α"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\r\nb\tc\x00\x7f\x08", r"a\r\nb\tc\x00\x7f\x08"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\u2028\u2029\x85\x0b\x0c", r"\u2028\u2029\x85\x0b\x0c"),
        ("a\u200bb\ufeffc\u00ad\u2060", r"a\u200bb\ufeffc\u00ad\u2060"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("\u3164\u115f\ufe0f\U000e0100", r"\u3164\u115f\ufe0f\U000e0100"),
    ],
)
def test_printable_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY_TEXT)
def test_printable_escapes_all_unsafe_characters(text: str) -> None:
    shown = printable(text)
    assert all(is_printable(character) for character in shown)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert printable(shown) == shown
    shown.encode()


@given(st.recursive(ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner), max_leaves=5))
def test_printable_json_keeps_data(data: object) -> None:
    text = printable_json(json.dumps(data, indent=1, ensure_ascii=False))
    assert all(is_printable(character) for character in text.replace("\n", ""))
    assert json.loads(text) == json.loads(json.dumps(data))


def test_one_line_joins_lines() -> None:
    assert one_line("a\n  b\r\n\tc\u2028d\x1b") == r"a b c d\x1b"


def test_problem_is_printable() -> None:
    problem = Problem("nodes.\x1b[2J", "a\u202e", "b\nc", "f\x07.yml", 3)
    assert str(problem) == r"f\x07.yml:3: nodes.\x1b[2J: expected a\u202e, found b\nc"


def test_closest_finds_similar_name() -> None:
    assert closest("wrk_b", ["mgr-a", "wrk-b"]) == "wrk-b"
    assert closest("wiki", ["mgr-a", "wrk-b"]) is None
    assert closest("x" * 100_000, ["y" * 100_000]) is None
