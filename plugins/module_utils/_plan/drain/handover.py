# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the handover of a command that reboots the host on which its own process runs.

That process hands the host over to another instance: it offers it in the saved state, and an instance on
another host takes it. The active instance makes sure that the command ends, even if both are lost.
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

# How long an offer stays open; other instances check for offers far more often.
OFFER_SECONDS = 60.0
# After this long without a heartbeat, the instance that took it counts as gone.
SILENCE_SECONDS = 60.0
# An offer that is older than this is obsolete, for example after the whole swarm was off for a night.
STALE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Myself:
    """An instance that might take an offer: the IDs of its engine's node and of its host's boot.

    ``is_local``: whether the engine runs on the same host.
    """

    node_id: str
    boot: str
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The work of the active instance on handovers: edits of the saved state, and reports.

    ``results``: the outcome by command. ``waits``: whether a handover is still under way.
    """

    edits: tuple[StateEdit, ...] = ()
    results: Mapping[str, FinishCommand] = field(default_factory=dict)
    waits: bool = False


def takeable(state: State, me: Myself, now: float) -> tuple[str, ...]:
    """Return the offered commands that this instance may take, the oldest offer first.

    It must not run on that host, and no other handover may be in progress. ``now`` is in seconds since the
    epoch.
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
    """Return why no other instance could take over the reboot of these nodes; None if one might."""
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
    """Plan the work of the active instance on all handovers.

    ``quiet``: for each watched handover, the seconds since its last change. ``now`` is in seconds since the
    epoch. Late results have no effect: a claim assigns the command to another process, and an interruption
    never replaces a result.
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
    """Return a reason for each of these nodes that is out of service now, for example after an interrupted
    reboot."""
    ids = frozenset(node_ids)
    return tuple(
        Reason("node_out_of_service", node=node.hostname, availability=node.availability)
        for node in nodes
        if node.id in ids and node.availability != "active"
    )


def joined(*parts: object) -> str:
    """Join the nonempty parts of a command's result."""
    return "; ".join(text for text in map(str, parts) if text)


def _is_elsewhere(me: Myself, handover: Handover) -> bool:
    """Return whether an instance certainly runs on another host. With a remote engine, only the boot ID
    proves it."""
    return me.node_id not in ("", *handover.nodes) and (me.is_local or me.boot not in ("", handover.boot))


def _is_offered(state: State, key: str, handover: Handover) -> bool:
    record = state.commands.get(key)
    return record is not None and record.is_running and not handover.by
