# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cron schedules in the time zone of this host. The only module that imports cronsim and tzlocal."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import cronsim
import tzlocal

from ansible_collections.orcastra.swarm.plugins.module_utils._config.words import suggest
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
EXPECTED = (
    "five fields such as 0 */4 * * * (minute, hour, day, month, weekday), @hourly, @daily, @weekly … or off"
)
ZONE_EXPECTED = "a time zone such as Europe/Berlin"

# such as CET-1CEST or UTC+2, which name no place
_POSIX_RULE = re.compile(r"(?:[A-Za-z]{3,}|<[^>]+>)[+-]?[0-9][^/]*")


class Cron:
    """A schedule in the format of crontab(5), with names, steps, ``L`` and ``#``.

    Raises ValueError if the text is not a schedule, ConfigError if the time zone of the host is unknown.
    """

    def __init__(self, text: str, zone: ZoneInfo | None = None) -> None:
        """``zone``: the time zone; by default that of this host."""
        words = MACROS.get(text.strip().lower(), text.strip())
        self.zone = machine_zone() if zone is None else zone
        self._words = words
        if len(words.split()) != 5:
            raise ValueError("expected five fields")
        try:
            self.next_after(datetime.now(self.zone).timestamp())
        except (cronsim.CronSimError, StopIteration) as error:
            raise ValueError(str(error) or "this time never occurs") from error

    @property
    def zone_name(self) -> str:
        """The name of the time zone."""
        return str(self.zone)

    def next_after(self, now: float) -> float:
        """Return the next time after ``now``, both in seconds since the epoch."""
        return next(cronsim.CronSim(self._words, datetime.fromtimestamp(now, self.zone))).timestamp()

    def shown(self, at: float) -> str:
        """Return a time as text in the time zone of the schedule."""
        return f"{datetime.fromtimestamp(at, self.zone):%Y-%m-%d %H:%M} ({self.zone_name})"


def check(text: str) -> None:
    """Raise ValueError if ``text`` is not a schedule, regardless of the time zone of this host."""
    Cron(text, ZoneInfo("UTC"))


def machine_zone() -> ZoneInfo:
    """Return the time zone in TZ, or that of this host. Raises ConfigError."""
    try:
        return tzlocal.reload_localzone()
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        given = os.environ.get("TZ")
        found = repr(given) + (zone_fault(given) or "") if given else f"none: {' '.join(str(error).split())}"
        raise ConfigError([Problem("TZ", ZONE_EXPECTED, found)]) from error


def zone_fault(text: str) -> str | None:
    """Return a hint such as ``; did you mean …`` if ``text`` is not a time zone; None if it is one."""
    name = text.removeprefix(":")
    try:
        if name.startswith("/"):
            with Path(name).open("rb") as file:
                ZoneInfo.from_file(file)
        else:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if name.startswith("/"):
            return " (this is not a time zone file)"
        if _POSIX_RULE.fullmatch(name):
            return " (POSIX rules are not supported; use the name of a zone)"
        return _closest_zone(name)
    return None


def _closest_zone(name: str) -> str:
    """Return a suggestion: the zone in another case, the zone of that place, or the most similar name."""
    known = available_timezones()
    word = name.lower()
    same = sorted(zone for zone in known if word in (zone.lower(), zone.lower().rpartition("/")[2]))
    return f"; did you mean '{same[0]}'?" if same else suggest(name, known)
