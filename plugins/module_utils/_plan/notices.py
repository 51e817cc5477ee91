# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan notifications: compare the problems that hold now with those that were noted.

The record of noted problems is in the saved state, so whichever instance is active next sees the same
problems and the same record, and neither loses nor repeats a notification.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from .._model.compat import dataclass
from .._model.notices import (
    ERROR,
    INFO,
    LEVELS,
    MAX_SUBJECT_CHARACTERS,
    WARNING,
    Noted,
    NoteProblem,
    NoteSolved,
    Outgoing,
    saved,
)
from .._model.reasons import Reason
from .._model.shortage import WAITING, Shortage
from .._model.snapshot import SwarmSnapshot
from .._model.state import State, StateEdit

# A service that fails repeatedly runs for a moment in between, so it must be complete for this long.
STEADY_SECONDS = 60.0
# The entry of a mod is kept for this long, so that only the first of several nodes reports a new version.
MOD_SECONDS = 86_400.0

NODE = "node/"
SHORT = "short/"
GIVEN_UP = "given_up/"
JOB = "job/"
CONFIGURATION = "configuration/"
MOD = "mod/"


@dataclass(frozen=True)
class Trouble:
    """A problem that holds now. ``subject`` is the name of the service, node or job."""

    reason: Reason
    subject: str
    level: str


@dataclass(frozen=True)
class Findings:
    """``holds``: key → a problem that holds now. ``unclear``: keys of problems that may or may not hold."""

    holds: Mapping[str, Trouble] = field(default_factory=dict)
    unclear: frozenset[str] = frozenset()

    def __add__(self, other: Findings) -> Findings:
        return Findings({**self.holds, **other.holds}, self.unclear | other.unclear)


@dataclass(frozen=True)
class NoticePlan:
    """The edits, and key → since when a problem that was noted has been over but is still watched."""

    edits: tuple[StateEdit, ...] = ()
    over_since: Mapping[str, float] = field(default_factory=dict)


def find_trouble(snapshot: SwarmSnapshot, short: Sequence[Shortage], state: State) -> Findings:
    """Return the problems of the swarm. ``short``: the services that are short of tasks."""
    holds: dict[str, Trouble] = {}
    unclear: set[str] = set()
    for node in snapshot.nodes:
        name = node.hostname or node.id
        if node.is_down:
            # a host that is rebooted on purpose is drained before that
            on_purpose = node.availability == "drain"
            reason = (
                Reason("notify_node_lost_in_drain", node=name)
                if on_purpose
                else Reason("notify_node_lost", node=name)
            )
            holds[NODE + node.id] = Trouble(reason, name, INFO if on_purpose else WARNING)
        elif not node.is_ready:
            # it hasn't contacted a new leader yet
            unclear.add(NODE + node.id)
    for one in short:
        key = SHORT + one.service
        if one.is_fresh:
            unclear.add(key)
            continue
        reason = Reason(
            "notify_service_short",
            service=one.service,
            running=one.running,
            expected=one.expected,
            reasons=one.reasons,
        )
        is_out = one.running == 0 or one.code == WAITING
        holds[key] = Trouble(reason, one.service, ERROR if is_out else WARNING)
    for service in snapshot.services:
        attempts = state.attempts.get(service.id)
        if attempts is not None and attempts.given_up is not None:
            reason = Reason("notify_given_up", service=service.name, reason=attempts.given_up)
            holds[GIVEN_UP + service.id] = Trouble(reason, service.name, ERROR)
    return Findings(holds, frozenset(unclear))


def plan_notices(
    found: Findings,
    state: State,
    snapshot: SwarmSnapshot,
    now: float,
    *,
    knows: Callable[[str], bool],
    over_since: Mapping[str, float],
    least: str = INFO,
) -> NoticePlan:
    """Plan the changes to the record, and the messages about them.

    ``knows`` returns whether this instance can judge that the problem with a key is over. ``over_since`` is
    from the previous plan of this instance. ``least`` is the least severe level to notify about.
    """
    edits: list[StateEdit] = []
    for key, trouble in sorted(found.holds.items()):
        if key in state.notified or LEVELS.index(trouble.level) < LEVELS.index(least):
            continue
        noted = Noted(trouble.reason.code, trouble.subject[:MAX_SUBJECT_CHARACTERS], trouble.level, now)
        message = Outgoing(saved(trouble.reason), trouble.level, now)
        edits.append(NoteProblem(key, noted, f"{key}@{now:.3f}", message))
    over: dict[str, float] = {}
    for key, noted in sorted(state.notified.items()):
        if key in found.holds or key in found.unclear:
            continue
        if key.startswith(MOD):
            if now - noted.since > MOD_SECONDS:
                edits.append(NoteSolved(key, noted.since))
            continue
        if _is_of_lost_node(key, snapshot):
            edits.append(NoteSolved(key, noted.since))
            continue
        if not knows(key):
            continue
        over[key] = over_since.get(key, now)
        if key.startswith(SHORT) and _exists(key, snapshot) and now - over[key] < STEADY_SECONDS:
            continue
        reason = _solved(key, noted, snapshot, over[key])
        message = Outgoing(reason, noted.level, now, solved=True)
        edits.append(NoteSolved(key, noted.since, f"{key}@{noted.since:.3f}/solved", message))
    return NoticePlan(tuple(edits), over)


def _solved(key: str, noted: Noted, snapshot: SwarmSnapshot, over: float) -> Reason:
    name, seconds = noted.subject, max(0.0, over - noted.since)
    if key.startswith(NODE):
        if _exists(key, snapshot):
            return Reason("notify_node_back", node=name, seconds=seconds)
        return Reason("notify_node_left", node=name)
    if key.startswith(SHORT):
        if _exists(key, snapshot):
            return Reason("notify_service_complete", service=name, seconds=seconds)
        return Reason("notify_service_removed", service=name)
    if key.startswith(GIVEN_UP):
        return Reason("notify_given_up_over", service=name, seconds=seconds)
    if key.startswith(CONFIGURATION):
        return Reason("notify_configuration_accepted", node=name, seconds=seconds)
    return Reason("notify_job_recovered", job=name, seconds=seconds)


def _exists(key: str, snapshot: SwarmSnapshot) -> bool:
    if key.startswith(NODE):
        return key.removeprefix(NODE) in snapshot.node_by_id
    return key.removeprefix(SHORT) in {service.name for service in snapshot.services}


def _is_of_lost_node(key: str, snapshot: SwarmSnapshot) -> bool:
    """Whether only the instance on a node that has left the swarm could judge the problem."""
    if not key.startswith((JOB, CONFIGURATION)):
        return False
    # the key of a job of the loop has no node
    _kind, node_id, *rest = key.split("/")
    return bool(rest) and node_id not in snapshot.node_by_id
