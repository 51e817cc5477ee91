# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event mode on real engines. Polling is off or an hour away, so only events trigger cycles."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.integration.orcastra_runner.swarm_helpers import (
    change_constraints,
    create_service,
    labels,
    running_on,
    set_labels,
)
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.runner_process import running

pytestmark = pytest.mark.lab

WANTED = {"disk": "ssd"}


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "configuration"
    folder.mkdir()
    (folder / "swarm.yml").write_text("nodes:\n  bravo: {labels: {disk: ssd}}\n")
    return folder


def lose_the_label_and_wait(swarm: Lab) -> None:
    set_labels(swarm, "bravo", {})
    wait_until(lambda: labels(swarm, "bravo") == WANTED, timeout=30, what="the label to return")


@pytest.mark.parametrize("polling", ["true", "false"], ids=["with polling", "events alone"])
def test_events_restore_a_removed_label_immediately(swarm: Lab, config_dir: Path, polling: str) -> None:
    host = swarm.leader().docker_host
    with running(config_dir, host, EVENT_MODE="true", POLLING_MODE=polling, RELABEL_TIME="3600") as loop:
        loop.wait_for("verified: the swarm matches the configuration")
        assert labels(swarm, "bravo") == WANTED

        lose_the_label_and_wait(swarm)

        assert loop.said("playbook started") == 0


def test_events_continue_after_engine_restart(swarm: Lab, config_dir: Path) -> None:
    leader = swarm.leader()
    settings = {"EVENT_MODE": "true", "RELABEL_TIME": "3600", "ORCASTRA_LEADER": "always"}
    with running(config_dir, leader.docker_host, **settings) as loop:
        loop.wait_for("verified: the swarm matches the configuration")

        leader.restart_engine()
        loop.wait_for("watch interrupted")
        wait_until(lambda: swarm.leader() is not None, timeout=60, what="the swarm to have a leader")

        lose_the_label_and_wait(swarm)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.8, 1.1, 1.4, 1.7, 2.0])
def test_followers_move_if_anchor_starts_right_after_loop(swarm: Lab, tmp_path: Path, seconds: float) -> None:
    (tmp_path / "swarm.yml").write_text("dependencies:\n  db: {stack: shop, services: [app]}\n")
    create_service(swarm, "shop_app", "alpha")
    change_constraints(swarm, "shop_app")
    host = swarm.leader().docker_host
    with running(tmp_path, host, EVENT_MODE="true", RELABEL_TIME="3600") as loop:
        loop.wait_for("orcastra started")
        time.sleep(seconds)
        create_service(swarm, "shop_db", "bravo")
        wait_until(lambda: labels(swarm, "bravo") == {"db": "true"}, what="the label to be set")
        wait_until(
            lambda: running_on(swarm, "shop_app") == "bravo", what="the follower to be on the anchor's node"
        )


def test_followers_move_if_anchor_moves_while_loop_is_busy(swarm: Lab, tmp_path: Path) -> None:
    (tmp_path / "swarm.yml").write_text("dependencies:\n  db: {stack: shop, services: [app]}\n")
    create_service(swarm, "shop_db", "alpha")
    create_service(swarm, "shop_app", "alpha")
    change_constraints(swarm, "shop_app")
    host = swarm.leader().docker_host
    with running(tmp_path, host, EVENT_MODE="true", RELABEL_TIME="3600") as loop:
        loop.wait_for("orcastra started")
        for target in ("bravo", "charlie", "alpha", "bravo"):
            change_constraints(swarm, "shop_db", f"node.hostname=={target}")
            wait_until(lambda target=target: running_on(swarm, "shop_db") == target, what="the anchor")
        wait_until(lambda: labels(swarm, "bravo") == {"db": "true"}, what="the label to be set")
        wait_until(
            lambda: running_on(swarm, "shop_app") == "bravo", what="the follower to be on the anchor's node"
        )
        others = [labels(swarm, name) for name in ("alpha", "charlie")]
        assert others == [{}, {}]
