# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the balancing of memory: which group or task moves to which node.

- ``units``: what could move, and what forbids it. ``hosts``: the pressure on the hosts.
- ``targets``: where units could move. ``search``: the best moves, in numbers, refined by ``refine``.
- ``selection``: the decisions. ``explanation``: their reasons. ``moves``: the ends of moves.
- ``_plan.spread``: what moves to spread replicas and tasks, if nothing moves for memory.

A move begins only if the gap has lasted and the move relieves the fuller one of its two hosts. Units do not
move to and fro: a moved unit counts with its earlier memory use for a while, its hosts take part again only
after a new measurement, and it does not return for a week (for a day if its host is short of memory, but
never by undoing a move).
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from dataclasses import dataclass

from ..._model.desired import NodeConfig
from ..._model.memory import Memory
from ..._model.reasons import Reason
from ..._model.rules import RebalanceRules, SpreadRules
from ..._model.service_steps import PlaceService
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.state import REBALANCE, SPREAD, ForgetRelocations, Move, SetAhead, SetMove, State, StateEdit
from ..._model.steps import Plan
from ..anchors.groups import AnchorGroup
from ..hints import no_requested_service
from ..names import find_nodes, identify
from ..spread.selection import SpreadMove, SpreadSelector
from ..spread.selection import why as why_spread
from .explanation import Candidate, candidates, why, why_not, why_nothing
from .moves import DEFAULT_LIMIT_SECONDS, REQUEUE_SECONDS, balancing_moves, plan_moves_under_way
from .selection import Chosen, MoveSelector
from .targets import RETURN_SECONDS
from .units import PREFERRED_LABEL, MoveUnit, unknown_names

# how many past moves are saved, about 50 KB
MAX_REMEMBERED = 400
# the maximum number of rejected alternatives of a step
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
    """Plan one cycle: end the moves that are under way, and begin new ones that are worthwhile.

    ``groups``: the anchors and their followers in ``snapshot``. ``now``: seconds since the epoch.
    ``limit_seconds``: how long a move may take before it is undone.
    """
    return decide_moves(snapshot, groups, memory, rules, state, now, limit_seconds).plan


@dataclass(frozen=True)
class Rebalancing:
    """The plan of one cycle, and its decisions."""

    plan: Plan
    _selector: MoveSelector
    _chosen: tuple[Chosen, ...]

    def candidates(self) -> tuple[Candidate, ...]:
        """Return everything that could move, and the verdict on each."""
        return candidates(self._selector, self._chosen)


def decide_moves(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    memory: Memory,
    rules: RebalanceRules,
    state: State,
    now: float,
    limit_seconds: float = DEFAULT_LIMIT_SECONDS,
) -> Rebalancing:
    """Return the same plan as ``plan_rebalance``, with the decisions."""
    under_way = plan_moves_under_way(snapshot, groups, state, now, limit_seconds)
    selector = MoveSelector(snapshot, groups, memory, rules, state, now)
    left = rules.max_moves_per_cycle - len(balancing_moves(state))
    chosen = selector.select(left)
    planned = selector.planned_edit(chosen)
    steps = tuple(_step(selector, picked, planned, now) for picked in chosen)
    notes = _notes_on_nodes(snapshot, selector)
    if rules.spread is not None:
        if not memory.nodes:
            notes = [Reason("spread_without_memory")]
        found = _spread(selector, rules.spread, memory).select(
            left - len(chosen),
            {picked.unit.lead.id for picked in chosen},
            {node.id for picked in chosen for node in (picked.unit.node, picked.target)},
        )
        steps += tuple(_spread_step(move, now) for move in found.moves)
        if not found.moves and found.refusals:
            notes.append(Reason("spread_without_remedy", reasons=found.refusals[:MAX_WHY_NOT]))
    if left > 0 and not steps:
        notes += why_nothing(selector, MAX_WHY_NOT)
    # forget the earlier plan if nothing moves and nothing is planned
    forget_planned = (planned,) if state.ahead and not chosen and not planned.targets else ()
    plan = under_way + Plan(
        steps=steps,
        warnings=_unknown(snapshot, rules),
        notes=tuple(notes),
        remember=(*selector.pressure_edits, *_forget(snapshot, state, now), *forget_planned),
        requeue_after=REQUEUE_SECONDS if steps else None,
    )
    return Rebalancing(plan, selector, chosen)


def _step(selector: MoveSelector, picked: Chosen, planned: SetAhead, now: float) -> PlaceService:
    unit, target = picked.unit, picked.target
    service = unit.lead
    move = _move(REBALANCE, unit, target, now)
    return PlaceService(
        service_id=service.id,
        name=service.name,
        purpose=Reason("move_to_balance", unit=unit.title, source=unit.node.hostname, target=target.hostname),
        constraints=service.constraints,
        add=picked.constraints,
        why=why(picked),
        why_not=why_not(selector, picked, MAX_WHY_NOT),
        intent_edits=(SetMove(service.id, move), planned),
    )


def _move(kind: str, unit: MoveUnit, target: Node, now: float, stays: int = 0) -> Move:
    """Return the entry of the journal for a move that begins. ``stays``: how many of its tasks stay."""
    return Move(
        anchor="",
        nodes=(target.id,),
        since=now,
        kind=kind,
        source=unit.node.id,
        memory_bytes=unit.memory_bytes or 0,
        stays=stays,
    )


def preview_spread(
    snapshot: SwarmSnapshot,
    groups: tuple[AnchorGroup, ...],
    memory: Memory,
    rules: RebalanceRules,
    state: State,
    now: float,
) -> tuple[Reason, ...]:
    """Return a hint at the first move that spreading would make with its defaults, if it isn't configured."""
    if rules.spread is not None or balancing_moves(state):
        return ()
    selector = MoveSelector(snapshot, groups, memory, rules, state, now)
    found = _spread(selector, SpreadRules(settle_seconds=0), memory).select(1)
    return tuple(
        Reason("spread_would_move", move=_spread_step(move, now).purpose, reasons=why_spread(move)[:1])
        for move in found.moves
    )


def _spread(selector: MoveSelector, rules: SpreadRules, memory: Memory) -> SpreadSelector:
    return SpreadSelector(
        selector.snapshot,
        selector.units,
        selector.host_of,
        memory,
        selector.targets,
        rules,
        selector.rules.storage,
        selector.now,
    )


def _spread_step(move: SpreadMove, now: float) -> PlaceService:
    unit, target, service = move.unit, move.target, move.unit.lead
    journaled = _move(SPREAD, unit, target, now, stays=move.stays)
    where = {"source": unit.node.hostname, "target": target.hostname}
    return PlaceService(
        service_id=service.id,
        name=service.name,
        purpose=(
            Reason("move_to_spread", unit=unit.title, **where)
            if service.replicas == 1
            else Reason("move_task_to_spread", service=service.name, **where)
        ),
        constraints=service.constraints,
        add=move.constraints,
        one_task=move.stays > 0,
        why=why_spread(move),
        why_not=move.rejected[:MAX_WHY_NOT],
        intent_edits=(SetMove(service.id, journaled),),
    )


def _notes_on_nodes(snapshot: SwarmSnapshot, selector: MoveSelector) -> list[Reason]:
    """Return notes on active nodes that do not take part, although the user may expect it."""
    return [
        Reason("node_left_out", node=node.hostname, reason=selector.unusable[node.id])
        for node in sorted(snapshot.nodes, key=lambda node: (node.hostname, node.id))
        if node.id in selector.unusable and node.is_ready and node.availability == "active"
    ]


def _unknown(snapshot: SwarmSnapshot, rules: RebalanceRules) -> tuple[Reason, ...]:
    """Return warnings about names in the configuration and in labels that this swarm does not have."""
    found = [
        Reason("rebalance_service_unknown", name=name, reason=no_requested_service(snapshot, name, ""))
        for name in unknown_names(snapshot, rules)
    ]
    for service in sorted(snapshot.services, key=lambda service: service.name):
        name = service.labels.get(PREFERRED_LABEL)
        nodes = find_nodes(snapshot, name) if name else ()
        if not name or len(nodes) == 1:
            continue
        said = {"service": service.name, "label": PREFERRED_LABEL, "node": name}
        hint = identify(snapshot, NodeConfig(name)).hint
        if nodes:
            found.append(Reason("preferred_node_ambiguous", count=len(nodes), **said))
        elif hint:
            found.append(Reason("preferred_node_misspelt", hint=hint, **said))
        else:
            found.append(Reason("preferred_node_unknown", **said))
    return tuple(found)


def _forget(snapshot: SwarmSnapshot, state: State, now: float) -> tuple[StateEdit, ...]:
    """Return the edits that forget moves: outdated ones, those of removed services, and those beyond the
    limit."""
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
