# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan node labels: the static ones of the configuration, and the ones that mark where anchors run.

Rules
- A configured label is set where it is missing or has another value.
- A label that left the configuration is removed if we had set it (the state knows), else only where
  ``prune_unknown_labels`` asks for it, and then only on nodes that the configuration names.
- An anchor's label belongs to the anchor on every node, whoever set it.
- It stays on a node that a follower has yet to leave in order, or cannot leave.
- When its dependency leaves the configuration, it goes after our own constraints on it.
- A node that only says it is a configured host, and is another one for all that is known, keeps the static
  labels that it has: none is set, none removed.
- A node that is down keeps its static labels as they are; it loses an anchor's label as soon as the anchor
  runs elsewhere.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Node, Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DisownLabels,
    OwnLabels,
    State,
    StateEdit,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelChange, LabelNode, Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors import (
    ANCHOR_VALUE,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.groups import Group, survey
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.managed import (
    held_labels,
    is_held_by,
    users,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import (
    Identities,
    identify_all,
)


@dataclass
class _NodeLabels:
    """What is to become of one node's labels, while it is being worked out.

    ``present``: key → (value, why it is to be there); ``absent``: key → why it is to go.
    """

    node: Node
    owned: frozenset[str]
    present: dict[str, tuple[str, str]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def plan_labels(
    picture: Picture,
    wanted: Wanted,
    state: State,
    groups: tuple[Group, ...] | None = None,
    *,
    static_labels: bool = True,
) -> Plan:
    """Plan the labels of all nodes: one step for each node that needs a write.

    ``groups`` are the anchors and their followers where they have been surveyed already. Without
    ``static_labels`` only the labels of anchors are looked at.
    """
    warnings: list[str] = [*wanted.warnings] if static_labels else []
    notes: list[str] = []
    static: dict[str, Mapping[str, str]] = {}
    identities = identify_all(picture, wanted) if static_labels else Identities()
    warnings += identities.warnings
    doubtful = identities.doubtful_ids
    for name, identity in identities.by_name.items():
        for node in identity.nodes:
            static[node.id] = {**static.get(node.id, {}), **wanted.nodes[name].labels}
    groups = survey(picture, wanted) if groups is None else groups
    places = [group.place for group in groups]
    warnings += [place.warning for place in places if place.warning is not None]
    notes += [place.note for place in places if place.note is not None]

    anchor_keys = {place.dependency.label for place in places}
    held = _held_services(picture) if static_labels else {}
    steps: list[LabelNode] = []
    forgotten: list[StateEdit] = _forget_lost_nodes(picture, state) if static_labels else []
    for node in sorted(picture.nodes, key=lambda node: (node.hostname, node.id)):
        labels = _NodeLabels(node, state.owned_labels.get(node.id, frozenset()))
        if static_labels:
            if node.id not in doubtful:
                _add_static(labels, static.get(node.id), anchor_keys, wanted.prune_unknown_labels)
            _keep_held(labels, held)
        for group in groups:
            _add_anchor(labels, group)
        notes += labels.notes
        step = _step(labels)
        if step is not None:
            steps.append(step)
        lost = labels.owned - node.labels.keys() - labels.present.keys()
        if lost and node.is_ready and static_labels:
            forgotten.append(DisownLabels(node.id, lost))
    warnings += _left_without_a_node(picture, steps)
    # a label is set before another node loses it, so that what it evicts finds a place at once
    steps.sort(key=lambda step: all(change.after is None for change in step.changes))
    return Plan(
        steps=tuple(steps),
        warnings=tuple(warnings),
        notes=tuple(notes),
        remember=tuple(forgotten),
    )


def _add_static(
    labels: _NodeLabels, static: Mapping[str, str] | None, anchor_keys: set[str], prune_unknown: bool
) -> None:
    node = labels.node
    is_configured = static is not None
    static = static or {}
    for key, value in static.items():
        labels.present[key] = (value, "configured for this node")
    for key in node.labels:
        if key in static or key in anchor_keys:
            continue
        if key in labels.owned:
            labels.absent[key] = "no longer configured for this node, and it was set by Orcastra"
        elif prune_unknown and is_configured:
            labels.absent[key] = "not configured for this node, and prune_unknown_labels is on"
    if not node.is_ready:
        wrong = [key for key, (value, _why) in labels.present.items() if node.labels.get(key) != value]
        if wrong or labels.absent:
            labels.notes.append(
                f"node {node.hostname} is {node.state}: its labels are corrected when it is back"
            )
        labels.present.clear()
        labels.absent.clear()


def _held_services(picture: Picture) -> dict[str, list[str]]:
    """The keys of labels that our own constraints hold services to, with the names of those services."""
    found: dict[str, list[str]] = {}
    for service in sorted(picture.services, key=lambda service: service.name):
        for key in held_labels(service):
            found.setdefault(key, []).append(service.name)
    return found


def _left_without_a_node(picture: Picture, steps: Iterable[LabelNode]) -> list[str]:
    """Which services of the user's own making will find no node once the steps are carried out."""
    before = {key for node in picture.nodes for key, value in node.labels.items() if value == ANCHOR_VALUE}
    after = {node.id: dict(node.labels) for node in picture.nodes}
    for step in steps:
        after[step.node_id] = step.changed(step.labels)
    gone = {key for key in before if not any(labels.get(key) == ANCHOR_VALUE for labels in after.values())}
    return [
        f"{service.name}: asks for label {key}, and will find no node"
        for key in sorted(gone)
        for service in sorted(picture.services, key=lambda service: service.name)
        if is_held_by(users(service), key)
    ]


def _keep_held(labels: _NodeLabels, held: Mapping[str, list[str]]) -> None:
    """Keep a label that is to go until our own constraints on it are gone: else they would evict services."""
    for key in sorted(labels.absent.keys() & held.keys()):
        del labels.absent[key]
        names = ", ".join(held[key])
        labels.notes.append(f"node {labels.node.hostname} keeps label {key}: it still holds {names} there")


def _add_anchor(labels: _NodeLabels, group: Group) -> None:
    node, place, key = labels.node, group.place, group.dependency.label
    if node.id in place.on:
        labels.present[key] = (ANCHOR_VALUE, place.on[node.id])
        return
    # Swarm, too, takes no notice of case
    is_anchors = node.labels.get(key, "").lower() == ANCHOR_VALUE or (
        key in labels.owned and key in node.labels
    )
    if not is_anchors or not (place.settled or (place.on and node.is_down)):
        return
    kept = group.label_kept_on(node) if not node.is_down else None
    if kept is None:
        labels.absent[key] = f"{place.elsewhere}, not here"
    else:
        labels.notes.append(f"node {node.hostname} keeps label {key}: {kept}")


def _step(labels: _NodeLabels) -> LabelNode | None:
    node = labels.node
    changes: list[LabelChange] = []
    why: list[str] = []
    for key, (value, reason) in sorted(labels.present.items()):
        before = node.labels.get(key)
        if before != value:
            changes.append(LabelChange(key, before, value))
            found = "it is missing" if before is None else f"it is '{before}'"
            why.append(f"{key}={value}: {reason}, and {found}")
    for key, reason in sorted(labels.absent.items()):
        changes.append(LabelChange(key, node.labels[key], None))
        why.append(f"{key}: {reason}")
    if not changes:
        return None
    claimed = frozenset(change.key for change in changes if change.after is not None) - labels.owned
    released = frozenset(change.key for change in changes if change.after is None) & labels.owned
    return LabelNode(
        node_id=node.id,
        hostname=node.hostname,
        labels=dict(node.labels),
        changes=tuple(changes),
        why=tuple(why),
        claims=(OwnLabels(node.id, claimed),) if claimed else (),
        settles=(DisownLabels(node.id, released),) if released else (),
    )


def _forget_lost_nodes(picture: Picture, state: State) -> list[StateEdit]:
    """Drop what is remembered of nodes that have left the swarm: their IDs never come back."""
    return [
        DisownLabels(node_id, keys)
        for node_id, keys in sorted(state.owned_labels.items())
        if node_id not in picture.node_by_id
    ]
