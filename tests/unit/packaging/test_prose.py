# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prose linter finds the constructions of tools/prose.yml, and only in prose."""

from __future__ import annotations

import pytest

from tools.prose import check_text, rules

BANNED = "in vain"


def lines(path: str, text: str) -> list[int]:
    return sorted({finding.line for finding in check_text(path, text)})


def test_rules_each_have_a_replacement() -> None:
    assert rules()
    assert all(rule.instead for rule in rules())


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.md", f"fine\n\nIt waits\n{BANNED}.\n", [4]),
        ("a.md", f"fine\nand\nit waits {BANNED}\n", [3]),
        ("a.md", f"```\nit waits {BANNED}\n```\n", []),
        ("a.md", f"The user `{BANNED}` runs it.\n", []),
        ("a.md", f"See [the page]({BANNED}).\n", []),
        ("a.md", "What is an anchor?\n", []),
        ("a.py", f'"""It waits {BANNED}."""\n', [1]),
        ("a.py", f"x = 1  # it waits {BANNED} here\n", [1]),
        ("a.py", f'x = "it waits {BANNED}"\n', [1]),
        ("a.py", 'x = "vain"\n', []),
        ("a.py", "def test_it_waits_in_vain():\n    pass\n", [1]),
        ("a.py", "vacate = 1\n", []),
        ("a.yml", f"# it waits {BANNED} here\na: 1\n", [1]),
        ("a.yml", f"- name: Wait {BANNED} here\n", [1]),
        ("a.yml", "vacate: 1\n", []),
        ("a.js", f'say("it waits {BANNED}");\n', [1]),
        ("a.js", "const vacate = 1;\n", []),
        ("a.html", f"<p class='{BANNED}'>It waits {BANNED}.</p>\n", [1]),
        ("Makefile", f"target: ## it waits {BANNED} here\n", [1]),
        ("a.md", f"It waits {BANNED}. <!-- prose: allow -->\n", []),
        ("a.png", f"it waits {BANNED}\n", []),
    ],
)
def test_check_text_finds_prose_only(path: str, text: str, expected: list[int]) -> None:
    assert lines(path, text) == expected
