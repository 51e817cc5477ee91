# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which swarm is the configured one, and who belongs to it: what all hosts say, judged together.

Rules
- The configured swarm is the one whose ID is configured, else the one that most of the hosts belong to; of
  two with equally many, the leader's.
- Who manages it, a majority of the configured managers says; see ``trust``. Its nodes are those that most of
  its managers list.
- A host that believes it is a member, but which the swarm does not know, has lost its membership: it joins
  anew. One that knows other managers is in another swarm, and is refused unless told to leave it.
- A swarm is made only on the configured leader, and only while no host is in any swarm and so many of the
  managers-to-be were asked that none of the others can have a quorum of an older swarm.
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
    """Judge what the hosts say. ``members``: host name → what its engine says.

    Where nodes are configured, only those count. ``force_new_cluster`` is the host that is to go on alone
    after the swarm lost its quorum.
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
        # who is lost leaves by force: that takes the word of most of the managers that there are
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
    """The managers that list just those as managers which most of them do."""
    managers = {node_id for node_id, node in nodes.items() if node.reachability is not None}
    return [name for name, member in able.items() if {node.id for node in member.managers} == managers]


def _faults(hosts: Mapping[str, Member], entries: Mapping[str, NodeConfig]) -> dict[str, Reason]:
    """Hosts that could not be asked, and those that cannot be told apart."""
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
            # a host that takes another's name does not do it any harm
            right = _only([name for name in names if goes_by(hostname, name)])
            faults |= {name: why for name in names if name != right and name not in faults}
    return faults


def _owner(
    node_id: str, names: Sequence[str], hosts: Mapping[str, Member], entries: Mapping[str, NodeConfig]
) -> str | None:
    """Which of several hosts that say they are one node is that, by what the other managers list."""
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
    """Hosts that say they are a node which is another host's → why that is so."""
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
    """Tell members of the swarm from hosts that have lost it, and from those of other swarms.

    ``disputed``: IDs of nodes of which some managers know, and as many do not. ``patience``: for how many
    seconds a node may have the role of a manager without being one.
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
            # nothing but joining again mends that: Swarm refuses to demote a manager that is none
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
    """No host manages the configured swarm: it is made, or it is said why not."""
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
    """What can be done for a swarm that has lost its quorum. ``named``: who was to go on, and cannot."""
    member = max(ours.values(), key=lambda member: len(member.nodes))
    gone = [node.hostname for node in member.managers if node.reachability != "reachable"]
    lost = quorum_lost(len(member.managers), gone, min(ours))
    if not named:
        return lost
    return Reason("survivor_unsuitable", hosts=sorted(ours), found=named, because=lost)


def quorum_lost(total: int, gone: list[str], survivor: str) -> Reason:
    """A lost quorum, and the way out. ``survivor``: a manager that is still there."""
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
