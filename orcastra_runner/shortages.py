# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that are short of tasks, as text, as data, and in the log."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import iso_time
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import FAILING, STOPPED, Shortage
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import shortened
from orcastra_runner.dedup import AGAIN_AFTER_SECONDS
from orcastra_runner.log import get_logger

# What has failed again and again is over once it has run for that long.
STEADY_SECONDS = 60.0
# A service with that many different reasons gets a line every ten minutes.
MANY_REASONS = 8

# ports, process IDs and the like
_NUMBER = re.compile(r"\d{4,}")

log = get_logger()


def headline(short: Sequence[Shortage]) -> str:
    """The state of the swarm if no changes are needed."""
    matches = "the swarm matches the configuration"
    return f"{matches}, but {counted(short)}" if short else matches


def counted(short: Sequence[Shortage]) -> str:
    """``2 services are short of tasks: a, b``."""
    are = "service is" if len(short) == 1 else "services are"
    return f"{len(short)} {are} short of tasks: {names(short)}"


def names(short: Iterable[Shortage]) -> str:
    return shortened([one.service for one in short])


def warnings(short: Iterable[Shortage]) -> list[Reason]:
    """The reasons that are worth a warning: those that may not pass by themselves."""
    return [one.reason for one in short if not one.is_fresh]


def notes(short: Iterable[Shortage]) -> list[Reason]:
    """The other reasons."""
    return [one.reason for one in short if one.is_fresh]


def shortages_data(short: Iterable[Shortage]) -> list[dict[str, Any]]:
    return [
        {
            "service": one.service,
            "expected": one.expected,
            "running": one.running,
            "code": one.code,
            "reason": one.text,
            "reasons": [reason.to_data() for reason in one.reasons],
            "errors": list(one.errors),
            "since": iso_time(one.since),
            "may_pass": one.is_fresh,
        }
        for one in short
    ]


@dataclass(slots=True)
class _Reported:
    """What the log has said of one service. ``at``: when, ``short_at``: when it was last found short."""

    news: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    flaps: bool = False
    at: float = 0.0
    short_at: float = 0.0


class ShortageLog:
    """Logs each reason once, and when it is over."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, _Reported] = {}

    def tell(self, short: Iterable[Shortage]) -> None:
        """Log what is new. The same error on another node, or of another attempt, is not."""
        now = self._clock()
        found = {one.service: one for one in short}
        for one in found.values():
            told = self._told.get(one.service)
            if told is not None:
                told.short_at = now
            if not one.is_fresh:
                self._warn(one, now)
        for service, told in list(self._told.items()):
            # what fails again and again runs for a moment in between
            if service not in found and (not told.flaps or now - told.short_at >= STEADY_SECONDS):
                del self._told[service]
                log.info("no longer short of tasks", summary=service)

    def _warn(self, one: Shortage, now: float) -> None:
        told = self._told.setdefault(one.service, _Reported(short_at=now))
        told.flaps = told.flaps or one.code in (FAILING, STOPPED)
        news = (one.code, tuple(_NUMBER.sub("#", error) for error in one.errors))
        if news in told.news or (len(told.news) >= MANY_REASONS and now - told.at < AGAIN_AFTER_SECONDS):
            return
        told.news.add(news)
        told.at = now
        log.warning("short of tasks", summary=str(one), running=one.running, expected=one.expected)
