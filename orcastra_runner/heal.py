# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Membership repair in the loop: through the Swarm API in this process, over SSH with a playbook."""

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

# The process must end within 10 s of SIGTERM, so the next cycle continues with a step that takes longer.
STEP_SECONDS = 8.0
REQUEUE_SECONDS = 2.0
# As long as the playbook doesn't help, the pause before the next run doubles, up to this many intervals.
LONGEST_PAUSE = 12

log = get_logger()


def plan_healing(swarm: Swarm, seen: Observation, desired: DesiredState, *, has_inventory: bool) -> Plan:
    """Plan everything that the job would do; work on the hosts themselves is planned as warnings.

    Raises OrcastraError if the swarm has lost its quorum, and the errors of the engine.
    """
    return plan_members(swarm, seen, desired) + plan_hosts(seen, desired, has_inventory=has_inventory)


def plan_members(swarm: Swarm, seen: Observation, desired: DesiredState) -> Plan:
    """Plan the repairs that the API allows. Raises the same errors as ``plan_healing``."""
    healing = Healing(
        swarm=swarm.describe() if spec_of(desired.swarm) else {},
        roles=desired.decides_roles,
        kept_drained=frozenset(seen.state.asked_availability),
        # the user who started an update may be working on it; unless configured otherwise, only the playbook
        # acts
        paused_updates="report",
        # the loop reports shortages with each observation, far more often than this job runs
        shortages=False,
    )
    return plan_heal(seen.snapshot, desired, healing, time.time())


def plan_hosts(seen: Observation, desired: DesiredState, *, has_inventory: bool) -> Plan:
    """Return warnings about problems that can only be repaired on the hosts, and how that happens."""
    missing = needs_hosts(seen.snapshot, desired, time.time())
    if has_inventory:
        found = [Reason("host_repaired_by_playbook", because=why, playbook=HEAL_PLAYBOOK) for why in missing]
    else:
        found = [Reason("host_repaired_by_user", because=why, playbook=HEAL_PLAYBOOK) for why in missing]
    return Plan(warnings=tuple(found))


class HealJob:
    """Checks members, settings and updates of the swarm, and repairs drift."""

    name = "heal"
    starts_late = False
    # events about a host that reboots must not start a playbook
    follows_events = False

    def __init__(
        self, interval: float, *, at_once: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``at_once``: repair hosts as soon as they are missing, not only if the next check confirms it."""
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
        acted = self._repair_members(work, seen)
        if acted and not work.dry_run:
            # other steps may be possible now
            self.requeue_after = REQUEUE_SECONDS
        return self._repair_hosts(work, work.swarm.observe()) or acted

    def _repair_members(self, work: Work, seen: Observation) -> bool:
        """Repair drift through the API. Returns whether there was any."""
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

    def _repair_hosts(self, work: Work, seen: Observation) -> bool:
        """Repair configured nodes that are missing, over SSH. Returns whether anything changed."""
        if seen.state.handovers:
            return False  # another instance is rebooting a host and waits for its return
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
            # most hosts that are down return on their own before the next check
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
    """Return the steps up to the first promotion; the others depend on its result."""
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
    """Return the number of managers to keep, if the configuration doesn't set one."""
    managing = sum(is_managing(node) for node in seen.snapshot.nodes)
    if work.desired.decides_roles or managing not in (1, 3, 5, 7):
        return {}
    eligible = len(work.desired.nodes)
    return {"orcastra_managers": managing} if managing <= eligible else {}
