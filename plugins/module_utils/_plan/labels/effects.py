# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The effects of label changes on services: which find no node, and which must leave theirs."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ..._model.compat import dataclass
from ..._model.reasons import Reason
from ..._model.snapshot import Node, Service, SwarmSnapshot
from ..._model.steps import LabelNode
from ..scheduling.constraints import (
    NODE_LABEL_PREFIX,
    ConstraintError,
    parse_constraint,
    platform_allows,
    violated,
)


@dataclass(frozen=True)
class LabelEffect:
    """A service that requires labels (``keys``) that nodes lose.

    ``leaves``: host names of the nodes that it must leave. ``remains``: those on which it can still run.
    """

    service: str
    keys: tuple[str, ...]
    leaves: tuple[str, ...]
    remains: tuple[str, ...]

    @property
    def reason(self) -> Reason:
        if not self.remains:
            return Reason("service_loses_all_nodes", service=self.service, labels=self.keys)
        return Reason(
            "service_loses_nodes",
            service=self.service,
            labels=self.keys,
            leaves=self.leaves,
            remains=self.remains,
        )


def label_effects(
    snapshot: SwarmSnapshot, steps: Iterable[LabelNode], constraints: Callable[[Service], tuple[str, ...]]
) -> tuple[LabelEffect, ...]:
    """Return the effects of label changes on services, by name of service.

    ``constraints``: returns the constraints of a service that count. Only differences are reported: a service
    that has no node today has another problem.
    """
    changed = {step.node_id: step for step in steps}
    after = [
        replace(node, labels=changed[node.id].changed(node.labels)) if node.id in changed else node
        for node in snapshot.nodes
    ]
    found = []
    for service in sorted(snapshot.services, key=lambda service: service.name):
        asked = constraints(service)
        keys = _label_keys(asked)
        if not any(change.key in keys for step in changed.values() for change in step.changes):
            continue
        had = [node for node in snapshot.nodes if not violated(asked, node)]
        has = [node for node in after if not violated(asked, node)]
        lost = {node.id for node in had} - {node.id for node in has}
        if not lost:
            continue
        at = {task.node_id for task in snapshot.tasks_of(service) if task.should_run}
        effect = LabelEffect(
            service=service.name,
            keys=tuple(sorted(_lost_keys(keys, changed, lost))),
            # Swarm evicts nothing from a paused node
            leaves=_names(node for node in had if node.id in lost & at and node.availability != "pause"),
            remains=_names(node for node in has if _takes_tasks(service, node)),
        )
        if effect.leaves or (not effect.remains and any(_takes_tasks(service, node) for node in had)):
            found.append(effect)
    return tuple(found)


def _label_keys(expressions: Iterable[str]) -> set[str]:
    """Return the node labels that the expressions require or forbid."""
    keys = set()
    for text in expressions:
        try:
            key = parse_constraint(text).key
        except ConstraintError:
            return set()  # one invalid expression makes all of them ineffective
        if key.lower().startswith(NODE_LABEL_PREFIX):
            keys.add(key[len(NODE_LABEL_PREFIX) :])
    return keys


def _lost_keys(keys: set[str], changed: dict[str, LabelNode], lost: Iterable[str]) -> set[str]:
    """Return the labels that change on the lost nodes."""
    return {change.key for node_id in lost for change in changed[node_id].changes if change.key in keys}


def _takes_tasks(service: Service, node: Node) -> bool:
    return node.is_ready and node.availability == "active" and platform_allows(service.platforms, node)


def _names(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(sorted(node.hostname for node in nodes))
