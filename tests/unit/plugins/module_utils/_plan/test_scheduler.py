# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.scheduler import Scheduler
from tests.support.builders import node, service, snapshot, task

NOW = 1_700_000_000.0
APP = service("app", replicas=2)
OTHER = service("other", reserved_memory_bytes=6, reserved_nano_cpus=6, host_ports=((80, "tcp"),))
NODES = tuple(node(name, memory_bytes=10, nano_cpus=10) for name in ("alpha", "beta", "gamma"))


def choices(seen: SwarmSnapshot, desired: Service = APP, **options: Any) -> set[str]:
    scheduler = Scheduler(seen, NOW)
    found = scheduler.choices(desired, desired.constraints, **options)
    # the turns yield each of them, and no others
    turns = [
        scheduler.choice(desired, desired.constraints, turn, **options)
        for turn in range(len(seen.nodes) or 1)
    ]
    assert {one.id for one in turns if one is not None} == {one.id for one in found}
    return {one.hostname for one in found}


def labelled(name: str, zone: str) -> Node:
    return node(name, labels={"zone": zone})


def failures(name: str, number: int, age: float = 10.0) -> list[Any]:
    return [
        task("app", name, slot=slot, state="failed", desired_state="shutdown", created=NOW - age)
        for slot in range(number)
    ]


CASES: dict[str, tuple[SwarmSnapshot, Service, set[str]]] = {
    "all alike": (snapshot(*NODES, APP), APP, {"alpha", "beta", "gamma"}),
    "fewest of the service before fewest in all": (
        snapshot(*NODES, APP, OTHER, task("app", "alpha"), task("other", "beta"), task("other", "gamma")),
        APP,
        {"beta", "gamma"},
    ),
    "fewest in all": (
        snapshot(*NODES, APP, OTHER, task("app", "alpha"), task("other", "beta")),
        APP,
        {"gamma"},
    ),
    "tasks that have ended do not count": (
        snapshot(*NODES, APP, task("app", "alpha", state="shutdown", desired_state="shutdown")),
        APP,
        {"alpha", "beta", "gamma"},
    ),
    "five failures in five minutes": (
        snapshot(*NODES, APP, *failures("alpha", 5), *failures("beta", 4), *failures("gamma", 5, age=301)),
        APP,
        {"beta", "gamma"},
    ),
    "not active, not ready": (
        snapshot(node("alpha", availability="drain"), node("beta", state="down"), node("gamma"), APP),
        APP,
        {"gamma"},
    ),
    "reserved memory": (
        snapshot(*NODES, OTHER, task("other", "alpha")),
        service("app", reserved_memory_bytes=5),
        {"beta", "gamma"},
    ),
    "own tasks' reservations count": (
        snapshot(*NODES, service("app", reserved_memory_bytes=6), task("app", "alpha"), task("app", "beta")),
        service("app", reserved_memory_bytes=6),
        {"gamma"},
    ),
    "reserved CPUs": (
        snapshot(*NODES, OTHER, task("other", "alpha")),
        service("app", reserved_nano_cpus=5),
        {"beta", "gamma"},
    ),
    "ports": (
        snapshot(*NODES, OTHER, task("other", "alpha")),
        service("app", host_ports=((80, "tcp"),)),
        {"beta", "gamma"},
    ),
    "most replicas": (
        snapshot(*NODES, APP, *(task("app", name) for name in ("alpha", "beta", "gamma"))),
        service("app", max_replicas_per_node=1),
        set(),
    ),
    "constraint": (
        snapshot(*NODES, APP),
        service("app", constraints=("node.hostname!=beta",)),
        {"alpha", "gamma"},
    ),
    "platform": (snapshot(*NODES, APP), service("app", platforms=(("linux", "arm64"),)), set()),
    "preference before everything else": (
        snapshot(
            labelled("alpha", "a"), labelled("beta", "a"), labelled("gamma", "b"), APP, OTHER,
            task("app", "alpha"), task("other", "gamma"),
        ),
        service("app", preferences=("node.labels.zone",)),
        {"gamma"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_choices_match_swarm(name: str) -> None:
    seen, desired, expected = CASES[name]

    assert choices(seen, desired) == expected


def test_choices_respect_only_and_without() -> None:
    seen = snapshot(*NODES, APP)

    assert choices(seen, without={"id-alpha"}) == {"beta", "gamma"}
    assert choices(seen, only={"id-alpha"}) == {"alpha"}


def test_take_reverts_put() -> None:
    scheduler = Scheduler(snapshot(*NODES, APP, task("app", "alpha")), NOW)

    scheduler.put(APP, "id-beta")
    assert scheduler.places(APP) == {"id-alpha", "id-beta"}
    scheduler.take(APP, "id-beta")
    scheduler.take(APP, "id-alpha")
    assert scheduler.places(APP) == frozenset()
    assert len(scheduler.choices(APP, ())) == 3
