# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reasons and the catalogue: each code has one message, and each message gets its parameters."""

from __future__ import annotations

import ast
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils import messages
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, identity
from ansible_collections.orcastra.swarm.plugins.module_utils.messages import formatting

ROOT = Path(__file__).resolve().parents[2]


def reasons() -> Iterator[tuple[str, str, frozenset[str] | None]]:
    """Each ``Reason(…)`` in the code: its place, code and parameters (None if they aren't literal)."""
    for folder in ("plugins", "orcastra_runner"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(call, ast.Call) or getattr(call.func, "id", "") != "Reason":
                    continue
                place = f"{path.relative_to(ROOT)}:{call.lineno}"
                (code,) = call.args
                assert isinstance(code, ast.Constant), f"{place}: the code is not literal"
                names = [keyword.arg for keyword in call.keywords]
                given = None if None in names else frozenset(name for name in names if name is not None)
                yield place, str(code.value), given


def parameters(template: str) -> set[str]:
    return {
        name for _text, name, _spec, _conversion in string.Formatter().parse(template) if name is not None
    }


def test_codes_are_in_one_catalogue() -> None:
    found = Counter(code for catalogue in messages.CATALOGUES for code in catalogue.MESSAGES)
    assert [code for code, times in found.items() if times > 1] == []


def test_reasons_have_a_message_with_their_parameters() -> None:
    wrong = []
    for place, code, given in reasons():
        template = messages.MESSAGES.get(code)
        if template is None:
            wrong.append(f"{place}: no message for {code}")
        elif given is not None and parameters(template) != given:
            wrong.append(f"{place}: {code} takes {sorted(parameters(template))}, found {sorted(given)}")
    assert wrong == []


def test_messages_are_used() -> None:
    assert set(messages.MESSAGES) - {code for _place, code, _given in reasons()} == set()


def test_codes_are_snake_case_and_parameters_are_names() -> None:
    for code, template in messages.MESSAGES.items():
        assert code.isidentifier(), code
        assert code == code.lower(), code
        assert all(name.isidentifier() for name in parameters(template)), template


@pytest.mark.parametrize(
    ("template", "params", "text"),
    [
        ("{names}", {"names": ("a", "b")}, "a, b"),
        ("{names:and}", {"names": ("a", "b", "c")}, "a, b and c"),
        ("{names:or}", {"names": ("a",)}, "a"),
        ("{errors:by ; }", {"errors": ("a, b", "c")}, "a, b; c"),
        ("{errors:by . }", {"errors": ("a",)}, "a"),
        ("{name:quoted}", {"name": "x"}, "'x'"),
        ("{names:quoted or}", {"names": ("a",)}, "'a'"),
        ("{names:quoted or}", {"names": ("a", "b", "c")}, "'a', 'b' or 'c'"),
        ("{seconds:duration}", {"seconds": 75}, "75 s"),
        ("{seconds:duration}", {"seconds": 900.4}, "15 min"),
        ("{seconds:duration}", {"seconds": 10_800}, "3 h"),
        ("{seconds:duration}", {"seconds": 9 * 86_400}, "9 d"),
        ("{size:bytes}", {"size": 512}, "512 B"),
        ("{size:bytes}", {"size": 1.5 * 1024**3}, "1.5 GiB"),
        ("{size:bytes}", {"size": 200 * 1024**2}, "200 MiB"),
        ("{size:bytes}", {"size": 1024**3 - 1}, "1 GiB"),
        ("{n:plural task}", {"n": 1}, "1 task"),
        ("{n:plural entry entries}", {"n": 2}, "2 entries"),
        ("x{error:after : }", {"error": None}, "x"),
        ("x{error:after : }", {"error": "no"}, "x: no"),
        ("{gap}", {"gap": 2.50}, "2.5"),
        ("{share:.0%}", {"share": 0.5}, "50%"),
    ],
)
def test_formatter_renders_each_format(template: str, params: dict[str, object], text: str) -> None:
    assert formatting.FORMATTER.vformat(template, (), params) == text


def test_formatter_refuses_none() -> None:
    with pytest.raises(ValueError, match="None"):
        formatting.FORMATTER.vformat("{name}", (), {"name": None})


def test_reasons_are_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(messages.MESSAGES, "outer", "{service}: {inner} for {seconds:duration}")  # type: ignore[arg-type]
    monkeypatch.setitem(messages.MESSAGES, "inner", "misses {labels:and}")  # type: ignore[arg-type]
    reason = Reason("outer", service="web\n", inner=Reason("inner", labels=["a", "b"]), seconds=3)
    assert reason == Reason("outer", seconds=3, inner=Reason("inner", labels=("a", "b")), service="web\n")
    assert len({reason, Reason("inner", labels=["a", "b"]), Reason("inner", labels=("a", "b"))}) == 2
    assert reason.to_data() == {
        "code": "outer",
        "params": {
            "service": "web\n",
            "inner": {"code": "inner", "params": {"labels": ["a", "b"]}, "text": "misses a and b"},
            "seconds": 3,
        },
        "text": "web\\n: misses a and b for 3 s",
    }
    nested = [Reason("outer", service="x", inner=(reason,), seconds=at) for at in (1, 2)]
    assert identity(nested[0]) == identity(nested[1])
    later = Reason("outer", service="web\n", inner=Reason("inner", labels=["a", "b"]), seconds=9)
    assert identity(later) == identity(reason)
    assert later != reason
    around = [Reason("outer", service="x", inner=[one], seconds=5) for one in (reason, later)]
    assert around[0] != around[1]
    assert identity(around[0]) == identity(around[1])
