# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log things once: what stays true is not repeated in each cycle."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, identity
from ansible_collections.orcastra.swarm.plugins.module_utils._model.shortage import without_ids
from orcastra_runner.log import get_logger

AGAIN_AFTER_SECONDS = 600.0
# What was missing for so long, and at so many looks, is news when it comes back.
FORGET_SECONDS = 60.0
FORGET_LOOKS = 3

# what differs from one look to the next: durations and times of day
_VOLATILE = re.compile(
    r"\b\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?"
    r"|\b\d+(?:\.\d+)?(?= ?(?:ms|s|min|h|seconds|minutes|hours)\b)"
)

M = TypeVar("M", bound=Hashable)

log = get_logger()


@dataclass(slots=True)
class _Topic:
    """What was said of a topic: key → at which look, and when, it was said last."""

    looks: int = 0
    said: dict[object, tuple[int, float]] = field(default_factory=dict)


class OnceFilter:
    """Picks the messages of each cycle that are new."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, frozenset[Hashable]] = {}
        self._topics: dict[str, _Topic] = {}

    def fresh(self, topic: str, sentences: Iterable[M]) -> list[M]:
        """Return the messages that are new: those that were not there at the last look.

        For what is repeated on purpose, such as a step that has become necessary again.
        """
        said = self._said.get(topic, frozenset())
        now = list(dict.fromkeys(sentences))
        self._said[topic] = frozenset(now)
        return [sentence for sentence in now if sentence not in said]

    def lasting(self, topic: str, sentences: Iterable[Reason]) -> list[Reason]:
        """Return the messages that are new, for what may come and go from look to look.

        A message is compared without its durations and IDs. It is news again once it was missing for a
        while: two messages that take turns are logged once each.
        """
        known, now = self._topics.setdefault(topic, _Topic()), self._clock()
        known.looks += 1
        known.said = {
            key: (look, at)
            for key, (look, at) in known.said.items()
            if known.looks - look <= FORGET_LOOKS or now - at < FORGET_SECONDS
        }
        found = []
        for sentence in sentences:
            key = _key(sentence)
            if key not in known.said:
                found.append(sentence)
            known.said[key] = (known.looks, now)
        return found


def log_messages(news: OnceFilter, warnings: Iterable[Reason], notes: Iterable[Reason]) -> None:
    """Log the warnings and notes of a plan that are new."""
    for warning in news.lasting("warnings", warnings):
        log.warning("plan warning", message=warning)
    for note in news.lasting("notes", notes):
        log.info("plan note", message=note)


def _key(message: Reason) -> object:
    """What makes a message the same one in the next cycle: all but durations and IDs, in errors too."""
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

    Any thread may report; each topic is reported by one.
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
        """Note a problem, and log it unless that was done a short while ago.

        ``warning``: nothing has to be repaired. ``traceback`` follows the line, if it is given.
        """
        now = self._clock()
        problem = self._open.get(topic)
        if problem is not None and problem.text == text:
            problem.times += 1
            if now - problem.logged_at < AGAIN_AFTER_SECONDS:
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
        """Note that all is well; logs it if there was a problem."""
        problem = self._open.pop(topic, None)
        if problem is not None:
            self._on_change(topic, None)
            log.info("problem resolved", summary=topic, after=f"{self._clock() - problem.since:.0f}s")
