# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for states of the swarm, and notes when each one was reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from demo.stage import DemoError, Stage
from demo.view import View, look
from tests.lab import LabError, wait_until


@dataclass(frozen=True)
class Mark:
    """An expected event, and the condition that shows that it has happened."""

    what: str
    reached: Callable[[View], bool]


class Timeline:
    """The events so far, in seconds since ``started``, which is a value of ``clock``."""

    def __init__(self, started: float, first: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._started = started
        self._clock = clock
        self._times: dict[str, float] = {first: 0.0}

    def note(self, marks: Sequence[Mark], view: View) -> bool:
        """Note the marks that this view is the first to reach. Returns whether all have been reached."""
        now = self._clock() - self._started
        for mark in marks:
            if mark.what not in self._times and mark.reached(view):
                self._times[mark.what] = now
        return all(mark.what in self._times for mark in marks)

    def seconds(self, mark: Mark) -> float:
        return self._times[mark.what]

    def lines(self) -> list[str]:
        """Return the events in order, with their times."""
        ordered = sorted(self._times.items(), key=lambda found: found[1])
        return [f"{seconds:7.1f} s  {what}" for what, seconds in ordered]


def wait_for(stage: Stage, what: str, condition: Callable[[View], bool], timeout: float = 60) -> View:
    """Wait until the swarm meets the condition. Returns its state then.

    Raises ``DemoError`` with the services that don't run.
    """
    views = [look(stage.manager)]

    def is_met() -> bool:
        views.append(look(stage.manager))
        return condition(views[-1])

    try:
        wait_until(is_met, timeout, what)
    except LabError:
        names = [str(service["Spec"]["Name"]) for service in views[-1].services]
        down = ", ".join(sorted(name for name in names if not views[-1].runs(name)))
        text = f"Timed out after {timeout:.0f} s waiting for {what}.\nNot running: {down or 'none'}"
        raise DemoError(text) from None
    return views[-1]
