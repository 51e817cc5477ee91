# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of one node, and the edits that change it. It lives and dies with the node.

It is kept in a file on the node (see ``_apply.node_store``), because workers cannot write to the swarm, and
because nobody else needs it.
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
    """What was tried for a service, or for a plain container. Times are seconds since the epoch.

    ``given_up``: when it was given up; None where it was not. ``seen``: when it was last seen unhealthy.
    """

    attempts: tuple[float, ...] = ()
    given_up: float | None = None
    seen: float = 0.0


@dataclass(frozen=True)
class NodeState:
    """What is remembered.

    - ``heals``: service ID, or name of a plain container → what was tried
    - ``images``: image ID → when we first saw it
    - ``volumes``: name → since when we have seen no container that has it
    """

    heals: Mapping[str, Heal] = field(default_factory=dict)
    images: Mapping[str, float] = field(default_factory=dict)
    volumes: Mapping[str, float] = field(default_factory=dict)


class NodeEdit(Protocol):
    """A change of the state that can be applied again to a fresher copy."""

    def apply(self, state: NodeState) -> NodeState: ...


@dataclass(frozen=True, slots=True)
class SetHeal:
    """Remember what was tried; None forgets it."""

    subject: str
    heal: Heal | None

    def apply(self, state: NodeState) -> NodeState:
        heals = {name: heal for name, heal in state.heals.items() if name != self.subject}
        if self.heal is not None:
            heals[self.subject] = self.heal
        return replace(state, heals=heals)


@dataclass(frozen=True, slots=True)
class SetSeen:
    """Remember what images and volumes are there, and since when."""

    images: Mapping[str, float]
    volumes: Mapping[str, float]

    def apply(self, state: NodeState) -> NodeState:
        return replace(state, images=dict(self.images), volumes=dict(self.volumes))


def apply_node_edits(state: NodeState, edits: Iterable[NodeEdit]) -> NodeState:
    for edit in edits:
        state = edit.apply(state)
    return state


def encode_node_state(state: NodeState) -> dict[str, Any]:
    """The state as JSON knows it."""
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
    """The state of what ``encode_node_state`` made, as JSON. Raises Damaged for anything else.

    ``now``, in seconds since the epoch: times after it count as now.
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
