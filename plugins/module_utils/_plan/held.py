# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labels and constraints that are kept because their section of the configuration is absent.

Each such section gets one warning: how much is kept, some of the names, and how to confirm the removal. If
Orcastra owns nothing of an absent section, there is no warning.
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
    """The kept labels of each section (label key → host names of its nodes), and the kept constraints.

    ``services``: names of services that keep a managed constraint.
    """

    desired: DesiredState
    labels: dict[str, dict[str, list[str]]] = field(default_factory=lambda: {NODES: {}, DEPENDENCIES: {}})
    services: list[str] = field(default_factory=list)

    def policy(self, section: str) -> Removals:
        """Return the policy for the labels and constraints of a section."""
        return self.desired.node_removals if section == NODES else self.desired.dependency_removals

    def may_remove(self, section: str, key: str, hostname: str) -> bool:
        """Return whether a label of ours that isn't configured may be removed. Record it if its removal is
        held."""
        policy = self.policy(section)
        if policy is Removals.HELD:
            self.labels[section].setdefault(key, []).append(hostname)
        return policy is Removals.ALLOWED

    def warnings(self) -> list[Reason]:
        """Return one warning for each section with held removals."""
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
    """Return a warning if anchors exist that the configuration does not contain, as moves would ignore
    them."""
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
    """Return the first few values, and how many more there are."""
    more = len(values) - MAX_NAMES
    return [*values[:MAX_NAMES], *([Reason("and_more", count=more)] if more > 0 else [])]
