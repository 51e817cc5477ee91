# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan node labels: the static ones of the configuration, and those that mark the nodes of anchors.

Rules
- A configured label is set if it is missing or has another value.
- A label that is no longer configured is removed if the saved state lists it as ours and the policy for its
  section allows it. Other labels are removed only with ``prune_unknown_labels``, and only from configured
  nodes.
- The saved state also lists which of our labels mark anchors, so that an absent section keeps its labels.
- An anchor's label belongs to the anchor on every node, no matter who set it.
- It stays on a node until an ordered follower has left, or if a follower cannot leave.
- When its dependency leaves the configuration, it is removed after the managed constraints on it.
- A node that has the name of a configured host but does not count as that host keeps its static labels: none
  is set or removed.
- A node that is down keeps its static labels. It loses an anchor's label as soon as the anchor runs
  elsewhere.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..._model.desired import DEPENDENCIES, NODES, DesiredState, Removals
from ..._model.errors import Problem
from ..._model.reasons import Reason
from ..._model.snapshot import Node, SwarmSnapshot
from ..._model.state import DisownLabels, OwnLabels, State, StateEdit
from ..._model.steps import LabelChange, LabelNode, Plan
from ..anchors.anchor import ANCHOR_VALUE
from ..anchors.groups import AnchorGroup, resolve_anchor_groups
from ..held import Held
from ..names import Identities, identify_all
from ..scheduling.managed import pinned_labels, user_constraints
from .effects import label_effects


@dataclass(frozen=True)
class _Scope:
    """The facts that the labels of all nodes depend on.

    ``static``: node ID → its configured labels. ``doubtful``: IDs of nodes that have a configured name but do
    not count as that host. ``required``: label → services whose managed constraints require it. ``marks``:
    our labels that mark anchors on any node.
    """

    groups: tuple[AnchorGroup, ...]
    kept: Held
    static: Mapping[str, Mapping[str, str]]
    doubtful: frozenset[str]
    required: Mapping[str, list[str]]
    marks: frozenset[str]
    static_labels: bool

    @property
    def anchor_keys(self) -> frozenset[str]:
        return frozenset(group.dependency.label for group in self.groups)


@dataclass
class _NodeLabels:
    """The labels of one node while they are planned.

    ``marks``: our labels that mark anchors. ``present``: key → (value, why the node needs it; None for a
    configured label). ``absent``: key → why it is removed.
    """

    node: Node
    owned: frozenset[str]
    marks: frozenset[str]
    present: dict[str, tuple[str, Reason | None]] = field(default_factory=dict)
    absent: dict[str, Reason] = field(default_factory=dict)
    notes: list[Reason] = field(default_factory=list)


def plan_labels(
    snapshot: SwarmSnapshot,
    desired: DesiredState,
    state: State,
    groups: tuple[AnchorGroup, ...] | None = None,
    *,
    static_labels: bool = True,
) -> Plan:
    """Plan the labels of all nodes: one step for each node that needs a write.

    ``groups``: the anchors and their followers, if already resolved. Without ``static_labels``, only the
    labels of anchors are planned.
    """
    identities = identify_all(snapshot, desired) if static_labels else Identities()
    groups = resolve_anchor_groups(snapshot, desired) if groups is None else groups
    scope = _Scope(
        groups=groups,
        kept=Held(desired),
        static=_configured(identities, desired),
        doubtful=identities.doubtful_ids,
        required=_required_labels(snapshot),
        marks=frozenset(key for keys in state.anchor_labels.values() for key in keys),
        static_labels=static_labels,
    )
    nodes = [
        _decide(node, state, scope) for node in sorted(snapshot.nodes, key=lambda one: (one.hostname, one.id))
    ]
    found = [_step(labels, scope.anchor_keys) for labels in nodes]
    steps = [step for step in found if step is not None]
    edits = _forget_lost_nodes(snapshot, state) if static_labels else []
    for labels in nodes:
        edits += _state_edits(labels, scope)
    scope.kept.services = sorted(_unconfigured_services(scope))
    warnings: list[Reason] = [*map(_configuration_warning, desired.warnings)] if static_labels else []
    warnings += identities.warnings
    warnings += [group.place.warning for group in groups if group.place.warning is not None]
    warnings += scope.kept.warnings()
    warnings += _left_without_a_node(snapshot, steps)
    notes: list[Reason] = [group.place.note for group in groups if group.place.note is not None]
    notes += [note for labels in nodes for note in labels.notes]
    # a label is set before another node loses it, so that evicted tasks find a node immediately
    steps.sort(key=lambda step: all(change.after is None for change in step.changes))
    return Plan(steps=tuple(steps), warnings=tuple(warnings), notes=tuple(notes), remember=tuple(edits))


def _configuration_warning(problem: Problem) -> Reason:
    if problem.file is None:
        return Reason("option_warning", key=problem.key, expected=problem.expected, found=problem.found)
    if not problem.key:
        return Reason(
            "configuration_file_warning",
            file=problem.file,
            line=problem.line,
            expected=problem.expected,
            found=problem.found,
        )
    return Reason(
        "configuration_warning",
        file=problem.file,
        line=problem.line,
        key=problem.key,
        expected=problem.expected,
        found=problem.found,
    )


def _configured(identities: Identities, desired: DesiredState) -> dict[str, Mapping[str, str]]:
    """Return the configured labels by node ID. A node may have several entries."""
    static: dict[str, Mapping[str, str]] = {}
    for name, identity in identities.by_name.items():
        for node in identity.nodes:
            static[node.id] = {**static.get(node.id, {}), **desired.nodes[name].labels}
    return static


def _decide(node: Node, state: State, scope: _Scope) -> _NodeLabels:
    """Decide which labels one node gets, keeps and loses."""
    labels = _NodeLabels(
        node,
        state.owned_labels.get(node.id, frozenset()),
        state.anchor_labels.get(node.id, frozenset()),
    )
    if scope.static_labels:
        if node.id not in scope.doubtful:
            _add_static(labels, scope)
        _keep_required(labels, scope.required)
    else:
        _hold_marks(labels, scope)
    for group in scope.groups:
        _add_anchor(labels, group)
    return labels


def _add_static(labels: _NodeLabels, scope: _Scope) -> None:
    node = labels.node
    static = scope.static.get(node.id, {})
    for key, value in static.items():
        labels.present[key] = (value, None)
    for key in node.labels.keys() - static.keys() - scope.anchor_keys:
        why = _why_absent(key, labels, scope)
        if why is not None:
            labels.absent[key] = why
    if not node.is_ready:
        wrong = [key for key, (value, _why) in labels.present.items() if node.labels.get(key) != value]
        if wrong or labels.absent:
            labels.notes.append(Reason("labels_wait_for_node", node=node.hostname, state=node.state))
        labels.present.clear()
        labels.absent.clear()


def _why_absent(key: str, labels: _NodeLabels, scope: _Scope) -> Reason | None:
    """Return why a label that isn't configured is removed; None if it stays."""
    kept, hostname = scope.kept, labels.node.hostname
    if key in labels.owned:
        section = DEPENDENCIES if key in labels.marks else NODES
        return Reason("label_not_configured", label=key) if kept.may_remove(section, key, hostname) else None
    prunes = (
        kept.desired.prune_unknown_labels
        and labels.node.id in scope.static
        and kept.policy(NODES) is not Removals.HELD
    )
    if prunes and (key not in scope.marks or kept.may_remove(DEPENDENCIES, key, hostname)):
        return Reason("label_unknown", label=key)
    return None


def _hold_marks(labels: _NodeLabels, scope: _Scope) -> None:
    """Record the held labels of anchors if static labels aren't planned."""
    for key in sorted(labels.marks & labels.node.labels.keys() - scope.anchor_keys):
        scope.kept.may_remove(DEPENDENCIES, key, labels.node.hostname)


def _unconfigured_services(scope: _Scope) -> set[str]:
    """Return the services that keep a managed constraint by policy although they are not followers."""
    if scope.kept.policy(DEPENDENCIES) is not Removals.HELD:
        return set()
    followers = {follower.service.name for group in scope.groups for follower in group.followers}
    return {name for names in scope.required.values() for name in names} - followers


def _required_labels(snapshot: SwarmSnapshot) -> dict[str, list[str]]:
    """Return the labels that managed constraints require, with the names of the services."""
    found: dict[str, list[str]] = {}
    for service in sorted(snapshot.services, key=lambda service: service.name):
        for key in pinned_labels(service):
            found.setdefault(key, []).append(service.name)
    return found


def _left_without_a_node(snapshot: SwarmSnapshot, steps: Iterable[LabelNode]) -> list[Reason]:
    """Return the services for which the user's constraints leave no node after these steps."""
    return [
        effect.reason for effect in label_effects(snapshot, steps, user_constraints) if not effect.remains
    ]


def _keep_required(labels: _NodeLabels, required: Mapping[str, list[str]]) -> None:
    """Keep a label until the managed constraints on it are removed; otherwise they would evict services."""
    for key in sorted(labels.absent.keys() & required.keys()):
        del labels.absent[key]
        hostname = labels.node.hostname
        labels.notes.append(Reason("label_in_use", node=hostname, label=key, services=required[key]))


def _add_anchor(labels: _NodeLabels, group: AnchorGroup) -> None:
    node, place, key = labels.node, group.place, group.dependency.label
    if node.id in place.on:
        labels.present[key] = (ANCHOR_VALUE, place.on[node.id])
        return
    # Swarm compares case-insensitively, too
    is_anchors = node.labels.get(key, "").lower() == ANCHOR_VALUE or (
        key in labels.owned and key in node.labels
    )
    if not is_anchors or not (place.settled or (place.on and node.is_down)):
        return
    kept = group.label_kept_on(node) if not node.is_down else None
    if kept is not None:
        labels.notes.append(Reason("anchor_label_kept", node=node.hostname, label=key, because=kept))
    elif place.elsewhere is not None:
        labels.absent[key] = Reason("anchor_elsewhere", label=key, anchor=place.elsewhere)


def _state_edits(labels: _NodeLabels, scope: _Scope) -> list[StateEdit]:
    """Return the edits to the saved state that do not belong to a step.

    They drop labels that are gone, and update which labels mark anchors if that has changed or an older
    release set them.
    """
    node = labels.node
    edits: list[StateEdit] = []
    lost = labels.owned - node.labels.keys() - labels.present.keys()
    if lost and node.is_ready and scope.static_labels:
        edits.append(DisownLabels(node.id, lost))
    here = labels.owned & node.labels.keys()
    marks = here & scope.anchor_keys
    statics = (here & labels.present.keys()) - scope.anchor_keys
    outdated = (marks - labels.marks) | (statics & labels.marks)
    if outdated:
        edits.append(OwnLabels(node.id, outdated, outdated & marks))
    return edits


def _why_present(key: str, value: str, before: str | None, anchor: Reason | None) -> Reason:
    if anchor is None and before is None:
        return Reason("label_missing", label=key, value=value)
    if anchor is None:
        return Reason("label_differs", label=key, value=value, found=before)
    if before is None:
        return Reason("anchor_label_missing", label=key, anchor=anchor)
    return Reason("anchor_label_differs", label=key, anchor=anchor, found=before)


def _step(labels: _NodeLabels, anchor_keys: frozenset[str]) -> LabelNode | None:
    node = labels.node
    changes: list[LabelChange] = []
    why: list[Reason] = []
    for key, (value, anchor) in sorted(labels.present.items()):
        before = node.labels.get(key)
        if before != value:
            changes.append(LabelChange(key, before, value))
            why.append(_why_present(key, value, before, anchor))
    for key, reason in sorted(labels.absent.items()):
        changes.append(LabelChange(key, node.labels[key], None))
        why.append(reason)
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
    """Return the edits that forget nodes that have left the swarm: their IDs never return."""
    return [
        DisownLabels(node_id, keys)
        for node_id, keys in sorted(state.owned_labels.items())
        if node_id not in snapshot.node_by_id
    ]
