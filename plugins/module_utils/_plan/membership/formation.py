# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decide which swarm is the configured one and which hosts belong to it, from the reports of all hosts.

Rules
- The configured swarm is the one with the configured ID, or the one to which most hosts belong. In a tie, it
  is the leader's.
- A majority of the configured managers decides which hosts manage it; see ``trust``. Its nodes are those that
  most of its managers list.
- A host that reports membership but is unknown to the swarm has lost its membership, and joins again. A host
  that knows other managers is in another swarm, and is refused unless it may leave that swarm.
- A swarm is only created on the configured leader, only if no host is in a swarm, and only if so many future
  managers have answered that the others cannot have a quorum of an older swarm.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ..._model.desired import DesiredState, NodeConfig
from ..._model.membership import (
    ACTIVE,
    INACTIVE,
    LOCKED,
    PROMOTION_SECONDS,
    Formation,
    KnownNode,
    Member,
    quorum,
)
from ..._model.reasons import Reason
from ..names import goes_by, is_where_expected, why_not_its_node
from .managers import choose_managers
from .trust import agree, believe


def plan_formation(
    members: Mapping[str, Member],
    desired: DesiredState,
    *,
    may_init: bool = True,
    force_new_cluster: str = "",
) -> Formation:
    """Judge the reports of the hosts. ``members``: host name → report of its engine. If nodes are configured,
    only those count. ``force_new_cluster``: the host that should continue alone after the swarm has lost its
    quorum.
    """
    silent = Member(problem="silent")
    hosts = {name: members.get(name, silent) for name in desired.nodes} if desired.nodes else {**members}
    entries = {name: desired.nodes.get(name, NodeConfig(name)) for name in hosts}
    faults = _faults(hosts, entries) | {
        name: Reason("host_silent") for name, member in hosts.items() if member is silent
    }
    sound = {name: member for name, member in hosts.items() if name not in faults}
    trust = believe(hosts, sound, desired, force_new_cluster)
    believed = {name: trust.intent_edits[name] for name in trust.managing}
    able = {name: member for name, member in believed.items() if member.has_quorum}
    agreed = agree([member.nodes for member in (able or believed).values()])
    faults |= _false_names(sound, entries, agreed.nodes)
    sound = {name: member for name, member in sound.items() if name not in faults}
    current = {
        name
        for name, member in sound.items()
        if member.node_id in agreed.nodes
        and agreed.nodes[member.node_id].role == "manager"
        and is_where_expected(entries[name], agreed.nodes[member.node_id]) is not False
    }
    managers = choose_managers(desired, tuple(hosts), current)

    def rank(name: str) -> tuple[bool, str]:
        return name not in managers, name

    formation = Formation(
        cluster_id=trust.cluster_id,
        via=tuple(sorted(_in_agreement(able, agreed.nodes) or able, key=rank)),
        nodes=agreed.nodes,
        managers=managers,
        faults=faults,
        doubts=trust.doubts,
    )
    if able:
        found = _judge(formation, sound, agreed.disputed, 0.0 if force_new_cluster else PROMOTION_SECONDS)
        found = replace(found, contested=trust.contested)
        # a lost host leaves by force, which requires the confirmation of most existing managers
        total = sum(node.reachability is not None for node in agreed.nodes.values())
        is_heard = trust.is_certain and len(able) >= quorum(total)
        return found if is_heard else replace(found, lost={})
    if trust.intent_edits:
        if force_new_cluster in trust.intent_edits:
            return replace(formation, init_on=force_new_cluster)
        having_quorum = [name for name, member in trust.intent_edits.items() if member.has_quorum]
        if trust.trouble and having_quorum:
            acts = tuple(sorted(having_quorum, key=rank))
            return replace(
                formation, trouble=trust.trouble, divided=acts, is_contradicted=trust.is_contradicted
            )
        return replace(formation, trouble=_quorum_lost(believed or trust.intent_edits, force_new_cluster))
    return _without_manager(formation, hosts, desired, may_init=may_init)


def _in_agreement(able: Mapping[str, Member], nodes: Mapping[str, KnownNode]) -> list[str]:
    """Return the managers whose list of managers is the same as that of most others."""
    managers = {node_id for node_id, node in nodes.items() if node.reachability is not None}
    return [name for name, member in able.items() if {node.id for node in member.managers} == managers]


def _faults(hosts: Mapping[str, Member], entries: Mapping[str, NodeConfig]) -> dict[str, Reason]:
    """Return the hosts that did not answer or cannot be distinguished, with the reason."""
    faults = {
        name: Reason("host_not_asked", problem=member.problem)
        for name, member in hosts.items()
        if member.problem
    }
    by_id: dict[str, list[str]] = {}
    by_hostname: dict[str, list[str]] = {}
    for name, member in hosts.items():
        if name in faults:
            continue
        if member.node_id:
            by_id.setdefault(member.node_id, []).append(name)
        if member.hostname:
            by_hostname.setdefault(member.hostname, []).append(name)
    for node_id, names in by_id.items():
        if len(names) > 1:
            why = Reason("node_id_shared", hosts=names, node_id=node_id)
            right = _owner(node_id, names, hosts, entries)
            faults |= {name: why for name in names if name != right}
    for hostname, names in by_hostname.items():
        if len(names) > 1:
            why = Reason("host_name_shared", hosts=names, hostname=hostname)
            # a host that takes the name of another must not harm it
            right = _only([name for name in names if goes_by(hostname, name)])
            faults |= {name: why for name in names if name != right and name not in faults}
    return faults


def _owner(
    node_id: str, names: Sequence[str], hosts: Mapping[str, Member], entries: Mapping[str, NodeConfig]
) -> str | None:
    """Return which of several hosts that report the same node ID is that node, according to the other
    managers."""
    others = [member for name, member in hosts.items() if name not in names and member.manages]
    node = agree([member.nodes for member in others if member.nodes]).nodes.get(node_id)
    if node is None:
        return None
    at_it = _only([name for name in names if is_where_expected(entries[name], node)])
    return at_it or _only([name for name in names if goes_by(node.hostname, name)])


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def _false_names(
    sound: Mapping[str, Member], entries: Mapping[str, NodeConfig], nodes: Mapping[str, KnownNode]
) -> dict[str, Reason]:
    """Return hosts that report a node ID of another host → the reason."""
    found = {}
    for name, member in sound.items():
        node = nodes.get(member.node_id)
        if node is None or is_where_expected(entries[name], node) is False:
            continue
        doubt = why_not_its_node(entries[name], node, entries)
        if doubt is not None:
            found[name] = doubt
    return found


def _judge(
    formation: Formation, hosts: Mapping[str, Member], disputed: Collection[str], patience: float
) -> Formation:
    """Separate the members of the swarm from hosts that have lost their membership, and from those of other
    swarms.

    ``disputed``: IDs of nodes that only half of the managers know. ``patience``: how many seconds a node may
    have the manager role without being a manager.
    """
    lost: dict[str, Reason] = {}
    foreign: dict[str, Reason] = {}
    ids = {node.id for node in formation.nodes.values() if node.manager_addr}
    for name, member in hosts.items():
        if member.state in (INACTIVE, LOCKED) or member.node_id in disputed:
            continue
        if member.manages and member.cluster_id and member.cluster_id != formation.cluster_id:
            foreign[name] = Reason("swarm_managed_by_host", cluster_id=member.cluster_id)
        elif member.state == ACTIVE and member.node_id in formation.nodes:
            node = formation.nodes[member.node_id]
            # only joining again repairs this: Swarm refuses to demote a node that is not really a manager
            if node.is_half_manager and not member.control and node.age_seconds >= patience:
                lost[name] = Reason("manager_dropped")
        elif ids.intersection(member.remote_managers) or (ids and member.manages):
            lost[name] = Reason("membership_unknown", node_id=member.node_id or "?")
        elif member.state == ACTIVE:
            foreign[name] = Reason("swarm_of_others", managers=member.remote_managers or None)
        else:
            foreign[name] = Reason("swarm_obscure", state=member.state, error=member.error or None)
    return replace(formation, lost=lost, foreign=foreign)


def _without_manager(
    formation: Formation, hosts: Mapping[str, Member], desired: DesiredState, *, may_init: bool
) -> Formation:
    """Decide whether to create the swarm if no host manages it, or why not."""
    leader = desired.leader or next(iter(formation.managers), "")
    asked = {name: member for name, member in hosts.items() if name not in formation.faults}
    present = {name: member for name, member in asked.items() if member.state != INACTIVE}
    locked = [name for name, member in present.items() if member.state == LOCKED]
    if locked:
        return replace(formation, trouble=Reason("managers_locked", hosts=locked))
    if present:
        found = _judge(formation, present, (), PROMOTION_SECONDS)
        return replace(found, trouble=Reason("no_manager_among_hosts", hosts=list(present)))
    if formation.cluster_id:
        return replace(formation, trouble=Reason("swarm_unmanaged", cluster_id=formation.cluster_id))
    if not may_init:
        return replace(formation, trouble=Reason("no_swarm"))
    if not leader:
        return replace(formation, trouble=Reason("leader_undecided"))
    if leader not in hosts:
        return replace(formation, trouble=Reason("leader_not_in_play", leader=leader))
    if leader in formation.faults:
        trouble = Reason("leader_at_fault", leader=leader, because=formation.faults[leader])
        return replace(formation, trouble=trouble)
    free = [name for name in formation.managers if name in asked]
    if len(free) < quorum(len(formation.managers)):
        silent = [name for name in formation.managers if name not in asked]
        return replace(formation, trouble=Reason("managers_silent", hosts=silent))
    return replace(formation, init_on=leader)


def _quorum_lost(ours: Mapping[str, Member], named: str) -> Reason:
    """Return how to recover a swarm that has lost its quorum. ``named``: the chosen survivor, which is
    unsuitable."""
    member = max(ours.values(), key=lambda member: len(member.nodes))
    gone = [node.hostname for node in member.managers if node.reachability != "reachable"]
    lost = quorum_lost(len(member.managers), gone, min(ours))
    if not named:
        return lost
    return Reason("survivor_unsuitable", hosts=sorted(ours), found=named, because=lost)


def quorum_lost(total: int, gone: list[str], survivor: str) -> Reason:
    """Return the reason for a lost quorum, with the way to recover. ``survivor``: a manager that still
    runs."""
    if not total:
        return Reason("quorum_lost_somehow", survivor=survivor)
    return Reason(
        "quorum_lost",
        total=total,
        gone=sorted(gone),
        count=len(gone),
        needed=max(len(gone) - (total - quorum(total)), 1),
        survivor=survivor,
    )
