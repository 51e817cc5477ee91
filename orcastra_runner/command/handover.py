# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reboots that were handed over to another instance, for those that wait: the active instance and the shell.

``local.handover`` is the instance that takes them. ``_plan.drain.handover`` plans which one may do that, and
the outcome.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    CommandRecord,
    Handover,
    State,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.handover import Upkeep, plan_upkeep
from orcastra_runner.jobs import Work

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")

# Interval of the checks while waiting for the end.
CHECK_SECONDS = 3.0
# At most this much of the time between two checks counts as silence, because nothing was observed meanwhile.
LONGEST_GAP_SECONDS = 10.0


def boot_id() -> str:
    """Return the ID of the current boot of this host, which its containers share. Empty if unknown."""
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class HandoverWatch:
    """Watches handovers. It measures with its own clock how long a handover has been silent."""

    def __init__(
        self, wall_clock: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall_clock = wall_clock
        self._clock = clock
        self._checked_at = clock()
        self._quiet: dict[str, tuple[Handover, float]] = {}

    def check(self, seen: Observation) -> Upkeep:
        """Return the edits and results that are due now."""
        return plan_upkeep(seen.snapshot, seen.state, self._seconds_quiet(seen.state), self._wall_clock())

    def _seconds_quiet(self, state: State) -> dict[str, float]:
        now = self._clock()
        gap, self._checked_at = min(now - self._checked_at, LONGEST_GAP_SECONDS), now
        before, self._quiet = self._quiet, {}
        # handovers are taken one at a time, so the others don't count as silent meanwhile
        is_busy = any(handover.by for handover in state.handovers.values())
        for key, handover in state.handovers.items():
            known, seconds = before.get(key, (None, 0.0))
            counts = known == handover and (handover.by or not is_busy)
            self._quiet[key] = (handover, seconds + gap if counts else 0.0)
        return {key: seconds for key, (_handover, seconds) in self._quiet.items()}


def wait_until_taken(
    work: Work, key: str, pause: Callable[[float], None], watch: HandoverWatch | None = None
) -> CommandRecord | None:
    """Wait until another instance has taken the handover. Returns its record; None if there is none any
    longer.

    The record is still running if the other instance is working on it. ``pause`` sleeps.
    """
    watch = watch or HandoverWatch()
    while True:
        work.swarm.invalidate()
        seen = work.swarm.observe()
        record, handover = seen.state.commands.get(key), seen.state.handovers.get(key)
        if record is None or not record.is_running or handover is None or handover.by:
            return record
        # save all edits, because there may be no active instance that does
        upkeep = watch.check(seen)
        if upkeep.edits:
            work.swarm.save(upkeep.edits)
        else:
            pause(CHECK_SECONDS)
