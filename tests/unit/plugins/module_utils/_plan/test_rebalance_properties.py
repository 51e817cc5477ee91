# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of the planner, tested on random swarms that follow its plans."""

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import (
    GB,
    RebalanceRules,
    ServiceRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import (
    MAX_BYTES,
    decode,
    encode,
)
from tests.bench.balance.worlds import World, random_world

RULES = RebalanceRules(
    default=ServiceRules(memory_difference_bytes=GB // 2, rebalance_buffer_bytes=GB // 4),
    max_moves_per_cycle=2,
)
SEEDS = range(14)


def world_of(seed: int) -> World:
    return random_world(seed, 3 + seed % 8, 4.0 + seed % 5, empty=seed % 2 == 0)


def check_prohibitions(world: World) -> None:
    """The rules of the random swarms, independent of the planner: data, zones, reservations, groups."""
    place = {task.service_id: task.node_id for task in world.snapshot.tasks}
    reserved: dict[str, int] = {}
    for service in world.snapshot.services:
        node = world.snapshot.node_by_id[place[service.id] or ""]
        reserved[node.id] = reserved.get(node.id, 0) + service.reserved_memory_bytes
        for text in service.constraints:
            if "zone" in text:
                assert text.endswith(node.labels["zone"]), service.name
    for node_id, number in reserved.items():
        assert number <= world.snapshot.node_by_id[node_id].memory_bytes
    for name, dependency in world.desired.dependencies.items():
        for follower in dependency.followers:
            assert place[follower] == place[name]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SEEDS[1:])])
def test_cycles_lower_the_highest_pressure_until_balanced(seed: int) -> None:
    world = world_of(seed)
    start = {task.service_id: task.node_id for task in world.snapshot.tasks}
    held = [service.id for service in world.snapshot.services if service.mounts]
    at_rest = 0
    for _cycle in range(40):
        before = world.pressure()
        moved = len(world.moves)
        world.carry_out(world.plan(RULES))
        world.now += 1000
        check_prohibitions(world)
        after = world.pressure()
        assert max(after.values()) <= max(before.values()) + 1e-9
        assert len(world.moves) - moved <= RULES.max_moves_per_cycle
        for _at, _name, *node_ids in world.moves[moved:]:
            pair = [world.host_of[node_id] for node_id in node_ids]
            assert max(after[host] for host in pair) < max(before[host] for host in pair)
        state, damage = decode(encode(world.state))
        assert (state, damage) == (world.state, ())
        # longer than the cooldown after a second move: the next cycles would be the same
        at_rest = at_rest + 1 if len(world.moves) == moved else 0
        if at_rest == 8:
            break
    for service_id in held:
        assert {t.service_id: t.node_id for t in world.snapshot.tasks}[service_id] == start[service_id]
    check_that_it_rests(world)


def check_that_it_rests(world: World) -> None:
    """No step is due, no trace of the moves is left, and no unit has returned."""
    assert world.plan(RULES).steps == ()
    assert world.plan(RULES).remember == ()
    assert world.state.moves == {}
    assert not any(text.startswith("node.id") for s in world.snapshot.services for text in s.constraints)
    left = [(name, source) for _at, name, source, _target in world.moves]
    for at, (_when, name, _source, target) in enumerate(world.moves):
        assert (name, target) not in left[:at]


def test_plan_is_deterministic() -> None:
    first, second = world_of(4), world_of(4)
    for world in (first, second):
        world.carry_out(world.plan(RULES))
        world.now += 1000

    assert first.plan(RULES) == second.plan(RULES)
    assert first.plan(RULES).steps


@pytest.mark.slow
def test_saved_moves_of_a_large_swarm_fit_into_the_state() -> None:
    world = random_world(3, 80, 8.0, empty=True)
    rules = RebalanceRules(max_moves_per_cycle=50)
    for _cycle in range(30):
        world.carry_out(world.plan(rules))
        world.now += 400

    assert len(world.moves) > 40
    assert sum(len(key) + len(value) for key, value in encode(world.state).items()) < MAX_BYTES / 2


def test_empty_node_is_kept_for_the_largest_unit() -> None:
    """A group of 21 GiB can only move from its full host of 32 GiB to the new one of 64 GiB."""
    world = random_world(21, 5, 5.0, empty=True)

    world.settle(RULES)

    assert world.spread()[0] < 0.75
    assert "s00004" in {name for _at, name, _source, _target in world.moves}
