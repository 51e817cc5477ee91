# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event mode on real engines. Polling is off or an hour away: whatever happens is an event's doing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.orcastra_runner.swarm_helpers import labels, set_labels
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.runner_process import running

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
def test_a_label_removed_by_hand_returns_at_once(swarm: Lab, config_dir: Path, polling: str) -> None:
    host = swarm.leader().docker_host
    with running(config_dir, host, EVENT_MODE="true", POLLING_MODE=polling, RELABEL_TIME="3600") as loop:
        loop.wait_for("looked again: everything is as configured")
        assert labels(swarm, "bravo") == WANTED

        lose_the_label_and_wait(swarm)

        assert loop.said("starting a playbook") == 0


def test_the_restart_of_the_engine_is_survived(swarm: Lab, config_dir: Path) -> None:
    leader = swarm.leader()
    settings = {"EVENT_MODE": "true", "RELABEL_TIME": "3600", "ORCASTRA_LEADER": "always"}
    with running(config_dir, leader.docker_host, **settings) as loop:
        loop.wait_for("looked again: everything is as configured")

        leader.restart_engine()
        loop.wait_for("watching was interrupted")
        wait_until(lambda: swarm.leader() is not None, timeout=60, what="the swarm to have a leader")

        lose_the_label_and_wait(swarm)
