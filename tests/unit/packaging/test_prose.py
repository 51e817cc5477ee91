# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prose linter finds what the style rules out, and only in prose."""

from __future__ import annotations

import pytest

from tools.prose import check_text, rules


def lines(path: str, text: str) -> list[int]:
    return sorted({finding.line for finding in check_text(path, text)})


def test_each_rule_names_a_replacement() -> None:
    assert rules()
    assert all(rule.instead for rule in rules())


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.md", "fine\n\nWhere there is none, the user is told.\n", [3]),
        ("a.md", "fine\nand\nnobody knows\n", [3]),
        ("a.md", "```\nnobody knows\n```\n", []),
        ("a.md", "The user `nobody` runs it.\n", []),
        ("a.md", "See [the page](nobody-knows.md).\n", []),
        ("a.md", "What is an anchor?\n", []),
        ("a.py", '"""It waits in vain."""\n', [1]),
        ("a.py", "x = 1  # it waits in vain here\n", [1]),
        ("a.py", 'x = "it waits in vain"\n', [1]),
        ("a.py", 'x = "vain"\n', []),
        ("a.py", "def test_it_waits_in_vain():\n    pass\n", [1]),
        ("a.py", "vacate = 1\n", []),
        ("a.yml", "# it waits in vain here\na: 1\n", [1]),
        ("a.yml", "- name: Wait in vain here\n", [1]),
        ("a.yml", "vacate: 1\n", []),
        ("a.js", 'say("it waits in vain");\n', [1]),
        ("a.js", "const vacate = 1;\n", []),
        ("a.html", "<p class='in vain'>It waits in vain.</p>\n", [1]),
        ("Makefile", "target: ## it waits in vain here\n", [1]),
        ("a.md", "It waits in vain. <!-- prose: allow -->\n", []),
        ("a.png", "it waits in vain\n", []),
    ],
)
def test_check_text_finds_prose_only(path: str, text: str, expected: list[int]) -> None:
    assert lines(path, text) == expected
