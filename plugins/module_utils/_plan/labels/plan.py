# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan node labels: the static ones of the configuration, and the ones that mark where anchors run.

Rules
- A configured label is set where it is missing or has another value.
- A label that left the configuration is removed if we had set it (the state knows) and the policy for its
  section allows it, else only where ``prune_unknown_labels`` asks for it, and then only on nodes that the
  configuration names.
- The state also knows which of our labels mark anchors, so that a section that is absent keeps its own.
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

from ..._model.desired import (
    DEPENDENCIES,
    NODES,
    DesiredState,
    Removals,
)
from ..._model.reasons import Message
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.state import (
    DisownLabels,
    OwnLabels,
    State,
    StateEdit,
)
from ..._model.steps import LabelChange, LabelNode, Plan
from ..anchors.anchor import (
    ANCHOR_VALUE,
)
from ..anchors.groups import AnchorGroup, resolve_anchor_groups
from ..held import Held
from ..names import (
    Identities,
    identify_all,
)
from ..scheduling.managed import pinned_labels, user_constraints
from .effects import label_effects


@dataclass
class _NodeLabels:
    """What is to become of one node's labels, while it is being worked out.

    ``marks``: the labels of ours that mark anchors; ``all_marks``: those of any node.
    ``present``: key → (value, why it is to be there); ``absent``: key → why it is to go.
    """

    node: Node
    owned: frozenset[str]
    marks: frozenset[str]
    all_marks: frozenset[str]
    present: dict[str, tuple[str, Message]] = field(default_factory=dict)
    absent: dict[str, Message] = field(default_factory=dict)
    notes: list[Message] = field(default_factory=list)


def plan_labels(
    snapshot: SwarmSnapshot,
    desired: DesiredState,
    state: State,
    groups: tuple[AnchorGroup, ...] | None = None,
    *,
    static_labels: bool = True,
) -> Plan:
    """Plan the labels of all nodes: one step for each node that needs a write.

    ``groups`` are the anchors and their followers where they have been surveyed already. Without
    ``static_labels`` only the labels of anchors are looked at.
    """
    warnings: list[Message] = [*map(str, desired.warnings)] if static_labels else []
    notes: list[Message] = []
    static: dict[str, Mapping[str, str]] = {}
    identities = identify_all(snapshot, desired) if static_labels else Identities()
    warnings += identities.warnings
    doubtful = identities.doubtful_ids
    for name, identity in identities.by_name.items():
        for node in identity.nodes:
            static[node.id] = {**static.get(node.id, {}), **desired.nodes[name].labels}
    groups = resolve_anchor_groups(snapshot, desired) if groups is None else groups
    places = [group.place for group in groups]
    warnings += [place.warning for place in places if place.warning is not None]
    notes += [place.note for place in places if place.note is not None]

    anchor_keys = {place.dependency.label for place in places}
    kept = Held(desired)
    all_marks = frozenset(key for keys in state.anchor_labels.values() for key in keys)
    held = _held_services(snapshot)
    steps: list[LabelNode] = []
    forgotten: list[StateEdit] = _forget_lost_nodes(snapshot, state) if static_labels else []
    for node in sorted(snapshot.nodes, key=lambda node: (node.hostname, node.id)):
        labels = _NodeLabels(
            node,
            state.owned_labels.get(node.id, frozenset()),
            state.anchor_labels.get(node.id, frozenset()),
            all_marks,
        )
        if static_labels:
            if node.id not in doubtful:
                _add_static(labels, static.get(node.id), anchor_keys, kept)
            _keep_held(labels, held)
        else:
            _hold_marks(labels, anchor_keys, kept)
        for group in groups:
            _add_anchor(labels, group)
        notes += labels.notes
        step = _step(labels, anchor_keys)
        if step is not None:
            steps.append(step)
        lost = labels.owned - node.labels.keys() - labels.present.keys()
        if lost and node.is_ready and static_labels:
            forgotten.append(DisownLabels(node.id, lost))
        forgotten += _marking(labels, anchor_keys)
    kept.services = sorted(_unnamed_services(groups, held, kept))
    warnings += kept.warnings()
    warnings += _left_without_a_node(snapshot, steps)
    # a label is set before another node loses it, so that what it evicts finds a place at once
    steps.sort(key=lambda step: all(change.after is None for change in step.changes))
    return Plan(
        steps=tuple(steps),
        warnings=tuple(warnings),
        notes=tuple(notes),
        remember=tuple(forgotten),
    )


def _add_static(
    labels: _NodeLabels, static: Mapping[str, str] | None, anchor_keys: set[str], kept: Held
) -> None:
    node = labels.node
    prunes = (
        kept.desired.prune_unknown_labels and static is not None and kept.policy(NODES) is not Removals.HELD
    )
    static = static or {}
    for key, value in static.items():
        labels.present[key] = (value, "configured for this node")
    for key in node.labels:
        if key in static or key in anchor_keys:
            continue
        if key in labels.owned:
            section = DEPENDENCIES if key in labels.marks else NODES
            if kept.may_remove(section, key, node.hostname):
                labels.absent[key] = "no longer configured for this node, and it was set by Orcastra"
        elif prunes and (key not in labels.all_marks or kept.may_remove(DEPENDENCIES, key, node.hostname)):
            labels.absent[key] = "not configured for this node, and prune_unknown_labels is on"
    if not node.is_ready:
        wrong = [key for key, (value, _why) in labels.present.items() if node.labels.get(key) != value]
        if wrong or labels.absent:
            labels.notes.append(
                f"node {node.hostname} is {node.state}: its labels are corrected when it is back"
            )
        labels.present.clear()
        labels.absent.clear()


def _hold_marks(labels: _NodeLabels, anchor_keys: set[str], kept: Held) -> None:
    """Without a look at static labels: note which anchors' labels are held."""
    for key in sorted(labels.marks & labels.node.labels.keys() - anchor_keys):
        kept.may_remove(DEPENDENCIES, key, labels.node.hostname)


def _unnamed_services(groups: Iterable[AnchorGroup], held: Mapping[str, list[str]], kept: Held) -> set[str]:
    """The services that keep our constraint although they are no followers, as the policy has it."""
    if kept.policy(DEPENDENCIES) is not Removals.HELD:
        return set()
    followers = {follower.service.name for group in groups for follower in group.followers}
    return {name for names in held.values() for name in names} - followers


def _held_services(snapshot: SwarmSnapshot) -> dict[str, list[str]]:
    """The keys of labels that our own constraints hold services to, with the names of those services."""
    found: dict[str, list[str]] = {}
    for service in sorted(snapshot.services, key=lambda service: service.name):
        for key in pinned_labels(service):
            found.setdefault(key, []).append(service.name)
    return found


def _left_without_a_node(snapshot: SwarmSnapshot, steps: Iterable[LabelNode]) -> list[str]:
    """Which services of the user's own making will find no node once the steps are carried out."""
    return [str(effect) for effect in label_effects(snapshot, steps, user_constraints) if not effect.remains]


def _keep_held(labels: _NodeLabels, held: Mapping[str, list[str]]) -> None:
    """Keep a label that is to go until our own constraints on it are gone: else they would evict services."""
    for key in sorted(labels.absent.keys() & held.keys()):
        del labels.absent[key]
        names = ", ".join(held[key])
        labels.notes.append(f"node {labels.node.hostname} keeps label {key}: it still holds {names} there")


def _add_anchor(labels: _NodeLabels, group: AnchorGroup) -> None:
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
    if kept is not None:
        labels.notes.append(f"node {node.hostname} keeps label {key}: {kept}")
    elif place.elsewhere is not None:
        labels.absent[key] = place.elsewhere


def _marking(labels: _NodeLabels, anchor_keys: set[str]) -> list[StateEdit]:
    """Remember which of our labels mark anchors, where that has changed or an older release set them."""
    here = labels.owned & labels.node.labels.keys()
    marks = here & anchor_keys
    statics = (here & labels.present.keys()) - anchor_keys
    outdated = (marks - labels.marks) | (statics & labels.marks)
    return [OwnLabels(labels.node.id, outdated, outdated & marks)] if outdated else []


def _step(labels: _NodeLabels, anchor_keys: set[str]) -> LabelNode | None:
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
        intent_edits=(OwnLabels(node.id, claimed, claimed & anchor_keys),) if claimed else (),
        commit_edits=(DisownLabels(node.id, released),) if released else (),
    )


def _forget_lost_nodes(snapshot: SwarmSnapshot, state: State) -> list[StateEdit]:
    """Drop what is remembered of nodes that have left the swarm: their IDs never come back."""
    return [
        DisownLabels(node_id, keys)
        for node_id, keys in sorted(state.owned_labels.items())
        if node_id not in snapshot.node_by_id
    ]
