# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove what stays only because its configuration is missing, as somebody has confirmed.

The process that is asked does it at once. The others see in the swarm's state that it was asked for
(``Acceptances``), and do without what they keep, too; otherwise they would put it back. It counts for what is
missing at that moment: what vanishes later has to be confirmed again.
"""

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import DONE, FAILED, State
from orcastra_runner.command.table import ACCEPT_REMOVALS
from orcastra_runner.jobs import RUNS_PER_CYCLE, Stopped, Work, report_outcome
from orcastra_runner.log import get_logger
from orcastra_runner.swarm import plan_all

JOB = "commands"

log = get_logger()


def accept_removals(work: Work) -> tuple[str, str]:
    """Do it. Returns the status and what was done. Raises Stopped."""
    try:
        for text in work.accept_removals():
            log.info("removal accepted", summary=text)
        done: list[str] = []
        for _run in range(RUNS_PER_CYCLE):
            work.swarm.invalidate()
            plan = plan_all(work.swarm.observe(), work.desired)
            if plan.is_empty:
                break
            outcome = work.swarm.carry_out(plan)
            report_outcome(work, JOB, outcome)
            done += [one.step.summary for one in outcome.results if one.changed and one.error is None]
        work.swarm.invalidate()
    except Stopped:
        raise
    except OrcastraError as error:
        return FAILED, str(error)
    return DONE, "; ".join(done) or "nothing had to be removed"


class Acceptances:
    """Notices in the swarm's state that another process was asked to accept removals."""

    def __init__(self) -> None:
        self._known: frozenset[tuple[str, float]] | None = None

    def is_new(self, state: State, own: set[str]) -> bool:
        """Whether one is there that was not at the last look; ``own``: the instances of this process.

        Those that are there at the first look are older than what this process keeps.
        """
        found = {
            (key, record.started): record
            for key, record in state.commands.items()
            if record.command == ACCEPT_REMOVALS
        }
        known, self._known = self._known, frozenset(found)
        return known is not None and any(
            record.instance not in own for what, record in found.items() if what not in known
        )
