# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan what becomes of a command that reboots the host on which its own process runs.

That process leaves the host to another instance: it offers it in the state, one that runs elsewhere takes it,
and the instance that acts sees to it that it comes to an end, whatever becomes of the two.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from ..._model.compat import dataclass
from ..._model.errors import OrcastraError
from ..._model.reasons import Reason
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.state import FAILED, INTERRUPTED, FinishCommand, ForgetHandover, Handover, State, StateEdit
from .availability import check_spare

# How long an offer waits for somebody who takes it; those who may look far more often.
OFFER_SECONDS = 60.0
# After so long without a sign of life, whoever has taken it counts as gone.
SILENCE_SECONDS = 60.0
# An offer from before a night in which all was off is not what anybody wants any more.
STALE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Myself:
    """An instance that might take something: the ID of its engine's node, and of its host's boot.

    ``is_local``: the engine is that of the host on which it runs.
    """

    node_id: str
    boot: str
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the acting instance does about what is handed over: edits of the state, and what it says.

    ``results``: by command, what it comes to. ``waits``: whether anything is still under way.
    """

    edits: tuple[StateEdit, ...] = ()
    results: Mapping[str, FinishCommand] = field(default_factory=dict)
    waits: bool = False


def takeable(state: State, me: Myself, now: float) -> tuple[str, ...]:
    """Which of the commands whose rest is offered this instance may take, the oldest offer first.

    It must not run on the host in question, and nobody may be at work on another one. ``now`` is in seconds
    since the epoch.
    """
    if any(handover.by for handover in state.handovers.values()):
        return ()
    found = [
        (handover.offered, key)
        for key, handover in state.handovers.items()
        if _is_offered(state, key, handover)
        and _is_elsewhere(me, handover)
        and now - handover.offered < STALE_SECONDS
    ]
    return tuple(key for _offered, key in sorted(found))


def no_other_instance(snapshot: SwarmSnapshot, node_ids: Iterable[str]) -> Reason | None:
    """Why no other instance could take the reboot of these nodes; None if one might."""
    ids = frozenset(node_ids)
    nodes = [node for node in snapshot.nodes if node.id in ids]
    if not any(node.is_ready for node in snapshot.nodes if node.id not in ids):
        return Reason("handover_no_ready_node")
    try:
        for node in nodes:
            check_spare(snapshot, node)
    except OrcastraError as error:
        return Reason("handover_refused", error=str(error))
    return None


def plan_upkeep(snapshot: SwarmSnapshot, state: State, quiet: Mapping[str, float], now: float) -> Upkeep:
    """Plan what the acting instance does about everything that is handed over.

    ``quiet``: for how many seconds nothing has happened to each that it has watched. ``now`` is in seconds
    since the epoch. The results change nothing where they come too late: a claim has made the command that of
    another process, and a result is never replaced by an interruption.
    """
    edits: list[StateEdit] = []
    results: dict[str, FinishCommand] = {}
    waits = False
    for key, handover in sorted(state.handovers.items()):
        record = state.commands.get(key)
        if record is None or not record.is_running:
            edits.append(ForgetHandover(key))
            continue
        silence = quiet.get(key, 0.0)
        if not handover.by and silence >= OFFER_SECONDS:
            why = Reason("handover_not_taken", hosts=handover.names)
            results[key] = FinishCommand(key, record.instance, FAILED, joined(handover.done, why), now)
        elif handover.by and silence >= SILENCE_SECONDS:
            left = out_of_service(snapshot.nodes, handover.nodes)
            why = Reason("handover_lost", hosts=handover.names, instance=handover.by)
            message = joined(handover.done, why, *left)
            results[key] = FinishCommand(key, record.instance, INTERRUPTED, message, now)
        else:
            waits = True
    return Upkeep((*edits, *results.values()), results, waits)


def out_of_service(nodes: Iterable[Node], node_ids: Iterable[str]) -> tuple[Reason, ...]:
    """Which of these nodes are out of service now, as an interrupted reboot may leave them."""
    ids = frozenset(node_ids)
    return tuple(
        Reason("node_out_of_service", node=node.hostname, availability=node.availability)
        for node in nodes
        if node.id in ids and node.availability != "active"
    )


def joined(*parts: object) -> str:
    """The parts of a command's result that have anything to say, as one sentence."""
    return "; ".join(text for text in map(str, parts) if text)


def _is_elsewhere(me: Myself, handover: Handover) -> bool:
    """Whether an instance surely runs on another host. Where its engine may be another's, the boot tells."""
    return me.node_id not in ("", *handover.nodes) and (me.is_local or me.boot not in ("", handover.boot))


def _is_offered(state: State, key: str, handover: Handover) -> bool:
    record = state.commands.get(key)
    return record is not None and record.is_running and not handover.by
