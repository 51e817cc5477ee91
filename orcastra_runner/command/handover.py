# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was handed over to another instance, for those who wait for its end: the one that acts, and the shell.

``local.handover`` is the instance that takes it. ``_plan.drain.handover`` plans who may take it, and
what becomes of it.
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

# How often whoever waits for the end of it looks.
LOOK_SECONDS = 3.0
# No more than this counts of the time between two looks: what happened meanwhile was not seen.
LONGEST_GAP_SECONDS = 10.0


def boot_id() -> str:
    """What tells our host, as it was booted last, from all others; containers share it. Empty if unknown."""
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class HandoverWatch:
    """Watches what is handed over. No clock but our own says for how long nothing has happened to it."""

    def __init__(
        self, wall_clock: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall_clock = wall_clock
        self._clock = clock
        self._looked = clock()
        self._quiet: dict[str, tuple[Handover, float]] = {}

    def look(self, seen: Observation) -> Upkeep:
        """What is to be done about it now."""
        return plan_upkeep(seen.snapshot, seen.state, self._seconds_quiet(seen.state), self._wall_clock())

    def _seconds_quiet(self, state: State) -> dict[str, float]:
        now = self._clock()
        gap, self._looked = min(now - self._looked, LONGEST_GAP_SECONDS), now
        before, self._quiet = self._quiet, {}
        # one at a time: while anybody is at work on one, the others cannot be taken
        is_busy = any(handover.by for handover in state.handovers.values())
        for key, handover in state.handovers.items():
            known, seconds = before.get(key, (None, 0.0))
            counts = known == handover and (handover.by or not is_busy)
            self._quiet[key] = (handover, seconds + gap if counts else 0.0)
        return {key: seconds for key, (_handover, seconds) in self._quiet.items()}


def wait_until_taken(
    work: Work, key: str, pause: Callable[[float], None], watch: HandoverWatch | None = None
) -> CommandRecord | None:
    """Wait until somebody has taken what is offered. Returns the record; None: it is not known any more.

    It is still running where somebody is at work on it now. ``pause`` waits for some seconds.
    """
    watch = watch or HandoverWatch()
    while True:
        work.swarm.invalidate()
        seen = work.swarm.observe()
        record, handover = seen.state.commands.get(key), seen.state.handovers.get(key)
        if record is None or not record.is_running or handover is None or handover.by:
            return record
        # all of it: where no instance acts, nobody else ends what keeps the others waiting
        upkeep = watch.look(seen)
        if upkeep.edits:
            work.swarm.save(upkeep.edits)
        else:
            pause(LOOK_SECONDS)
