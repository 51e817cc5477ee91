# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch the swarm until it looks as it should, and note when each thing has happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from demo.stage import DemoError, Stage
from demo.view import Rows, View, look
from tests.lab import LabError, wait_until

TIME_HEADS = ("SECONDS", "WHAT HAPPENS")


@dataclass(frozen=True)
class Mark:
    """Something that is to happen, and how to see that it has."""

    what: str
    reached: Callable[[View], bool]


class Timeline:
    """What has happened, in seconds since ``started``, which is a value of ``clock``."""

    def __init__(self, started: float, first: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._started = started
        self._clock = clock
        self._times: dict[str, float] = {first: 0.0}

    def note(self, marks: Sequence[Mark], view: View) -> bool:
        """Note the marks that this view is the first to show. Returns whether all have been reached."""
        now = self._clock() - self._started
        for mark in marks:
            if mark.what not in self._times and mark.reached(view):
                self._times[mark.what] = now
        return all(mark.what in self._times for mark in marks)

    def seconds(self, mark: Mark) -> float:
        return self._times[mark.what]

    def rows(self) -> Rows:
        """What has happened, in that order."""
        ordered = sorted(self._times.items(), key=lambda found: found[1])
        return [[f"{seconds:7.1f}", what] for what, seconds in ordered]


def wait_for(stage: Stage, what: str, condition: Callable[[View], bool], timeout: float = 60) -> View:
    """Wait until the swarm looks like that; returns what it looks like then.

    Raises ``DemoError`` with what it looks like instead.
    """
    views = [look(stage.manager)]

    def as_wanted() -> bool:
        views.append(look(stage.manager))
        return condition(views[-1])

    try:
        wait_until(as_wanted, timeout, what)
    except LabError:
        rows = [" ".join(row) for row in views[-1].service_rows()]
        text = "\n".join([f"Waited {timeout:.0f} s for {what}, in vain.", *rows])
        raise DemoError(text) from None
    return views[-1]
