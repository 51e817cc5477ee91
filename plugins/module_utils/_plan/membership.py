# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which swarm is the configured one, and who belongs to it: what all hosts say, judged together.

Rules
- The configured swarm is the one whose ID is configured, else the one that most of the hosts belong to; of
  two with equally many, the leader's.
- A host that believes it is a member, but which the swarm does not know, has lost its membership: it joins
  anew. One that knows other managers is in another swarm, and is refused unless told to leave it.
- A swarm is made only on the configured leader, and only while no host is in any swarm and so many of the
  managers-to-be were asked that none of the others can have a quorum of an older swarm.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import (
    ACTIVE,
    INACTIVE,
    LOCKED,
    PROMOTION_SECONDS,
    Formation,
    KnownNode,
    Member,
    quorum,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.managers import choose_managers


def plan_formation(
    members: Mapping[str, Member], wanted: Wanted, *, may_init: bool = True, force_new_cluster: str = ""
) -> Formation:
    """Judge what the hosts say. ``members``: host name → what its engine says.

    Where nodes are configured, only those count. ``force_new_cluster`` is the host that is to go on alone
    after the swarm lost its quorum.
    """
    silent = Member(problem="it is not among the hosts of this play, or did not answer")
    hosts = {name: members.get(name, silent) for name in wanted.nodes} if wanted.nodes else {**members}
    faults = _faults(hosts)
    sound = {name: member for name, member in hosts.items() if name not in faults}
    cluster_id = wanted.swarm.cluster_id or _most_common(sound, wanted.leader)
    managing = {name: member for name, member in sound.items() if member.manages}
    # without a leader, a manager does not know the ID
    ours = {name: member for name, member in managing.items() if member.cluster_id in (cluster_id, "")}
    able = {name: member for name, member in ours.items() if member.has_quorum}
    nodes = _nodes(able or ours)
    current = {
        name
        for name, member in sound.items()
        if member.node_id in nodes and nodes[member.node_id].role == "manager"
    }
    managers = choose_managers(wanted, tuple(hosts), current)
    formation = Formation(
        cluster_id=cluster_id,
        via=tuple(sorted(able, key=lambda name: (name not in managers, name))),
        nodes=nodes,
        managers=managers,
        faults=faults,
    )
    if able:
        return _judge(formation, sound, 0.0 if force_new_cluster else PROMOTION_SECONDS)
    if ours:
        if force_new_cluster in ours:
            return replace(formation, init_on=force_new_cluster)
        return replace(formation, trouble=_quorum_lost(ours, force_new_cluster))
    return _without_manager(formation, hosts, wanted, may_init=may_init)


def _faults(hosts: Mapping[str, Member]) -> dict[str, str]:
    """Hosts that could not be asked, and those that cannot be told apart."""
    faults = {name: member.problem for name, member in hosts.items() if member.problem}
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
            what = f"{' and '.join(names)} say that they are the same node, {node_id}: one host under two "
            faults |= dict.fromkeys(names, f"{what}names, or a copy of the other's disk")
    for hostname, names in by_hostname.items():
        if len(names) > 1:
            what = f"{' and '.join(names)} have the same host name, {hostname}; each needs its own"
            faults |= {name: what for name in names if name not in faults}
    return faults


def _most_common(hosts: Mapping[str, Member], leader: str | None) -> str:
    """The ID of the swarm that most hosts belong to, empty where no host manages any."""
    counts: dict[str, int] = {}
    for member in hosts.values():
        if member.manages:
            counts.setdefault(member.cluster_id, 0)
    for member in hosts.values():
        for cluster_id in counts:
            if member.manages:
                counts[cluster_id] += member.cluster_id == cluster_id
            elif member.state == ACTIVE:
                nodes = _nodes({n: m for n, m in hosts.items() if m.cluster_id == cluster_id})
                counts[cluster_id] += member.node_id in nodes
    leading = hosts[leader].cluster_id if leader is not None and leader in hosts else ""
    return max(counts, key=lambda cluster_id: (counts[cluster_id], cluster_id == leading), default="")


def _nodes(managing: Mapping[str, Member]) -> dict[str, KnownNode]:
    """The nodes as the manager sees them that sees most managers reachable."""
    lists = [member.nodes for member in managing.values()]
    if not lists:
        return {}
    best = max(lists, key=lambda nodes: sum(node.reachability == "reachable" for node in nodes))
    return {node.id: node for node in best}


def _judge(formation: Formation, hosts: Mapping[str, Member], patience: float) -> Formation:
    """Tell members of the swarm from hosts that have lost it, and from those of other swarms.

    ``patience``: for how many seconds a node may have the role of a manager without being one.
    """
    lost: dict[str, str] = {}
    foreign: dict[str, str] = {}
    ids = {node.id for node in formation.nodes.values() if node.manager_addr}
    for name, member in hosts.items():
        if member.state in (INACTIVE, LOCKED):
            continue
        if member.manages and member.cluster_id and member.cluster_id != formation.cluster_id:
            foreign[name] = f"the swarm {member.cluster_id}, which it manages"
        elif member.state == ACTIVE and member.node_id in formation.nodes:
            node = formation.nodes[member.node_id]
            # nothing but joining again mends that: Swarm refuses to demote a manager that is none
            if node.is_half_manager and not member.control and node.age_seconds >= patience:
                lost[name] = "it has the role of a manager, but is none of the managers any more"
        elif ids.intersection(member.remote_managers) or (ids and member.manages):
            lost[name] = f"it says that it is node {member.node_id or '?'}, which the swarm does not have"
        elif member.state == ACTIVE:
            known = ", ".join(member.remote_managers) or "nobody"
            foreign[name] = f"another swarm, whose managers are the nodes {known}"
        else:
            said = f": {member.error}" if member.error else ""
            foreign[name] = f"a swarm of which nothing is known; its engine says '{member.state}'{said}"
    return replace(formation, lost=lost, foreign=foreign)


def _without_manager(
    formation: Formation, hosts: Mapping[str, Member], wanted: Wanted, *, may_init: bool
) -> Formation:
    """No host manages the configured swarm: it is made, or it is said why not."""
    leader = wanted.leader or next(iter(formation.managers), "")
    asked = {name: member for name, member in hosts.items() if name not in formation.faults}
    present = {name: member for name, member in asked.items() if member.state != INACTIVE}
    locked = [name for name, member in present.items() if member.state == LOCKED]
    if locked:
        return replace(formation, trouble=f"the managers {', '.join(locked)} are locked; unlock them first")
    if present:
        found = _judge(formation, present, PROMOTION_SECONDS)
        what = f"{', '.join(present)} {'are' if len(present) > 1 else 'is'} in a swarm"
        trouble = f"no host that was asked manages the swarm, and no new one is made, because {what}"
        return replace(found, trouble=trouble)
    if formation.cluster_id:
        return replace(formation, trouble=f"no host manages the swarm {formation.cluster_id}")
    if not may_init:
        trouble = "no host is in a swarm; the playbook orcastra.swarm.bootstrap makes one"
        return replace(formation, trouble=trouble)
    if leader not in hosts:
        return replace(
            formation, trouble=f"the leader {leader or '(none)'} is not among the hosts of the play"
        )
    if leader in formation.faults:
        said = formation.faults[leader]
        trouble = f"the leader {leader} could not be asked, so no swarm is made: {said}"
        return replace(formation, trouble=trouble)
    free = [name for name in formation.managers if name in asked]
    if len(free) < quorum(len(formation.managers)):
        silent = ", ".join(name for name in formation.managers if name not in asked)
        trouble = f"no swarm is made: {silent} could not be asked, and may be the managers of one"
        return replace(formation, trouble=trouble)
    return replace(formation, init_on=leader)


def _quorum_lost(ours: Mapping[str, Member], named: str) -> str:
    """What can be done for a swarm that has lost its quorum. ``named``: who was to go on, and cannot."""
    member = max(ours.values(), key=lambda member: len(member.nodes))
    gone = [node.hostname for node in member.managers if node.reachability != "reachable"]
    told = quorum_lost_text(len(member.managers), gone, min(ours))
    if not named:
        return told
    expected = f"one of its managers that answer ({', '.join(sorted(ours))})"
    return f"orcastra_force_new_cluster: expected {expected}, found {named}; nothing was changed. {told}"


def quorum_lost_text(total: int, gone: list[str], survivor: str) -> str:
    """The way out of a lost quorum, in words. ``survivor``: a manager that is still there."""
    counted = f"{len(gone)} of its {total} managers are gone ({', '.join(sorted(gone))})" if total else ""
    counted = counted or "too few of its managers are online"
    needed = len(gone) - (total - quorum(total)) if total else 1
    return (
        f"the swarm has lost its quorum: {counted}. Containers go on running, but nothing can be changed. "
        f"Next step: bring back {'one' if needed <= 1 else needed} of them. Only if they are lost for good: "
        f"run the playbook orcastra.swarm.heal with -e orcastra_force_new_cluster={survivor}"
    )
