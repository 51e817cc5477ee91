# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose the managers, and the order of promotions and demotions that never endangers the quorum.

Order
- Dead managers whose host is back under another ID are removed first: while dead members remain in the Raft
  group, a new manager would raise the quorum and could cost it.
- Then the promotions, one at a time: each waits until the new manager is reachable.
- Then the demotions of managers that are alive, one at a time; the swarm's leader last.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..._model.desired import DesiredState
from ..._model.member_steps import SetRole
from ..._model.membership import DEFAULT_MANAGERS, MAX_MANAGERS
from ..._model.reasons import Reason
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.steps import Plan

PROMOTION_UNDER_WAY = "promotion_under_way"


def choose_managers(
    desired: DesiredState, names: Collection[str], current: Collection[str]
) -> tuple[str, ...]:
    """Return the hosts that should be managers, the leader first.

    ``names``: the candidates in their order. ``current``: the present managers, which are preferred among
    hosts without a role, so that nothing changes without need.
    """
    nodes = desired.nodes
    free = [name for name in names if name not in nodes or nodes[name].role is None]
    named = [name for name in names if name in nodes and nodes[name].role == "manager"]
    leader = [name for name in (desired.leader,) if name is not None and name in (*free, *named)]
    chosen = dict.fromkeys([*leader, *named])
    if desired.managers is None and named:
        return tuple(chosen)
    eligible = len(free) + len(named)
    # keep the present number, so that nothing changes without need, but at least 3 and an odd number
    present = len([name for name in (*free, *named) if name in current])
    usual = min(max(present | 1, DEFAULT_MANAGERS), MAX_MANAGERS, eligible - 1 + eligible % 2)
    count = desired.managers or max(usual, 1)
    for name in sorted(free, key=lambda name: name not in current):
        if len(chosen) < count:
            chosen[name] = None
    return tuple(chosen)


def is_managing(node: Node) -> bool:
    """Return whether the node is in the managers' Raft group, reachable or not."""
    return node.role == "manager" and node.reachability is not None


def plan_roles(
    snapshot: SwarmSnapshot, managers: Collection[str], nodes: Mapping[str, Node], gone: Collection[str]
) -> tuple[Plan, Plan]:
    """Plan the promotions and demotions of ``nodes`` (host name → its entry): promotions first, demotions
    last. ``gone``: IDs of entries that are removed before. No node is demoted while a promotion is due.
    """
    promotions = [
        _role(node, "manager", Reason("manager_configured"), 0)
        for node in (nodes.get(name) for name in managers)
        if node is not None and _is_promotable(node)
    ]
    waiting = [why for name in managers if (why := _why_waiting(name, nodes.get(name))) is not None]
    surplus = [
        node for name, node in nodes.items() if name not in managers and is_managing(node) and node.is_ready
    ]
    demotions = [
        _role(node, "worker", Reason("worker_configured"), len(managers))
        for node in sorted(surplus, key=lambda node: (node.leader, node.hostname))
        if not waiting
    ]
    notes = [why for why in waiting if why.code == PROMOTION_UNDER_WAY]
    if surplus and waiting:
        hostnames = sorted(node.hostname for node in surplus)
        notes.append(Reason("demotion_waits", nodes=hostnames, because=waiting))
    if not waiting:
        present = [node for node in snapshot.nodes if is_managing(node) and node.id not in gone]
        notes += _even_number(present, nodes, len(promotions) - len(demotions))
    return Plan(steps=tuple(promotions), notes=tuple(notes)), Plan(steps=tuple(demotions))


def _is_promotable(node: Node) -> bool:
    """Return whether the node can be promoted. During a promotion, another one would have no effect."""
    return node.is_ready and node.role != "manager" and not is_managing(node)


def _why_waiting(name: str, node: Node | None) -> Reason | None:
    """Return why a future manager can't be one yet; None if it is one, or can be promoted."""
    if node is None:
        return Reason("node_missing", name=name)
    if not node.is_ready:
        return Reason("node_not_ready", node=name, state=node.state)
    if node.role == "manager" and not is_managing(node):
        # if this never ends, only a repair on the host itself helps
        return Reason("promotion_under_way", node=name)
    return None


def _even_number(present: Collection[Node], nodes: Mapping[str, Node], change: int) -> list[Reason]:
    """Return a note if the number of managers stays even because of nodes that aren't configured."""
    total = len(present) + change
    configured = {node.id for node in nodes.values()}
    others = sorted(node.hostname for node in present if node.id not in configured)
    return [Reason("managers_even", count=total, nodes=others)] if others and total and not total % 2 else []


def _role(node: Node, role: str, why: Reason, least: int) -> SetRole:
    return SetRole(host=node.hostname, node_id=node.id, role=role, least_managers=least, why=(why,))
