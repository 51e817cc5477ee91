# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed constraints: those that Orcastra adds to services, and how to distinguish them from the user's.

A constraint is ours only if the service's label ``orcastra.constraints`` lists it. Its spelling proves
nothing.

- ``node.labels.LABEL==true`` keeps a follower on the nodes of its anchor. It stays.
- ``node.id==NODE`` and ``node.id!=NODE`` move tasks. They are removed as soon as the tasks have arrived.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..._model.ownership import CONSTRAINTS_LABEL, owned, recorded, without
from ..._model.reasons import Reason
from ..._model.snapshot import Service, SwarmSnapshot
from ..anchors.anchor import ANCHOR_VALUE
from .constraints import NODE_LABEL_PREFIX, Constraint, ConstraintError, parse_constraint

# how much of a malformed label is shown
_SHOWN_CHARACTERS = 60


def label_constraint(label: str) -> str:
    """Return the constraint that keeps a follower on the nodes with the anchor's label."""
    return f"{NODE_LABEL_PREFIX}{label}=={ANCHOR_VALUE}"


def move_to(node_id: str) -> str:
    """Return the constraint that moves all tasks of a service to one node."""
    return f"node.id=={node_id}"


def move_off(node_id: str) -> str:
    """Return the constraint that moves the tasks of a service off one node."""
    return f"node.id!={node_id}"


def managed_constraints(service: Service) -> tuple[str, ...]:
    """Return the constraints of ``service`` that Orcastra has added."""
    return owned(service.constraints, service.labels)


def move_constraints(service: Service) -> tuple[str, ...]:
    """Return the managed constraints of a move."""
    return tuple(text for text in managed_constraints(service) if _moves(text))


def managed_label_constraints(service: Service) -> tuple[str, ...]:
    """Return the managed constraints that stay after a move."""
    return tuple(text for text in managed_constraints(service) if not _moves(text))


def pinned_labels(service: Service) -> frozenset[str]:
    """Return the keys of the node labels that managed constraints of ``service`` require."""
    found = (_demanded_label(text) for text in managed_constraints(service))
    return frozenset(key for key in found if key is not None)


def user_constraints(service: Service) -> tuple[str, ...]:
    """Return the constraints of ``service`` that Orcastra has not added."""
    return without(service.constraints, managed_constraints(service))


def constraints_without_labels(service: Service, labels: Collection[str]) -> tuple[str, ...]:
    """Return the user's constraints without those that require one of ``labels``, which move with their
    anchors."""
    return tuple(
        text
        for text in user_constraints(service)
        if not any(requires_label((text,), label) for label in labels)
    )


def requires_label(expressions: Iterable[str], label: str) -> bool:
    """Return whether one of ``expressions``, in any spelling, requires the anchor's label."""
    return any(_demanded_label(text) == label for text in expressions)


def malformed_records(snapshot: SwarmSnapshot) -> tuple[Reason, ...]:
    """Return a warning for each service whose record of managed constraints cannot be read."""
    warnings = []
    for service in sorted(snapshot.services, key=lambda service: service.name):
        if recorded(service.labels) is None:
            text = service.labels[CONSTRAINTS_LABEL]
            shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
            warnings.append(
                Reason("label_record_malformed", service=service.name, label=CONSTRAINTS_LABEL, found=shown)
            )
    return tuple(warnings)


def _demanded_label(text: str) -> str | None:
    """Return the key of the node label that the expression requires to be true; None for other
    expressions."""
    constraint = _parsed(text)
    if constraint is None or not constraint.must_match or constraint.value.lower() != ANCHOR_VALUE:
        return None
    prefix, key = constraint.key[: len(NODE_LABEL_PREFIX)], constraint.key[len(NODE_LABEL_PREFIX) :]
    return key if prefix.lower() == NODE_LABEL_PREFIX else None


def _moves(text: str) -> bool:
    constraint = _parsed(text)
    return constraint is not None and constraint.key.lower() == "node.id"


def _parsed(text: str) -> Constraint | None:
    try:
        return parse_constraint(text)
    except ConstraintError:
        return None
