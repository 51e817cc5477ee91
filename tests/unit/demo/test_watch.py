# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline of the demo."""

from __future__ import annotations

from demo.view import View
from demo.watch import Mark, Timeline


def test_timeline_notes_each_mark_once_in_order() -> None:
    reached: set[str] = set()
    moments = iter([12.0, 13.5, 15.0])
    timeline = Timeline(10.0, "it begins", clock=lambda: next(moments))
    marks = [Mark(what, lambda _view, what=what: what in reached) for what in ("second", "first")]  # type: ignore[misc]
    view = View([], [], [])

    assert not timeline.note(marks, view)
    reached.add("first")
    assert not timeline.note(marks, view)
    reached.add("second")
    assert timeline.note(marks, view)
    assert timeline.lines() == ["    0.0 s  it begins", "    3.5 s  first", "    5.0 s  second"]
    assert timeline.seconds(marks[0]) == 5.0
