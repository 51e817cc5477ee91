# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The constraints that Orcastra itself puts on services, and how they are told from the user's own.

Swarm trims white space around operators, so the spelling of a constraint is free. Ours have a space before
the operator and none after it, which nobody writes: they can be recognised, and taken back, even when the
state object is lost, and a constraint of the user's is never taken for one of them.

- ``node.labels.LABEL ==true`` holds a follower to the nodes of its anchor; it stays.
- ``node.id ==NODE`` and ``node.id !=NODE`` move tasks; they go as soon as the tasks are where they belong.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Service
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors import ANCHOR_VALUE
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.constraints import (
    NODE_LABEL_PREFIX,
    ConstraintError,
    parse_constraint,
)

_OURS = re.compile(r"\S+ (?:==|!=)\S+")
_HELD = re.compile(r"node\.labels\.(\S+) ==\S+")
_OURS_TO_MOVE = re.compile(r"node\.id (?:==|!=)\S+")


def label_constraint(label: str) -> str:
    """The constraint that holds a follower to the nodes with the anchor's label."""
    return f"{NODE_LABEL_PREFIX}{label} =={ANCHOR_VALUE}"


def move_to(node_id: str) -> str:
    """The constraint that moves all tasks of a service to one node."""
    return f"node.id =={node_id}"


def move_off(node_id: str) -> str:
    """The constraint that moves the tasks of a service off one node."""
    return f"node.id !={node_id}"


def ours(service: Service) -> tuple[str, ...]:
    """The constraints of ``service`` that we have put there."""
    return tuple(text for text in service.constraints if _OURS.fullmatch(text))


def ours_to_move(service: Service) -> tuple[str, ...]:
    """Those of them that are there for a move."""
    return tuple(text for text in service.constraints if _OURS_TO_MOVE.fullmatch(text))


def held_labels(service: Service) -> frozenset[str]:
    """The keys of the node labels to which our own constraints hold ``service``."""
    found = (_HELD.fullmatch(text) for text in ours(service))
    return frozenset(match[1] for match in found if match is not None)


def users(service: Service) -> tuple[str, ...]:
    """The constraints of ``service`` that are the user's own."""
    return tuple(text for text in service.constraints if not _OURS.fullmatch(text))


def is_held_by(expressions: Iterable[str], label: str) -> bool:
    """Whether one of ``expressions``, in any spelling, demands the anchor's label."""
    for text in expressions:
        try:
            constraint = parse_constraint(text)
        except ConstraintError:
            continue
        prefix, key = constraint.key[: len(NODE_LABEL_PREFIX)], constraint.key[len(NODE_LABEL_PREFIX) :]
        is_label = prefix.lower() == NODE_LABEL_PREFIX and key == label
        if is_label and constraint.must_match and constraint.value.lower() == ANCHOR_VALUE:
            return True
    return False
