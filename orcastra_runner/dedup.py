# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log messages once, not again in each cycle while they stay true."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, identity
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import without_ids
from orcastra_runner.log import get_logger

REMINDER_SECONDS = 600.0
# A message that was absent for this long, and for this many observations, is new when it returns.
FORGET_SECONDS = 60.0
FORGET_OBSERVATIONS = 3

# parts that differ between observations: durations and times of day
_VOLATILE = re.compile(
    r"\b\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?"
    r"|\b\d+(?:\.\d+)?(?= ?(?:ms|s|min|h|seconds|minutes|hours)\b)"
)

M = TypeVar("M", bound=Hashable)

log = get_logger()


@dataclass(slots=True)
class _Topic:
    """The messages of a topic: key → number and time of the observation that last had it."""

    observations: int = 0
    seen: dict[object, tuple[int, float]] = field(default_factory=dict)


class OnceFilter:
    """Selects the messages of each cycle that are new."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, frozenset[Hashable]] = {}
        self._topics: dict[str, _Topic] = {}

    def fresh(self, topic: str, messages: Iterable[M]) -> list[M]:
        """Return the messages that the previous call for this topic did not have.

        Use it for messages that are worth repeating, such as a step that has become necessary again.
        """
        last = self._last.get(topic, frozenset())
        now = list(dict.fromkeys(messages))
        self._last[topic] = frozenset(now)
        return [message for message in now if message not in last]

    def lasting(self, topic: str, messages: Iterable[Reason]) -> list[Reason]:
        """Return the messages that are new, for messages that may come and go between observations.

        Messages are compared without durations and IDs. A message is new again once it was absent for a
        while, so that two alternating messages are logged once each.
        """
        known, now = self._topics.setdefault(topic, _Topic()), self._clock()
        known.observations += 1
        known.seen = {
            key: (number, at)
            for key, (number, at) in known.seen.items()
            if known.observations - number <= FORGET_OBSERVATIONS or now - at < FORGET_SECONDS
        }
        found = []
        for message in messages:
            key = _key(message)
            if key not in known.seen:
                found.append(message)
            known.seen[key] = (known.observations, now)
        return found


def log_messages(news: OnceFilter, warnings: Iterable[Reason], notes: Iterable[Reason]) -> None:
    """Log the warnings and notes of a plan that are new."""
    for warning in news.lasting("warnings", warnings):
        log.warning("plan warning", message=warning)
    for note in news.lasting("notes", notes):
        log.info("plan note", message=note)


def _key(message: Reason) -> object:
    """Return the identity of a message across cycles: everything except durations and IDs, also in errors."""
    return _without_volatile(identity(message))


def _without_volatile(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(map(_without_volatile, value))
    return _VOLATILE.sub("#", without_ids(value)) if isinstance(value, str) else value


@dataclass(slots=True)
class _OpenProblem:
    text: str
    since: float
    logged_at: float
    times: int = 1


class ProblemLog:
    """Logs a problem when it begins, changes and ends, and a reminder every ten minutes.

    Any thread may report, but only one thread reports each topic.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, str | None], None] = lambda _topic, _text: None,
    ) -> None:
        """``on_change`` gets the topic and the problem, or None once it is resolved."""
        self._clock = clock
        self._on_change = on_change
        self._open: dict[str, _OpenProblem] = {}

    def report(self, topic: str, text: str, *, warning: bool = False, traceback: str | None = None) -> None:
        """Note a problem, and log it unless it was logged a short while ago.

        ``warning`` is for problems that need no repair. ``traceback`` follows the line, if given.
        """
        now = self._clock()
        problem = self._open.get(topic)
        if problem is not None and problem.text == text:
            problem.times += 1
            if now - problem.logged_at < REMINDER_SECONDS:
                return
            problem.logged_at = now
            values = {"topic": topic, "since": f"{now - problem.since:.0f}s", "times": problem.times}
            if warning:
                log.warning("problem persists", summary=text, **values)
            else:
                log.error("problem persists", summary=text, **values)
            return
        self._on_change(topic, text)
        since = now if problem is None else problem.since
        self._open[topic] = _OpenProblem(text, since=since, logged_at=now)
        if warning:
            log.warning("problem", message=text, topic=topic, traceback=traceback)
        else:
            log.error("problem", message=text, topic=topic, traceback=traceback)

    def resolved(self, topic: str) -> None:
        """Note that there is no problem; logs the end of an open one."""
        problem = self._open.pop(topic, None)
        if problem is not None:
            self._on_change(topic, None)
            log.info("problem resolved", summary=topic, after=f"{self._clock() - problem.since:.0f}s")
