# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The next controller finishes every relocation that a killed controller left unfinished."""

from __future__ import annotations

import itertools

import pytest

from tests.integration.anchors.containers import overlaps, runs
from tests.integration.anchors.killing_proxy import KillingProxy
from tests.integration.anchors.stage import ATTEMPTS, Stage
from tests.lab.wait import wait_until
from tests.support.runner_process import Loop

pytestmark = [pytest.mark.lab, pytest.mark.slow]

MOST_WRITES = 40
FOLLOWERS = ("shop_app", "shop_slow")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("before", [True, False], ids=["before it", "after it"])
def test_relocation_survives_kill_at_every_write(stage: Stage, before: bool) -> None:
    """``app`` is moved by a constraint; ``slow`` is scaled to 0 and back.

    Before a write, the swarm is in the same state as after the previous one, apart from the elapsed time. So
    the test kills the controller before every third write and after every second.
    """
    stage.deploy("db", on="alpha")
    stage.deploy("app", volume=True)
    stage.deploy("slow", volume=True, grace=90)
    stage.configure({"db": {"services": ["app", "slow"], "retry_intervals": [0.1] * 5}})
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", *FOLLOWERS, on="alpha")
        forget(stage, loop)
    targets = itertools.cycle(["bravo", "charlie", "alpha"])
    for nth in range(1, MOST_WRITES, 3 if before else 2):
        known = {name: {run.container for run in runs(stage.swarm, name)} for name in FOLLOWERS}
        target = next(targets)
        stage.move("shop_db", target)
        killed = relocate(stage, nth, before)
        if killed:
            with stage.orcastra() as loop:
                stage.wait_settled("shop_db", *FOLLOWERS, on=target)
                forget(stage, loop)
        for name in FOLLOWERS:
            where = f"{name}, killed at write {nth}: {killed}"
            fresh = [run for run in runs(stage.swarm, name) if run.container not in known[name]]
            assert [run.host for run in fresh] == [target], where
            assert overlaps(stage.swarm, name) == [], where
            assert stage.service(name)["Spec"]["Mode"]["Replicated"]["Replicas"] == 1, where
            assert stage.constraints(name) == ["node.labels.db==true"], where
        if not killed:
            break
    assert nth > 5, "a relocation takes more writes than that"


def relocate(stage: Stage, nth: int, before: bool) -> str:
    """Run a controller until it is killed or has finished the relocation.

    Returns its last write if it was killed.
    """
    with (
        KillingProxy(stage.swarm.leader().ip, nth, before=before) as proxy,
        stage.orcastra(engine=proxy.docker_host, ORCASTRA_LEADER="always") as loop,
    ):
        proxy.watch(loop.process)
        wait_until(
            lambda: (
                proxy.killed.is_set()
                or (not stage.settled("shop_db", *FOLLOWERS) and not stage.remembered(ATTEMPTS))
            ),
            45,
            f"the controller to be killed at write {nth}, or to finish",
        )
    return proxy.posts[-1] if proxy.killed.is_set() else ""


def forget(stage: Stage, loop: Loop) -> None:
    """Wait until a loop's saved state has no attempts, so that the next one starts without a backoff."""
    assert loop.process.poll() is None
    wait_until(lambda: not stage.remembered(ATTEMPTS), 20, "attempts to be removed from the saved state")
