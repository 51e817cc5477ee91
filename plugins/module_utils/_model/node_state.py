# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The saved state of one node, and the edits that change it.

It is in a file on the node (see ``_apply.node_store``), because workers cannot write to the swarm and no
other node needs it.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any, Protocol

from .compat import dataclass
from .state_values import Damaged, Reader, check_key, items, mapping, parse, required

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Heal:
    """The repair attempts for a service or a plain container. Times are in seconds since the epoch.

    ``given_up`` is when Orcastra gave up, or None. ``seen`` is when it was last seen unhealthy.
    """

    attempts: tuple[float, ...] = ()
    given_up: float | None = None
    seen: float = 0.0


@dataclass(frozen=True)
class NodeState:
    """The saved state of a node. Times are in seconds since the epoch.

    - ``heals``: service ID, or name of a plain container → repair attempts
    - ``images``: image ID → when it was first seen
    - ``volumes``: name → since when no container has mounted it
    """

    heals: Mapping[str, Heal] = field(default_factory=dict)
    images: Mapping[str, float] = field(default_factory=dict)
    volumes: Mapping[str, float] = field(default_factory=dict)


class NodeEdit(Protocol):
    """A change to the state that can be applied again to a newer copy."""

    def apply(self, state: NodeState) -> NodeState: ...


@dataclass(frozen=True, slots=True)
class SetHeal:
    """Save repair attempts; None removes them."""

    subject: str
    heal: Heal | None

    def apply(self, state: NodeState) -> NodeState:
        heals = {name: heal for name, heal in state.heals.items() if name != self.subject}
        if self.heal is not None:
            heals[self.subject] = self.heal
        return replace(state, heals=heals)


@dataclass(frozen=True, slots=True)
class SetSeen:
    """Save the existing images and volumes, with their times."""

    images: Mapping[str, float]
    volumes: Mapping[str, float]

    def apply(self, state: NodeState) -> NodeState:
        return replace(state, images=dict(self.images), volumes=dict(self.volumes))


def apply_node_edits(state: NodeState, edits: Iterable[NodeEdit]) -> NodeState:
    for edit in edits:
        state = edit.apply(state)
    return state


def encode_node_state(state: NodeState) -> dict[str, Any]:
    """The state as data for JSON."""
    return {
        "format": FORMAT,
        "heals": {
            name: {"attempts": list(heal.attempts), "given_up": heal.given_up, "seen": heal.seen}
            for name, heal in sorted(state.heals.items())
        },
        "images": dict(sorted(state.images.items())),
        "volumes": dict(sorted(state.volumes.items())),
    }


def decode_node_state(text: str, now: float | None = None) -> NodeState:
    """Read the JSON of what ``encode_node_state`` returns. Raises Damaged for anything else.

    Times after ``now``, in seconds since the epoch, count as ``now``.
    """
    data, reader = mapping(parse(text)), Reader(now)
    if required(data, "format") != FORMAT:
        raise Damaged(f"expected format {FORMAT}")
    return NodeState(
        heals={
            check_key(name): _decode_heal(mapping(heal), reader)
            for name, heal in mapping(required(data, "heals")).items()
        },
        images=_decode_times(required(data, "images"), reader),
        volumes=_decode_times(required(data, "volumes"), reader),
    )


def _decode_heal(heal: Mapping[str, Any], reader: Reader) -> Heal:
    return Heal(
        attempts=tuple(reader.moment(at, "attempts") for at in items(required(heal, "attempts"), "attempts")),
        given_up=reader.optional_moment(required(heal, "given_up"), "given_up"),
        seen=reader.moment(required(heal, "seen"), "seen"),
    )


def _decode_times(data: Any, reader: Reader) -> dict[str, float]:
    return {check_key(name): reader.moment(at) for name, at in mapping(data).items()}
