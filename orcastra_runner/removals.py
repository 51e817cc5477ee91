# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the entries that a changed configuration no longer has, and adds them back for a while. Pure
functions.

A half-written file looks like one from which entries were removed. Therefore additions and changes apply at
once, and removals wait until the file has been stable for a while.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    Dependency,
    DesiredState,
    NodeConfig,
    SwarmConfig,
)

_NODE_KEYS = ("ip", "role", "availability", "data_path_addr")
_SCALARS = ("leader", "advertise_addr", "managers")


def describe_changes(before: DesiredState, after: DesiredState) -> str:
    """Return the differences on one line; empty if there are none."""
    parts = [
        *_mapping_changes("node", before.nodes, after.nodes),
        *_mapping_changes("dependency", before.dependencies, after.dependencies),
    ]
    for name in ("leader", "advertise_addr", "prune_unknown_labels"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            parts.append(f"{name} changed from {old} to {new}")
    return ", ".join(parts)


def _mapping_changes(noun: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    changes = [f"{noun} {name} added" for name in after if name not in before]
    changes += [f"{noun} {name} removed" for name in before if name not in after]
    return changes + [
        f"{noun} {name} changed" for name in after if name in before and before[name] != after[name]
    ]


def removals(before: DesiredState, after: DesiredState) -> tuple[str, ...]:
    """Return descriptions of all entries that ``after`` lacks, such as ``label ssd of node wrk-a``."""
    found = [
        section
        for section in sorted(before.absent_sections - after.absent_sections)
        if _leaves(section, after)
    ]
    for name, node in before.nodes.items():
        found += [f"node {name}"] if name not in after.nodes else _node_removals(node, after.nodes[name])
    followers = _followers(after)
    for anchor, dependency in before.dependencies.items():
        other = after.dependencies.get(anchor)
        if other is None:
            found.append(f"dependency {anchor}")
            continue
        # a follower that now has another anchor is not removed
        found += [
            f"follower {name} of {anchor}"
            for name in dependency.followers
            if name not in other.followers and (other.stack, name) not in followers
        ]
    found += [name for name in _SCALARS if getattr(before, name) is not None and getattr(after, name) is None]
    found += [f"swarm.{name}" for name in _swarm_removals(before.swarm, after.swarm)]
    return tuple(found)


def with_removed(before: DesiredState, after: DesiredState) -> DesiredState:
    """Return ``after`` with the entries of ``before`` that it lacks. The result may be invalid: check it."""
    nodes = {name: _with_node(before.nodes.get(name), node) for name, node in after.nodes.items()}
    nodes |= {name: node for name, node in before.nodes.items() if name not in nodes}
    followers = _followers(after)
    dependencies = {
        anchor: _with_followers(before.dependencies.get(anchor), dependency, followers)
        for anchor, dependency in after.dependencies.items()
    }
    for anchor, dependency in before.dependencies.items():
        if anchor not in dependencies:
            stay = tuple(name for name in dependency.followers if (dependency.stack, name) not in followers)
            dependencies[anchor] = replace(dependency, followers=stay)
    lost = _swarm_removals(before.swarm, after.swarm)
    return replace(
        after,
        nodes=nodes,
        dependencies=dependencies,
        swarm=replace(after.swarm, **{name: getattr(before.swarm, name) for name in lost}),
        absent_sections=after.absent_sections
        | {section for section in before.absent_sections if _leaves(section, after)},
        **{name: getattr(before, name) for name in _SCALARS if getattr(after, name) is None},
    )


def _leaves(section: str, after: DesiredState) -> bool:
    """Whether a section that was absent is now present but empty."""
    return section not in after.absent_sections and not getattr(after, section)


def _node_removals(before: NodeConfig, after: NodeConfig) -> list[str]:
    found = [f"label {key} of node {before.name}" for key in before.labels if key not in after.labels]
    return found + [
        f"{key} of node {before.name}"
        for key in _NODE_KEYS
        if getattr(before, key) is not None and getattr(after, key) is None
    ]


def _with_node(before: NodeConfig | None, after: NodeConfig) -> NodeConfig:
    if before is None:
        return after
    lost = {key: getattr(before, key) for key in _NODE_KEYS if getattr(after, key) is None}
    return replace(after, labels={**before.labels, **after.labels}, **lost)


def _followers(desired: DesiredState) -> frozenset[tuple[str, str]]:
    """Return stack and name of all followers."""
    found: Mapping[str, Any] = desired.dependencies
    return frozenset((one.stack, name) for one in found.values() for name in one.followers)


def _with_followers(
    before: Dependency | None, after: Dependency, followers: frozenset[tuple[str, str]]
) -> Dependency:
    if before is None:
        return after
    lost = tuple(
        name
        for name in before.followers
        if name not in after.followers and (after.stack, name) not in followers
    )
    return replace(after, followers=after.followers + lost)


def _swarm_removals(before: SwarmConfig, after: SwarmConfig) -> list[str]:
    names = [field.name for field in fields(SwarmConfig)]
    return [name for name in names if getattr(before, name) is not None and getattr(after, name) is None]
