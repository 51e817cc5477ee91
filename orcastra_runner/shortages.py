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
from orcastra_runner.dedup import REMINDER_SECONDS
from orcastra_runner.log import get_logger

# A service that failed repeatedly counts as recovered once it has run for this long.
STEADY_SECONDS = 60.0
# A service with at least this many different reasons is logged at most every ten minutes.
MANY_REASONS = 8

# ports, process IDs and similar numbers
_NUMBER = re.compile(r"\d{4,}")

log = get_logger()


def headline(short: Sequence[Shortage]) -> str:
    """Return the state of the swarm for a plan without changes."""
    matches = "the swarm matches the configuration"
    return f"{matches}, but {counted(short)}" if short else matches


def counted(short: Sequence[Shortage]) -> str:
    """``2 services are short of tasks: a, b``."""
    are = "service is" if len(short) == 1 else "services are"
    return f"{len(short)} {are} short of tasks: {names(short)}"


def names(short: Iterable[Shortage]) -> str:
    return shortened([one.service for one in short])


def warnings(short: Iterable[Shortage]) -> list[Reason]:
    """Return the reasons of lasting shortages, which may not end on their own."""
    return [one.reason for one in short if not one.is_fresh]


def notes(short: Iterable[Shortage]) -> list[Reason]:
    """Return the reasons of new shortages, which usually end on their own."""
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
    """The log entries about a service. ``at``: time of the last one; ``short_at``: when it was last short."""

    news: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    flaps: bool = False
    at: float = 0.0
    short_at: float = 0.0


class ShortageLog:
    """Logs each shortage once, and its end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reported: dict[str, _Reported] = {}

    def log_new(self, short: Iterable[Shortage]) -> None:
        """Log new reasons. The same error on another node or of another attempt is not new."""
        now = self._clock()
        found = {one.service: one for one in short}
        for one in found.values():
            reported = self._reported.get(one.service)
            if reported is not None:
                reported.short_at = now
            if not one.is_fresh:
                self._warn(one, now)
        for service, reported in list(self._reported.items()):
            # a service that fails repeatedly runs for a moment in between
            if service not in found and (not reported.flaps or now - reported.short_at >= STEADY_SECONDS):
                del self._reported[service]
                log.info("no longer short of tasks", summary=service)

    def _warn(self, one: Shortage, now: float) -> None:
        reported = self._reported.setdefault(one.service, _Reported(short_at=now))
        reported.flaps = reported.flaps or one.code in (FAILING, STOPPED)
        news = (one.code, tuple(_NUMBER.sub("#", error) for error in one.errors))
        has_many = len(reported.news) >= MANY_REASONS and now - reported.at < REMINDER_SECONDS
        if news in reported.news or has_many:
            return
        reported.news.add(news)
        reported.at = now
        log.warning("short of tasks", summary=str(one), running=one.running, expected=one.expected)
