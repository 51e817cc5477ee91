# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say things once: what stays true is not news at each cycle."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orcastra_runner.log import get_logger

AGAIN_AFTER_SECONDS = 600.0
# A note that comes and goes is told at most that often.
QUIET_SECONDS = 60.0

_SECONDS = re.compile(r"\b\d+(?:\.\d+)? s\b")

log = get_logger()


class News:
    """Picks out of what is said at each cycle that which was not said at the last one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # topic → sentence → when it was true last
        self._said: dict[str, dict[str, float]] = {}
        self._last: dict[str, frozenset[str]] = {}

    def fresh(self, topic: str, sentences: Iterable[str], quiet_seconds: float = 0.0) -> list[str]:
        """Return the sentences that are new. A number of seconds that counts down is no news.

        One that was missing is news when it comes back, unless it was said within ``quiet_seconds``: what
        goes on for long would be told in turns.
        """
        now = self._clock()
        current = {_SECONDS.sub("… s", sentence): sentence for sentence in sentences}
        quiet = {key: at for key, at in self._said.get(topic, {}).items() if now - at < quiet_seconds}
        known = self._last.get(topic, frozenset()) | quiet.keys()
        self._said[topic] = {**quiet, **dict.fromkeys(current, now)}
        self._last[topic] = frozenset(current)
        return [sentence for key, sentence in current.items() if key not in known]


@dataclass(slots=True)
class _Trouble:
    text: str
    since: float
    told_at: float
    times: int = 1


class Troubles:
    """Logs what is wrong when it begins, changes and ends, and a reminder every ten minutes."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, str | None], None] = lambda _topic, _text: None,
    ) -> None:
        """``on_change`` gets the topic and what is wrong, or None once it is fine."""
        self._clock = clock
        self._on_change = on_change
        self._open: dict[str, _Trouble] = {}

    def tell(self, topic: str, text: str, *, warning: bool = False, traceback: str | None = None) -> None:
        """Note that something is wrong, and log it unless that was done a short while ago.

        ``warning``: it is nothing that has to be repaired. ``traceback`` follows the line where it is given.
        """
        now = self._clock()
        trouble = self._open.get(topic)
        if trouble is not None and trouble.text == text:
            trouble.times += 1
            if now - trouble.told_at < AGAIN_AFTER_SECONDS:
                return
            trouble.told_at = now
            self._log(warning, f"still: {text}", since=f"{now - trouble.since:.0f}s", times=trouble.times)
            return
        self._on_change(topic, text)
        since = now if trouble is None else trouble.since
        self._open[topic] = _Trouble(text, since=since, told_at=now)
        self._log(warning, text, traceback=traceback)

    def over(self, topic: str, sentence: str) -> None:
        """Note that it is fine; says so in ``sentence`` if something was wrong."""
        trouble = self._open.pop(topic, None)
        if trouble is not None:
            self._on_change(topic, None)
            log.info(sentence, after=f"{self._clock() - trouble.since:.0f}s")

    @staticmethod
    def _log(warning: bool, text: str, **values: object) -> None:
        if warning:
            log.warning(text, **values)
        else:
            log.error(text, **values)
