# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the removal of every node label that Orcastra has set, for example before an uninstallation."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable

from ..._model.reasons import Reason
from ..._model.snapshot import SwarmSnapshot
from ..._model.state import DisownLabels, State, StateEdit
from ..._model.steps import LabelChange, LabelNode, Plan
from ..scheduling.managed import managed_constraints, requires_label, user_constraints
from .effects import label_effects


def plan_label_removal(snapshot: SwarmSnapshot, state: State, released: Iterable[str] = ()) -> Plan:
    """Plan the removal of all labels that the saved state lists as ours, even from nodes that are down.

    A label stays while a managed constraint requires it, because its removal would leave that service without
    a node. If the constraint is the user's own, the label is removed as requested, and the plan reports the
    effect on the service. ``released``: names of services that lose their managed constraints before that.
    """
    released = frozenset(released)
    steps: list[LabelNode] = []
    notes: list[Reason] = []
    forgotten: list[StateEdit] = [
        DisownLabels(node_id, keys)
        for node_id, keys in sorted(state.owned_labels.items())
        if node_id not in snapshot.node_by_id
    ]
    held: dict[str, list[str]] = {}
    for key in sorted({key for keys in state.owned_labels.values() for key in keys}):
        for service in sorted(snapshot.services, key=lambda service: service.name):
            if service.name not in released and requires_label(managed_constraints(service), key):
                held.setdefault(key, []).append(service.name)
    for node in sorted(snapshot.nodes, key=lambda node: (node.hostname, node.id)):
        owned = state.owned_labels.get(node.id, frozenset())
        lost = owned - node.labels.keys()
        if lost:
            forgotten.append(DisownLabels(node.id, lost))
        removed = []
        for key in sorted(owned - lost):
            if key in held:
                notes.append(Reason("label_in_use", node=node.hostname, label=key, services=held[key]))
            else:
                removed.append(key)
        if removed:
            steps.append(
                LabelNode(
                    node_id=node.id,
                    hostname=node.hostname,
                    labels=dict(node.labels),
                    changes=tuple(LabelChange(key, node.labels[key], None) for key in removed),
                    why=tuple(Reason("label_owned", label=key) for key in removed),
                    commit_edits=(DisownLabels(node.id, frozenset(removed)),),
                )
            )
    effects = label_effects(snapshot, steps, user_constraints)
    return Plan(
        steps=tuple(steps),
        warnings=tuple(effect.reason for effect in effects if not effect.remains),
        notes=(*notes, *(effect.reason for effect in effects if effect.remains)),
        remember=tuple(forgotten),
    )
