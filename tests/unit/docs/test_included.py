# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's tables name everything that the collection contains."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.included import BEGIN, END, tables, with_included

ROOT = Path(__file__).resolve().parents[3]


def test_tables_name_all_content() -> None:
    text = tables()
    for pattern in ("plugins/modules/*.py", "playbooks/*.yml"):
        names = {path.stem for path in ROOT.glob(pattern)} - {"__init__"}
        assert names
        assert [name for name in sorted(names) if f"`{name}`" not in text] == []
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    assert [name for name in sorted(roles) if f"/roles/{name}/README.md" not in text] == []


def test_with_included_keeps_the_text_around_the_tables() -> None:
    assert (
        with_included(f"before\n{BEGIN}\nold\n{END}\nafter\n")
        == f"before\n{BEGIN}\n{tables()}\n{END}\nafter\n"
    )


def test_with_included_needs_its_place() -> None:
    with pytest.raises(ValueError, match="expected a line"):
        with_included("no comments\n")
