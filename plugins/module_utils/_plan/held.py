# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept although the configuration doesn't name it, because its section is absent.

One warning for each section: how much is kept, some of the names, and how to confirm the removal. A section
that is absent while nothing of it is ours is an ordinary configuration: no warning.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._model.desired import DEPENDENCIES, NODES, DesiredState, Removals
from .._model.reasons import Reason
from .._model.state import State

MAX_NAMES = 3


@dataclass
class Held:
    """What is kept of each section: label key → host names of the nodes that keep it, and services.

    ``services``: names of services that keep a managed constraint.
    """

    desired: DesiredState
    labels: dict[str, dict[str, list[str]]] = field(default_factory=lambda: {NODES: {}, DEPENDENCIES: {}})
    services: list[str] = field(default_factory=list)

    def policy(self, section: str) -> Removals:
        """The policy for what we own of a section."""
        return self.desired.node_removals if section == NODES else self.desired.dependency_removals

    def may_remove(self, section: str, key: str, hostname: str) -> bool:
        """Whether a label of ours that the configuration doesn't name may go; if it is held, note it."""
        policy = self.policy(section)
        if policy is Removals.HELD:
            self.labels[section].setdefault(key, []).append(hostname)
        return policy is Removals.ALLOWED

    def warnings(self) -> list[Reason]:
        """One warning for each section of which anything is held."""
        found = []
        for section in (NODES, DEPENDENCIES):
            kept = []
            labels = _places(self.labels[section])
            if labels:
                kept.append(Reason("kept_labels", count=len(labels), labels=_first(labels)))
            services = self.services if section == DEPENDENCIES else []
            if services:
                kept.append(Reason("kept_constraints", count=len(services), services=_first(services)))
            if kept:
                found.append(Reason("section_absent", section=section, kept=kept))
        return found


def anchors_not_given(desired: DesiredState, state: State) -> tuple[Reason, ...]:
    """A warning for what moves services without knowing the anchors that they follow, if there are any."""
    anchors = sorted({key for keys in state.anchor_labels.values() for key in keys})
    if DEPENDENCIES not in desired.absent_sections or not anchors:
        return ()
    return (Reason("anchors_absent", labels=_first(anchors)),)


def _places(labels: Mapping[str, Sequence[str]]) -> list[Reason]:
    return [
        Reason("label_of_node", label=key, node=hostname)
        for key, names in sorted(labels.items())
        for hostname in names
    ]


def _first(values: Sequence[str | Reason]) -> list[str | Reason]:
    """The first of them, and how many there are besides."""
    more = len(values) - MAX_NAMES
    return [*values[:MAX_NAMES], *([Reason("and_more", count=more)] if more > 0 else [])]
