# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``accept_removals``: drops the configuration that is retained for missing files and sections.

The process that receives the command does so at once. The others learn of it from the saved state
(``Acceptances``) and drop theirs too; otherwise they would restore the removed objects. The command applies
to the files and sections that are missing at that moment; others that disappear later must be confirmed
again.
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
    """Run the command. Returns the status and a description of the changes. Raises Stopped."""
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
    return DONE, "; ".join(done) or "there was nothing to remove"


class Acceptances:
    """Notices in the saved state that another process has run ``accept_removals``."""

    def __init__(self) -> None:
        self._known: frozenset[tuple[str, float]] | None = None

    def is_new(self, state: State, own: set[str]) -> bool:
        """Whether another process has run the command since the last call; ``own``: the IDs of this process.

        At the first call there are none, because this process retains nothing older than itself.
        """
        found = {
            (key, record.started): record
            for key, record in state.commands.items()
            if record.command == ACCEPT_REMOVALS
        }
        known, self._known = self._known, frozenset(found)
        return known is not None and any(
            record.instance not in own for key, record in found.items() if key not in known
        )
