# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Simple balancing methods, for comparison. They use only the planner's rules about allowed moves."""

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import Node
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import (
    followed_labels,
    resolve_anchor_groups,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.targets import TargetFinder
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.units import MoveUnit, find_units
from tests.bench.balance.worlds import World

# Kubernetes' descheduler, LowNodeUtilization with useDeviationThresholds: points around the mean
DEVIATION = 0.10
ROUNDS = 200


def movable(world: World) -> tuple[list[MoveUnit], TargetFinder]:
    groups = resolve_anchor_groups(world.snapshot, world.desired)
    units = find_units(world.snapshot, groups, world.sample(), RebalanceRules(), world.state, world.now)
    targets = TargetFinder(world.snapshot, followed_labels(groups), world.now, {})
    return [unit for unit in units if unit.forbidden is None], targets


def move(world: World, unit: MoveUnit, node: Node) -> None:
    for task in unit.tasks:
        world.go(task, node.id)
    world.moves.append((world.now, unit.name, unit.node.id, node.id))


def deschedule(world: World) -> None:
    """Evict from hosts above the mean plus 10 points while others are below the mean minus 10.

    Like the descheduler, it evicts in the order of names and ignores sizes. The scheduler then chooses the
    node: Swarm takes the one with the fewest tasks. Rounds continue until no host is above or below the
    limits, or until no task is left that was not yet evicted from its node.
    """
    for _round in range(ROUNDS):
        pressure = world.pressure()
        mean = sum(pressure.values()) / len(pressure)
        over = [host for host in pressure if pressure[host] > mean + DEVIATION]
        under = [host for host in pressure if pressure[host] < mean - DEVIATION]
        if not over or not under:
            return
        source = max(over, key=lambda host: pressure[host])
        units, targets = movable(world)
        done = {(name, node_id) for _at, name, node_id, _target in world.moves}
        for unit in units:
            if world.host_of[unit.node.id] != source or (unit.name, unit.node.id) in done:
                continue
            found = [
                node
                for node in world.snapshot.nodes
                if node.id != unit.node.id and targets.route(unit, node).is_open
            ]
            if found:
                counts = world.snapshot.wanted_by_node
                move(world, unit, min(found, key=lambda node: (len(counts.get(node.id, ())), node.id)))
                break
        else:
            return


def most_free(world: World) -> None:
    """Move the largest task of the fullest host to the node with the most free memory, while that helps."""
    for _round in range(ROUNDS):
        pressure, used = world.pressure(), world.used()
        source = max(pressure, key=lambda host: pressure[host])
        units, targets = movable(world)
        there = [unit for unit in units if world.host_of[unit.node.id] == source]
        for unit in sorted(there, key=lambda unit: (-(unit.memory_bytes or 0), unit.name)):
            found = [
                node
                for node in world.snapshot.nodes
                if world.host_of[node.id] != source and targets.route(unit, node).is_open
            ]
            if not found:
                continue
            node = max(found, key=lambda node: world.total[node.hostname] - used[node.hostname])
            host = world.host_of[node.id]
            if (used[host] + (unit.memory_bytes or 0)) / world.total[host] < pressure[source]:
                move(world, unit, node)
                break
        else:
            return
