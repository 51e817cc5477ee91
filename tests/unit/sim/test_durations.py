# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Behaviour that takes too long for tests on real engines, and the clock itself."""

from __future__ import annotations

import pytest

from tests.behaviour.world import SECOND, Swarm
from tests.sim import Behaviour, Sim, State, swarm
from tests.sim.clock import Clock, Pulse

PINNED = {"Constraints": ["node.hostname==alpha"]}


@pytest.mark.parametrize("seed", range(5))
def test_lost_node_is_noticed_after_three_heartbeats(seed: int) -> None:
    with swarm(seed=seed) as sim:
        start = sim.now
        sim.cut("bravo")
        sim.wait_until(lambda: sim.node("bravo").state == "down", 30)
        assert 8 <= sim.now - start <= 17
        start = sim.now
        sim.mend("bravo")
        sim.wait_until(lambda: sim.node("bravo").state == "ready", 30)
        assert sim.now - start <= 2.1


@pytest.mark.parametrize(("grace", "copies", "seconds"), [(50, 1, 50), (90, 2, 60)])
def test_swarm_waits_a_minute_for_an_old_container(
    sim: Sim, swarm: Swarm, grace: int, copies: int, seconds: int
) -> None:
    """With a longer stop grace period two copies overlap, stop-first or not."""
    container = {"StopGracePeriod": grace * SECOND}
    swarm.run("db", 1, program="stubborn", placement=PINNED, container=container)
    start = sim.now
    swarm.constrain("db", "node.hostname==bravo")
    most = 0

    def moved() -> bool:
        nonlocal most
        most = max(most, len(sim.containers("alpha")) + len(sim.containers("bravo")))
        return sim.where("db") == ["bravo"]

    sim.wait_until(moved, 120)
    assert most == copies
    assert seconds <= sim.now - start <= seconds + 2


def test_attempts_are_counted_within_their_window(sim: Sim, swarm: Swarm) -> None:
    """Two attempts within ten seconds; a task that fails every eight seconds is restarted forever."""
    restart = {"MaxAttempts": 2, "Window": 10 * SECOND, "Delay": SECOND}
    swarm.deploy("slow", program="broken", restart=restart)
    swarm.deploy("fast", program="broken", restart=restart)
    sim.behave("slow", Behaviour(runs_seconds=8, exit_code=1))
    sim.advance(120)
    assert sim.tasks("slow")
    assert not sim.tasks("fast")
    assert len(sim.tasks("fast", desired=False)) == 3


def test_quick_return_restarts_in_place(sim: Sim, swarm: Swarm) -> None:
    """Power is lost and back before a manager notices: the tasks have failed and are replaced."""
    swarm.run("web", 1, placement=PINNED)
    old = sim.tasks("web")[0]
    sim.cluster.heartbeat_seconds = 5
    sim.crash("alpha")
    sim.boot("alpha")
    sim.wait_until(lambda: sim.where("web") and sim.tasks("web")[0] is not old, 40)
    assert old.state == State.FAILED
    assert sim.node("alpha").state == "ready"


def test_clock_keeps_the_order() -> None:
    clock = Clock(100.0)
    seen: list[str] = []
    clock.after(2, lambda: seen.append("b"))
    clock.after(1, lambda: clock.soon(lambda: seen.append("a")))
    clock.after(2, lambda: seen.append("c"))
    clock.after(1.5, lambda: seen.append("never")).cancel()
    pulse = Pulse(clock, 0.5, lambda: seen.append("pulse"))
    pulse.trigger()
    pulse.trigger()
    clock.run_until(101.9)
    assert (seen, clock.now) == (["pulse", "a"], 101.9)
    assert clock.next_time() == 102.0
    clock.run_until(103)
    assert seen == ["pulse", "a", "b", "c"]
    assert clock.next_time() is None
