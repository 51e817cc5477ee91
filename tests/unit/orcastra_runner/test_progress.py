# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command says while it waits."""

from __future__ import annotations

from orcastra_runner.progress import NOTICEABLE_SECONDS, Progress
from tests.unit.orcastra_runner.conftest import Clock


class Told:
    """A progress with a clock that the test moves."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.clock = Clock()
        self.progress = Progress(self.lines.append, self.clock)

    def wait(self, what: str | None, seconds: float) -> None:
        """Wait for something, with a tick twice a second."""
        self.progress.wait_for(what)
        for _tick in range(round(seconds * 2)):
            self.clock.now += 0.5
            self.progress.tick()


def test_progress_is_silent_about_short_waits() -> None:
    told = Told()
    told.wait("a", NOTICEABLE_SECONDS - 0.5)
    told.wait("b", NOTICEABLE_SECONDS - 0.5)
    told.wait(None, 60)
    assert told.lines == []


def test_progress_shows_a_wait_once_and_its_duration_at_the_end() -> None:
    told = Told()
    told.wait("drain wrk-b", 42)
    assert len(told.lines) == 1
    told.wait("reboot wrk-b", 10)
    told.wait(None, 5)
    assert told.lines == [
        "waiting for: drain wrk-b",
        "done after 42 s: drain wrk-b",
        "waiting for: reboot wrk-b",
        "done after 10 s: reboot wrk-b",
    ]
