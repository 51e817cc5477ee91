# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Schedules in cron's words, in the zone of this machine. Nobody else imports cronsim or tzlocal."""

from __future__ import annotations

import os
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import cronsim
import tzlocal

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
    "five fields like 0 */4 * * * (minute, hour, day, month, weekday), @hourly, @daily, @weekly … or off"
)


class Cron:
    """``text`` as crontab(5) has it, with names, steps, ``L`` and ``#``.

    Raises ValueError where it is none, ConfigError where the machine's time zone is not known.
    """

    def __init__(self, text: str) -> None:
        words = MACROS.get(text.strip().lower(), text.strip())
        self.zone = _zone()
        self._words = words
        if len(words.split()) != 5:
            raise ValueError("expected five fields")
        try:
            self.next_after(datetime.now(self.zone).timestamp())
        except (cronsim.CronSimError, StopIteration) as error:
            raise ValueError(str(error) or "that never happens") from error

    @property
    def zone_name(self) -> str:
        """What the times are in."""
        return str(self.zone)

    def next_after(self, now: float) -> float:
        """The next time after ``now``, both in seconds since the epoch."""
        return next(cronsim.CronSim(self._words, datetime.fromtimestamp(now, self.zone))).timestamp()

    def shown(self, at: float) -> str:
        """A time as people of that zone write it."""
        return f"{datetime.fromtimestamp(at, self.zone):%Y-%m-%d %H:%M} ({self.zone_name})"


def _zone() -> ZoneInfo:
    try:
        return tzlocal.reload_localzone()
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        found = repr(os.environ.get("TZ", "that of this machine"))
        raise ConfigError([Problem("TZ", "a time zone like Europe/Berlin", f"{found}: {error}")]) from error
