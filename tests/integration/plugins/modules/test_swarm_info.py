# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from tests.integration.plugins.modules.conftest import Modules
from tests.lab import Lab


def test_swarm_info_shows_the_swarm_and_the_saved_state(run_module: Modules, swarm: Lab) -> None:
    run_module("label_sync", nodes={"alpha": {"labels": ["ssd"]}})

    seen = run_module("swarm_info", tasks="all")

    assert not seen["changed"]
    assert [node["hostname"] for node in seen["nodes"]] == ["alpha", "bravo", "charlie"]
    alpha = seen["nodes"][0]
    assert alpha["labels"] == {"ssd": "true"}
    assert alpha["address"] == swarm["alpha"].ip
    assert seen["local_node_id"] == alpha["id"]
    assert seen["state"] == {"owned_labels": {alpha["id"]: ["ssd"]}, "damage": []}
    assert seen["services"] == seen["commands"] == []


def test_swarm_info_reports_unreachable_engine(run_module: Modules) -> None:
    failed = run_module("swarm_info", docker_host="tcp://127.0.0.1:1")

    assert failed["failed"]
    assert failed["msg"].startswith("tcp://127.0.0.1:1: the engine cannot be reached")
