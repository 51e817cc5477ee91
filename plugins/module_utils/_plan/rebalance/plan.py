# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the balancing of memory: which group or task moves where, once.

- ``rebalance_units``: what could move, and what forbids it; ``rebalance_hosts``: the pressure on the hosts
- ``rebalance_targets``: where it could go; ``rebalance_search``: what is best, in numbers, which
  ``rebalance_refine`` makes better with few hosts
- ``rebalance_choice``: the decision, with its reasons; ``rebalance_moves``: how a move that was begun ends

A move is begun only where the gap has lasted, where it makes the worse one of its two hosts better, and
where nothing that was moved comes back: what was moved keeps, for a while, the memory that it had before,
its hosts are left alone until they have been measured again, and it does not return for a week (for a day,
if memory is short where it is, and never by undoing a move).
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ..._model.memory import Memory
from ..._model.rules import RebalanceRules
from ..._model.service_steps import PlaceService
from ..._model.snapshot import SwarmSnapshot
from ..._model.state import (
    REBALANCE,
    ForgetRelocations,
    Move,
    SetAhead,
    SetMove,
    State,
    StateEdit,
)
from ..._model.steps import Plan
from ..anchors.groups import AnchorGroup
from ..hints import no_service_asked_for
from ..names import (
    find_nodes,
    node_hint,
)
from .hosts import why_not_usable
from .moves import (
    AGAIN_SECONDS,
    DEFAULT_LIMIT_SECONDS,
    balancing_moves,
    plan_moves_under_way,
)
from .selection import (
    Candidate,
    Choice,
    Chosen,
)
from .targets import RETURN_SECONDS
from .units import (
    PREFERRED_LABEL,
    unknown_names,
)

# of all moves made, so many are remembered: some 50 KB
MAX_REMEMBERED = 400
# so many alternatives are given with a step
MAX_WHY_NOT = 5


def plan_rebalance(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    memory: Memory,
    rules: RebalanceRules,
    state: State,
    now: float,
    limit_seconds: float = DEFAULT_LIMIT_SECONDS,
) -> Plan:
    """Plan one cycle: end the moves that are under way, and begin new ones where it is worth it.

    ``groups`` are the anchors and their followers, as surveyed in ``snapshot``; ``now`` is in seconds since
    the epoch; ``limit_seconds`` is how long a move may take before it is undone.
    """
    under_way = plan_moves_under_way(snapshot, groups, state, now, limit_seconds)
    choice = Choice(snapshot, groups, memory, rules, state, now)
    left = rules.max_moves_per_cycle - len(balancing_moves(state))
    chosen = choice.choose(left)
    ahead = choice.edit_ahead(chosen)
    steps = tuple(_step(choice, picked, ahead, now) for picked in chosen)
    notes = [*_notes_on_nodes(snapshot, memory)]
    if left > 0 and not chosen:
        notes += choice.why_nothing(MAX_WHY_NOT)
    # at rest, nothing is ahead
    forget_ahead = (ahead,) if state.ahead and not chosen and not ahead.targets else ()
    return under_way + Plan(
        steps=steps,
        warnings=_unknown(snapshot, rules),
        notes=tuple(notes),
        remember=(*choice.pressure_edits, *_forget(snapshot, state, now), *forget_ahead),
        requeue_after=AGAIN_SECONDS if steps else None,
    )


def rebalance_candidates(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    memory: Memory,
    rules: RebalanceRules,
    state: State,
    now: float,
) -> tuple[Candidate, ...]:
    """Everything that could be moved, and for each the verdict of this cycle: what the plan rests on."""
    choice = Choice(snapshot, groups, memory, rules, state, now)
    chosen = choice.choose(rules.max_moves_per_cycle - len(balancing_moves(state)))
    return choice.candidates(chosen)


def _step(choice: Choice, picked: Chosen, ahead: SetAhead, now: float) -> PlaceService:
    unit, target = picked.unit, picked.target
    service = unit.lead
    move = Move(
        anchor="",
        nodes=(target.id,),
        since=now,
        kind=REBALANCE,
        source=unit.node.id,
        memory_bytes=unit.memory_bytes or 0,
    )
    return PlaceService(
        service_id=service.id,
        name=service.name,
        purpose=f"move {unit.title} from {unit.node.hostname} to {target.hostname}",
        constraints=service.constraints,
        add=picked.constraints,
        why=picked.why,
        why_not=choice.alternatives(picked, MAX_WHY_NOT),
        intent_edits=(SetMove(service.id, move), ahead),
    )


def _notes_on_nodes(snapshot: SwarmSnapshot, memory: Memory) -> list[str]:
    """Active nodes that take no part although the user may expect it."""
    notes = []
    for node in sorted(snapshot.nodes, key=lambda node: (node.hostname, node.id)):
        reason = why_not_usable(node, memory)
        if reason is not None and node.is_ready and node.availability == "active":
            notes.append(f"node {node.hostname}: {reason}; nothing moves from or to it")
    return notes


def _unknown(snapshot: SwarmSnapshot, rules: RebalanceRules) -> tuple[str, ...]:
    found = [
        f"services.{name}: {no_service_asked_for(snapshot, name, '')}"
        for name in unknown_names(snapshot, rules)
    ]
    for service in sorted(snapshot.services, key=lambda service: service.name):
        name = service.labels.get(PREFERRED_LABEL)
        nodes = find_nodes(snapshot, name) if name else ()
        if name and len(nodes) != 1:
            what = f"there is no node {name} in this swarm{node_hint(snapshot, name)}"
            if nodes:
                what = f"{len(nodes)} nodes have the host name {name}, so it counts for none of them"
            found.append(f"{service.name}: label {PREFERRED_LABEL}: {what}")
    return tuple(found)


def _forget(snapshot: SwarmSnapshot, state: State, now: float) -> tuple[StateEdit, ...]:
    """Moves that no longer matter, those of services that are gone, and what is too much to remember."""
    ages = sorted(
        (made.at for relocations in state.relocations.values() for made in relocations), reverse=True
    )
    oldest = now - RETURN_SECONDS
    if len(ages) > MAX_REMEMBERED:
        oldest = max(oldest, ages[MAX_REMEMBERED - 1])
    edits = []
    for service_id, relocations in sorted(state.relocations.items()):
        if service_id not in snapshot.service_by_id:
            edits.append(ForgetRelocations(service_id, float("inf")))
        elif relocations[0].at < oldest:
            edits.append(ForgetRelocations(service_id, oldest))
    return tuple(edits)
