# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on the swarm in one sentence: is it in sync with the configuration, and is it healthy?

The two are separate, as in Argo CD: a swarm that matches its configuration can still be short of tasks.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Sequence

from .._model.compat import dataclass
from .._model.reasons import Reason
from .._model.shortage import Shortage
from .._model.snapshot import SwarmSnapshot
from .._model.state import State
from .._model.steps import Plan

IN_SYNC = "in_sync"
OUT_OF_SYNC = "out_of_sync"
UNKNOWN = "unknown"
HEALTHY = "healthy"
PROGRESSING = "progressing"
DEGRADED = "degraded"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``sync`` is IN_SYNC, OUT_OF_SYNC or UNKNOWN; ``health`` is HEALTHY, PROGRESSING, DEGRADED or UNKNOWN.

    ``sync_reason`` and ``health_reason`` say the same as a sentence each, with the cause.
    """

    sync: str
    sync_reason: Reason
    health: str
    health_reason: Reason

    @property
    def text(self) -> str:
        """Both as one line, the more urgent first."""
        parts = [self.sync_reason.text, self.health_reason.text]
        if self.health in (DEGRADED, UNKNOWN):
            parts.reverse()
        return ". ".join(dict.fromkeys(parts))


def judge(
    snapshot: SwarmSnapshot | None,
    plan: Plan | None,
    short: Sequence[Shortage],
    state: State,
    now: float,
    *,
    is_configured: bool = True,
) -> Verdict:
    """Judge the swarm.

    ``snapshot`` is None before the first observation, ``plan`` on an instance that doesn't plan. ``short``:
    the services short of tasks, the worst first. ``now``: seconds since the epoch. ``is_configured``: there
    is a configuration to compare the swarm with.
    """
    if snapshot is None:
        unknown = Reason("verdict_unknown")
        return Verdict(UNKNOWN, unknown, UNKNOWN, unknown)
    sync, sync_reason = _sync(plan) if is_configured else (UNKNOWN, Reason("verdict_not_configured"))
    health, health_reason = _health(snapshot, short, state, now)
    return Verdict(sync, sync_reason, health, health_reason)


def _sync(plan: Plan | None) -> tuple[str, Reason]:
    if plan is None:
        return UNKNOWN, Reason("verdict_not_planned")
    if plan.steps:
        return OUT_OF_SYNC, Reason("verdict_out_of_sync", changes=len(plan.steps))
    return IN_SYNC, Reason("verdict_in_sync")


def _health(
    snapshot: SwarmSnapshot, short: Sequence[Shortage], state: State, now: float
) -> tuple[str, Reason]:
    lasting = [one for one in short if not one.is_fresh]
    if lasting:
        first = lasting[0]
        return DEGRADED, Reason(
            "verdict_service_short",
            service=first.service,
            running=first.running,
            expected=first.expected,
            seconds=max(0.0, now - first.since) if first.since else 0.0,
            reasons=first.reasons,
            more=Reason("verdict_more_services", count=len(lasting) - 1) if len(lasting) > 1 else None,
        )
    given_up = sorted(
        service.name
        for service in snapshot.services
        if service.id in state.attempts and state.attempts[service.id].given_up
    )
    if given_up:
        return DEGRADED, Reason("verdict_given_up", services=given_up)
    lost = sorted(node.hostname or node.id for node in snapshot.nodes if not node.is_ready)
    if lost:
        return DEGRADED, Reason("verdict_nodes_not_ready", nodes=lost)
    if short:
        return PROGRESSING, Reason("verdict_progressing", services=[one.service for one in short])
    return HEALTHY, Reason("verdict_healthy")
