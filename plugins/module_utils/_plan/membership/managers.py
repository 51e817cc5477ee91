# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is to be a manager, and the order of promotions and demotions that never endangers the quorum.

Order
- Dead managers whose host is back under another ID go first: with each dead member that is left in the
  managers' Raft group, a new one would raise the quorum and could cost it.
- Then the promotions, one at a time, each awaited until the new manager is reachable.
- Then the demotions of managers that are alive, one at a time; the swarm's leader last.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..._model.desired import DesiredState
from ..._model.member_steps import SetRole
from ..._model.membership import (
    DEFAULT_MANAGERS,
    MAX_MANAGERS,
)
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.steps import Plan


def choose_managers(
    desired: DesiredState, names: Collection[str], current: Collection[str]
) -> tuple[str, ...]:
    """The hosts that are to be managers, the leader first.

    ``names`` are the hosts in question in their order, ``current`` those that are managers now: of hosts
    without a role they are preferred, so that nothing changes without need.
    """
    nodes = desired.nodes
    free = [name for name in names if name not in nodes or nodes[name].role is None]
    named = [name for name in names if name in nodes and nodes[name].role == "manager"]
    leader = [name for name in (desired.leader,) if name is not None and name in (*free, *named)]
    chosen = dict.fromkeys([*leader, *named])
    if desired.managers is None and named:
        return tuple(chosen)
    eligible = len(free) + len(named)
    # as many as there are, so that nothing changes without need, but an odd number and no less than 3
    present = len([name for name in (*free, *named) if name in current])
    usual = min(max(present | 1, DEFAULT_MANAGERS), MAX_MANAGERS, eligible - 1 + eligible % 2)
    count = desired.managers or max(usual, 1)
    for name in sorted(free, key=lambda name: name not in current):
        if len(chosen) < count:
            chosen[name] = None
    return tuple(chosen)


def is_managing(node: Node) -> bool:
    """Whether the node is in the managers' Raft group, reachable or not."""
    return node.role == "manager" and node.reachability is not None


def plan_roles(
    snapshot: SwarmSnapshot, managers: Collection[str], nodes: Mapping[str, Node], gone: Collection[str]
) -> tuple[Plan, Plan]:
    """Plan the promotions and demotions of ``nodes`` (host name → its entry): those first, these last.

    ``gone``: IDs of entries that are removed before.
    """
    notes: list[str] = []
    promotions: list[SetRole] = []
    waiting: list[str] = []
    for name in managers:
        node = nodes.get(name)
        if node is None or not node.is_ready:
            found = "is not in the swarm" if node is None else f"is {node.state}"
            waiting.append(f"{name} {found}")
            continue
        if is_managing(node):
            continue
        if node.role == "manager":
            # a second promotion would be none; one that never ends is a matter of the host
            waiting.append(f"{name} is becoming a manager")
            continue
        promotions.append(_role(node, "manager", "it is to be a manager", 0))
    present = [node for node in snapshot.nodes if is_managing(node) and node.id not in gone]
    surplus = [
        node for name, node in nodes.items() if name not in managers and is_managing(node) and node.is_ready
    ]
    demotions: list[SetRole] = []
    notes += [f"node {text}" for text in waiting if text.endswith("becoming a manager")]
    if surplus and waiting:
        names = ", ".join(sorted(node.hostname for node in surplus))
        notes.append(f"{names} stays a manager for now: {'; '.join(waiting)}")
    elif surplus:
        for node in sorted(surplus, key=lambda node: (node.leader, node.hostname)):
            demotions.append(_role(node, "worker", "it is to be a worker", len(managers)))
    total = len(present) + sum(step.role == "manager" for step in promotions) - len(demotions)
    if total % 2 == 0 and total and not waiting:
        strangers = {node.id for node in nodes.values()}
        others = [node.hostname for node in present if node.id not in strangers]
        if others:
            notes.append(
                f"the swarm has an even number of managers ({total}): {', '.join(sorted(others))} is not "
                f"configured, so it is left alone"
            )
    return Plan(steps=tuple(promotions), notes=tuple(notes)), Plan(steps=tuple(demotions))


def _role(node: Node, role: str, why: str, least: int) -> SetRole:
    return SetRole(host=node.hostname, node_id=node.id, role=role, least_managers=least, why=(why,))
