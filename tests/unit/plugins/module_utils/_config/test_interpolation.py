# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compose variables in the node exporter's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import (
    build_exporter,
    load_exporter,
)
from tests.support.problems import problems_of

ENVIRONMENT = {"A": "alpha", "EMPTY": "", "_x1": "low"}


@pytest.mark.parametrize(
    ("text", "value", "unset"),
    [
        ("${A}", "alpha", 0),
        ("$A", "alpha", 0),
        ("$A-$_x1/${A}${A}", "alpha-low/alphaalpha", 0),
        ("${A:-b}", "alpha", 0),
        ("${NO:-b}", "b", 0),
        ("${NO-b}", "b", 0),
        ("${EMPTY:-b}", "b", 0),
        ("${EMPTY-b}", "", 0),
        ("${EMPTY}", "", 0),
        ("${NO:-}", "", 0),
        ("${NO:-${A}}", "alpha", 0),
        ("${NO:-${NO2:-x${A}y}}", "xalphay", 0),
        ("${NO:-https://x}", "https://x", 0),
        ("${A:+yes}", "yes", 0),
        ("${NO+yes}", "", 0),
        ("${EMPTY+yes}", "yes", 0),
        ("${EMPTY:+yes}", "", 0),
        ("${A:?must}", "alpha", 0),
        ("$$A", "$A", 0),
        ("$${A}", "${A}", 0),
        ("$$$A", "$alpha", 0),
        ("$$$$", "$$", 0),
        ("^/(sys|proc)($|/)", "^/(sys|proc)($|/)", 0),
        ("^/(sys|proc)($$|/)", "^/(sys|proc)($|/)", 0),
        ("10$", "10$", 0),
        ("$5", "$5", 0),
        ("a $ b", "a $ b", 0),
        ("${NO}", "${NO}", 1),
        ("x-${NO}.$NO2", "x-${NO}.$NO2", 2),
        ("${NO:-$NO2}", "$NO2", 1),
        ("no dollar", "no dollar", 0),
    ],
)
def test_interpolate_like_compose(tmp_path: Path, text: str, value: str, unset: int) -> None:
    path = tmp_path / "e.yml"
    path.write_text(f"labels: {{l: '{text}'}}\nenvironment: ['V={text}']\nargs: ['{text}']\n")
    found = load_exporter(path, ENVIRONMENT)
    assert found.data == {"labels": {"l": value}, "environment": [f"V={value}"], "args": [value]}
    assert len(found.warnings) == 3 * unset


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((text, "invalid_value") for text in ("${", "${A", "${}", "${A B}", "${A:x}", "${1}")),
        *((text, "unset_variable") for text in ("${NO:?must be set}", "${NO?}")),
    ],
)
def test_interpolate_rejects(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "e.yml"
    path.write_text(f"labels:\n  l: '{text}'\n")
    (problem,) = problems_of(lambda: load_exporter(path, ENVIRONMENT))
    assert (problem.code, problem.key, problem.line, problem.file) == (code, "labels.l", 2, str(path))


def test_interpolate_ignores_keys_and_plain_data(tmp_path: Path) -> None:
    path = tmp_path / "e.yml"
    path.write_text("labels: {'${A}': x}\n")
    assert load_exporter(path, ENVIRONMENT).data == {"labels": {"${A}": "x"}}
    desired = build_exporter({"labels": {"l": "${A}"}})
    assert desired.spec["TaskTemplate"]["ContainerSpec"]["Labels"] == {"l": "${A}"}
