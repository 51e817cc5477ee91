# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep the members of the swarm right in the loop: through the API here, over SSH by a playbook."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.member_steps import MemberStep, SetRole
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan, Step
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.managers import is_managing
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.plan import (
    Healing,
    needs_hosts,
    plan_heal,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.membership.settings import spec_of
from orcastra_runner.dedup import OnceFilter, log_messages
from orcastra_runner.jobs import Work, log_steps, played_fields, report_outcome
from orcastra_runner.log import get_logger
from orcastra_runner.swarm import Swarm

HEAL_PLAYBOOK = "orcastra.swarm.heal"

# We are to end within 10 s when we are asked to: what takes longer is looked at again by the next cycle.
STEP_SECONDS = 8.0
AGAIN_SECONDS = 2.0
# While the playbook does not help, the pause before the next run doubles, up to this many intervals.
LONGEST_PAUSE = 12

log = get_logger()


def plan_healing(swarm: Swarm, seen: Observation, desired: DesiredState, *, has_inventory: bool) -> Plan:
    """Plan all that the job would do; what it needs the hosts for is in words.

    Raises OrcastraError where the swarm has lost its quorum, and the errors of the engine.
    """
    return plan_members(swarm, seen, desired) + plan_hosts(seen, desired, has_inventory=has_inventory)


def plan_members(swarm: Swarm, seen: Observation, desired: DesiredState) -> Plan:
    """Plan what can be mended through the API. Raises as ``plan_healing`` does."""
    healing = Healing(
        swarm=swarm.describe() if spec_of(desired.swarm) else {},
        roles=desired.decides_roles,
        kept_drained=frozenset(seen.state.asked_availability),
        # whoever began an update may be at work on it: unless told otherwise, only the playbook acts
        paused_updates="report",
        # each look finds those afresh, far more often than this job runs
        shortages=False,
    )
    return plan_heal(seen.snapshot, desired, healing, time.time())


def plan_hosts(seen: Observation, desired: DesiredState, *, has_inventory: bool) -> Plan:
    """Say what only the hosts themselves can mend, and who does that if it stays so."""
    missing = needs_hosts(seen.snapshot, desired, time.time())
    if has_inventory:
        found = [Reason("host_repaired_by_playbook", because=why, playbook=HEAL_PLAYBOOK) for why in missing]
    else:
        found = [Reason("host_repaired_by_user", because=why, playbook=HEAL_PLAYBOOK) for why in missing]
    return Plan(warnings=tuple(found))


class HealJob:
    """Looks at members, settings and updates, and acts where something is not as it should be."""

    name = "heal"
    starts_late = False
    # a host that reboots is no reason to start a playbook
    follows_events = False

    def __init__(
        self, interval: float, *, at_once: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``at_once``: bring hosts back at the first look that misses them, not at the second."""
        self.interval = interval
        self._at_once = at_once
        self.requeue_after: float | None = None
        self._clock = clock
        self._once = OnceFilter()
        self._missing: tuple[Reason, ...] = ()
        self._pause = 0.0
        self._next_run = 0.0

    def run(self, work: Work) -> bool:
        self.requeue_after = None
        seen = work.swarm.observe()
        acted = self._mend(work, seen)
        if acted and not work.dry_run:
            # other steps may be possible now
            self.requeue_after = AGAIN_SECONDS
        return self._bring_back(work, work.swarm.observe()) or acted

    def _mend(self, work: Work, seen: Observation) -> bool:
        """What can be done through the API."""
        plan = plan_members(work.swarm, seen, work.desired)
        log_messages(self._once, plan.warnings, plan.notes)
        hosts = plan_hosts(seen, work.desired, has_inventory=work.run_on_hosts is not None)
        work.status.planned(self.name, plan + hosts)
        log_steps(self._once, plan, at_once=not work.dry_run)
        if not plan.steps or work.dry_run:
            return bool(plan.steps)
        outcome = work.swarm.carry_out(Plan(steps=_first_part(plan.steps)))
        work.swarm.invalidate()
        report_outcome(work, self.name, outcome)
        return True

    def _bring_back(self, work: Work, seen: Observation) -> bool:
        """What needs the hosts themselves. Nothing is started while the swarm has all that are configured."""
        if seen.state.handovers:
            return False  # another instance reboots a host, and sees to it that it comes back
        missing = tuple(needs_hosts(seen.snapshot, work.desired, time.time()))
        fresh = self._once.fresh("missing", missing)
        if work.run_on_hosts is None or work.dry_run:
            for text in fresh:
                log.warning("configured node missing", summary=text)
            self._missing = missing
            return False
        if not missing or missing != self._missing:
            self._missing, self._pause, self._next_run = missing, self.interval, 0.0
            for text in fresh:
                log.warning("configured node missing", summary=text)
            # most hosts that are down come back by themselves before the next look
            if not missing or not self._at_once:
                return False
        if self._clock() < self._next_run:
            return False
        self._next_run = self._clock() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE * self.interval)
        log.info("membership repair started", summary="; ".join(map(str, missing)))
        result = work.run_on_hosts(HEAL_PLAYBOOK, _variables(work, seen))
        work.swarm.invalidate()
        for step in (step for task in result.tasks for step in task.plan):
            work.status.playbook_stepped(self.name, step, None)
            log.info("done", **played_fields(step))
        if not result.ok:
            log.warning("membership repair failed", summary=result.problem)
        return result.changed


def _first_part(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The steps up to the first promotion: what comes after it has to see how it ended."""
    chosen: list[Step] = []
    for step in steps:
        if not isinstance(step, MemberStep):
            chosen.append(step)
            continue
        chosen.append(replace(step, wait_seconds=STEP_SECONDS, fails_late=False))
        if isinstance(step, SetRole) and step.role == "manager":
            break
    return tuple(chosen)


def _variables(work: Work, seen: Observation) -> dict[str, Any]:
    """Where the configuration says nothing of managers, as many are to stay as there are."""
    managing = sum(is_managing(node) for node in seen.snapshot.nodes)
    if work.desired.decides_roles or managing not in (1, 3, 5, 7):
        return {}
    eligible = len(work.desired.nodes)
    return {"orcastra_managers": managing} if managing <= eligible else {}
