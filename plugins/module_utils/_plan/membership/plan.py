# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the repairs that a manager can make through the API: settings, stale entries, roles, availability,
updates.

``member`` plans the steps on the hosts themselves (joining again, unlocking), and ``labels`` the labels.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..._model.desired import DesiredState, NodeConfig
from ..._model.member_steps import RemoveNode, SetAvailability, SetRole
from ..._model.membership import ACTIVE, PROMOTION_SECONDS, Member, quorum
from ..._model.reasons import Reason, Refused
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.steps import Plan, Step
from ..names import identify_all, why_not_its_node
from ..shortages import plan_short
from .formation import quorum_lost
from .managers import choose_managers, is_managing, plan_roles
from .paused_updates import plan_paused
from .settings import plan_settings

DEFAULT_FORGET_SECONDS = 3600.0


@dataclass(frozen=True)
class Healing:
    """The inputs and options of membership repair, in addition to the snapshot.

    ``swarm``: the engine's description of the swarm (``GET /swarm``); if empty, the settings are not changed.
    ``members``: the reports of the hosts, if they were asked. ``roles``: whether to promote and demote nodes.
    ``kept_drained``: IDs of nodes whose availability another command controls at present. ``paused_updates``:
    what to do with them if that isn't configured. ``shortages``: whether to warn of services that are short
    of tasks.
    """

    swarm: Mapping[str, Any] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)
    roles: bool = True
    kept_drained: frozenset[str] = frozenset()
    paused_updates: str = "auto"
    shortages: bool = True


def plan_heal(snapshot: SwarmSnapshot, desired: DesiredState, healing: Healing, now: float) -> Plan:
    """Plan the swarm's members and updates. ``now`` is in seconds since the epoch.

    Raises Refused if the swarm has lost its quorum, because nothing can be changed then.
    """
    check_quorum(snapshot)
    names = tuple(desired.nodes) or tuple(healing.members)
    nodes, strangers = _entries(snapshot, desired, names, healing.members)
    stale, notes = _stale(snapshot, desired, names, nodes, healing.members, now)
    current = {name for name, node in nodes.items() if node.role == "manager"}
    managers = choose_managers(desired, names, current)
    promotions, demotions = Plan(), Plan()
    if names and healing.roles:
        gone = {step.node_id for step in stale}
        promotions, demotions = plan_roles(snapshot, managers, nodes, gone)
    return (
        plan_settings(healing.swarm, desired.swarm)
        + Plan(steps=stale, notes=tuple(notes), warnings=tuple(strangers))
        + promotions
        + _availability(desired, nodes, healing.kept_drained)
        + _kept(snapshot, healing.kept_drained)
        + plan_paused(snapshot, desired.swarm.paused_updates or healing.paused_updates)
        + (plan_short(snapshot, now) if healing.shortages else Plan())
        + demotions
    )


def check_quorum(snapshot: SwarmSnapshot) -> None:
    """Raise Refused, with the way to recover, if the managers have no quorum."""
    managers = [node for node in snapshot.nodes if is_managing(node)]
    gone = [node.hostname for node in managers if node.reachability != "reachable"]
    if managers and len(managers) - len(gone) < quorum(len(managers)):
        left = sorted(node.hostname for node in managers if node.reachability == "reachable")
        raise Refused(quorum_lost(len(managers), gone, (left or [managers[0].hostname])[0]))


def needs_hosts(snapshot: SwarmSnapshot, desired: DesiredState, now: float) -> list[Reason]:
    """Return the problems that only the hosts can repair: nodes that are missing, down, or no longer
    managers.

    ``now`` is in seconds since the epoch.
    """
    found = []
    for name, identity in identify_all(snapshot, desired).by_name.items():
        nodes = identity.nodes
        if identity.namesakes or identity.alias is not None:
            continue  # the node is there; only its name is wrong
        if not nodes:
            found.append(Reason("node_missing", name=name))
        elif not any(node.is_ready for node in nodes):
            found.append(Reason("node_not_ready", node=name, state=nodes[0].state))
        elif any(node.reachability == "unreachable" for node in nodes):
            found.append(Reason("manager_not_reachable", node=name, reachability="unreachable"))
        elif any(
            node.role == "manager" and not is_managing(node) and now - node.updated >= PROMOTION_SECONDS
            for node in nodes
        ):
            found.append(Reason("node_not_managing", node=name))
    return found


def _entries(
    snapshot: SwarmSnapshot, desired: DesiredState, names: tuple[str, ...], members: Mapping[str, Member]
) -> tuple[dict[str, Node], list[Reason]]:
    """Return host name → its entry in the swarm, and warnings about hosts that report an entry but have
    none."""
    found: dict[str, Node] = {}
    complaints: list[Reason] = []
    intent_edits: dict[str, list[str]] = {}
    entries = {name: desired.nodes.get(name, NodeConfig(name)) for name in names}
    identities = identify_all(snapshot, replace(desired, nodes=entries))
    for name, identity in identities.by_name.items():
        member = members.get(name)
        if member is not None and member.state == ACTIVE and not member.problem:
            node = snapshot.node_by_id.get(member.node_id)
            doubt = why_not_its_node(identity.entry, node, entries)
            if node is None:
                complaints.append(Reason("node_id_unknown", host=name, node_id=member.node_id))
            elif doubt is not None:
                complaints.append(doubt)
            else:
                intent_edits.setdefault(node.id, []).append(name)
        elif len(identity.nodes) == 1:
            intent_edits.setdefault(identity.nodes[0].id, []).append(name)
        elif identity.doubtful:
            complaints += identity.warnings
    for node_id, claimants in intent_edits.items():
        if len(claimants) == 1:
            found[claimants[0]] = snapshot.node_by_id[node_id]
        else:
            complaints.append(Reason("node_claimed_twice", hosts=claimants, node_id=node_id))
    return found, complaints


def _stale(
    snapshot: SwarmSnapshot,
    desired: DesiredState,
    names: tuple[str, ...],
    nodes: Mapping[str, Node],
    members: Mapping[str, Member],
    now: float,
) -> tuple[tuple[SetRole | RemoveNode, ...], list[Reason]]:
    """Return the stale entries of hosts that are back under another ID."""
    age = desired.swarm.forget_after_seconds
    age = DEFAULT_FORGET_SECONDS if age is None else age
    reported = {member.node_id for member in members.values() if member.node_id}
    steps: list[SetRole | RemoveNode] = []
    notes: list[Reason] = []
    for name in names:
        node = nodes.get(name)
        if node is None or not node.is_ready:
            continue
        ip = desired.nodes[name].ip if name in desired.nodes else None
        for old in snapshot.nodes_by_hostname.get(node.hostname, ()):
            if old.id == node.id or old.id in reported or (old.is_ready and old.address != node.address):
                continue
            # The host itself reports its new ID, so it can't return under the old one.
            proven = name in members and members[name].node_id == node.id
            same = old.address in (node.address, "") or (ip is not None and node.address == ip)
            if not proven and (not old.is_down or not same):
                continue
            if not proven and now - old.updated < age:
                notes.append(Reason("stale_entry_waits", node_id=old.id, node=name, seconds=age))
                continue
            steps += _removal(old, Reason("host_returned", host=name, node_id=node.id))
    return tuple(steps), notes


def _removal(old: Node, why: Reason) -> list[SetRole | RemoveNode]:
    steps: list[SetRole | RemoveNode] = []
    if is_managing(old):
        steps.append(
            SetRole(
                host=old.hostname,
                node_id=old.id,
                role="worker",
                why=(why,),
                why_not=(Reason("promotion_risks_quorum"),),
            )
        )
    steps.append(RemoveNode(host=old.hostname, node_id=old.id, why=(why,)))
    return steps


def _availability(desired: DesiredState, nodes: Mapping[str, Node], kept: frozenset[str]) -> Plan:
    steps: list[Step] = []
    for name, node in nodes.items():
        asked = desired.nodes[name].availability if name in desired.nodes else None
        if asked is None or asked == node.availability or node.id in kept:
            continue
        steps.append(
            SetAvailability(
                host=node.hostname,
                node_id=node.id,
                availability_before=node.availability,
                availability=asked,
                why=(Reason("availability_differs", configured=asked, found=node.availability),),
            )
        )
    return Plan(steps=tuple(steps))


def _kept(snapshot: SwarmSnapshot, kept: frozenset[str]) -> Plan:
    """Return a note for each node that a user has taken out of service, so that it isn't forgotten."""
    out = [node for node in snapshot.nodes if node.id in kept and node.availability != "active"]
    return Plan(
        notes=tuple(
            Reason("node_kept_out", node=node.hostname, availability=node.availability)
            for node in sorted(out, key=lambda node: (node.hostname, node.id))
        )
    )
