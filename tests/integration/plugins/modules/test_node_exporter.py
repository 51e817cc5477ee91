# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node exporter as a service: its creation, and updates that change only differing fields."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.memory import set_availability
from tests.integration.plugins.modules.conftest import Modules
from tests.lab import Lab, image
from tests.support.exporter_image import exporter_image

NAME = "node-exporter"
# the hosts' own exporters use port 9100
ARGS = [
    "--path.procfs=/host/proc",
    "--web.listen-address=:9101",
    "--collector.disable-defaults",
    "--collector.meminfo",
]
DEFINITION = {
    "image": "test/node-exporter:1",
    "args": ARGS,
    "mounts": [{"source": "/proc", "target": "/host/proc", "read_only": True}],
    "labels": {"role": "metrics"},
    "stop_grace_period": "2s",
    "timezone": {"env_tz": "Europe/Berlin"},
    "deploy": {
        "mode": "global",
        "endpoint_mode": "dnsrr",
        "restart_policy": {"condition": "any", "delay": "1s", "max_attempts": 0},
        "labels": {"owner": "ops"},
    },
}


@pytest.fixture(scope="module")
def archive() -> bytes:
    return exporter_image("test/node-exporter:1")


@pytest.fixture(autouse=True)
def exporter(swarm: Lab, archive: bytes) -> None:
    swarm.each(lambda host: image.load(host, archive))


def service(swarm: Lab) -> dict[str, Any]:
    found: dict[str, Any] = swarm["alpha"].api("GET", f"/services/{NAME}")
    return found


def test_node_exporter_from_check_to_idle(swarm: Lab, run_module: Modules) -> None:
    checked = run_module("node_exporter", check=True, definition=DEFINITION)
    assert (checked["changed"], checked["healthy_nodes"]) == (True, [])
    assert swarm["alpha"].api("GET", "/services") == []

    done = run_module("node_exporter", definition=DEFINITION, wait_timeout=60)
    assert [step["summary"] for step in done["plan"]] == [f"create {NAME}"], done
    assert sorted(done["healthy_nodes"]) == ["alpha", "bravo", "charlie"]

    for check in (True, False):
        again = run_module("node_exporter", check=check, definition=DEFINITION, wait_timeout=60)
        assert (again["changed"], again["plan"]) == (False, [])


def test_node_exporter_changes_only_differing_fields(swarm: Lab, run_module: Modules) -> None:
    run_module("node_exporter", definition=DEFINITION, wait_timeout=60)
    before = service(swarm)
    theirs = {**before["Spec"], "Labels": {**before["Spec"]["Labels"], "theirs": "1"}}
    version = {"version": before["Version"]["Index"]}
    swarm["alpha"].api("POST", f"/services/{before['ID']}/update", theirs, version)

    checked = run_module("node_exporter", check=True, definition={"stop_signal": "SIGINT"})
    assert checked["changed"], checked
    path = "TaskTemplate.ContainerSpec.StopSignal"
    assert checked["diff"]["before"] == {f"service {NAME}": {path: None}}
    assert checked["diff"]["after"] == {f"service {NAME}": {path: "SIGINT"}}
    assert service(swarm)["Spec"] == theirs

    done = run_module("node_exporter", definition={"stop_signal": "SIGINT", "args": ARGS}, wait_timeout=60)
    assert (done["changed"], len(done["healthy_nodes"])) == (True, 3), done
    after = service(swarm)["Spec"]
    assert after["TaskTemplate"]["ContainerSpec"].pop("StopSignal") == "SIGINT"
    assert after == theirs


def test_node_exporter_waits_for_a_running_update(swarm: Lab, run_module: Modules) -> None:
    run_module("node_exporter", definition=DEFINITION, wait_timeout=60)
    before = service(swarm)
    theirs = before["Spec"]
    theirs["TaskTemplate"]["ContainerSpec"]["Env"].append("THEIRS=1")
    theirs["UpdateConfig"] = {"Parallelism": 1, "Monitor": 2_000_000_000}
    version = {"version": before["Version"]["Index"]}
    swarm["alpha"].api("POST", f"/services/{before['ID']}/update", theirs, version)
    change = {**DEFINITION, "stop_signal": "SIGINT"}

    left = run_module("node_exporter", definition=change, wait_timeout=0)
    assert [note["text"] for note in left["notes"]] == [
        f"the change to {NAME} waits until Swarm has finished updating it"
    ]
    assert (left["changed"], left["requeue_after"]) == (False, 5)
    late = run_module("node_exporter", definition=change, wait_timeout=1)
    assert late["msg"].startswith(f"timed out after 1 s waiting for Swarm to finish its update of {NAME}"), (
        late
    )

    done = run_module("node_exporter", definition=change, wait_timeout=90)
    assert (done["changed"], len(done["healthy_nodes"])) == (True, 3), done
    assert service(swarm)["PreviousSpec"]["TaskTemplate"] == theirs["TaskTemplate"]


def test_node_exporter_time_zone_keeps_mounts(swarm: Lab, run_module: Modules) -> None:
    run_module("node_exporter", definition=DEFINITION, wait_timeout=60)
    definition = {"timezone": {"bind_local": True}}
    done = run_module("node_exporter", definition=definition, wait_timeout=60)
    assert (done["changed"], len(done["healthy_nodes"])) == (True, 3), done
    mounts = service(swarm)["Spec"]["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert [mount["Target"] for mount in mounts] == ["/host/proc", "/etc/localtime"]
    assert not run_module("node_exporter", definition=definition, wait_timeout=60)["changed"]


def test_node_exporter_does_not_wait_for_paused_node(swarm: Lab, run_module: Modules) -> None:
    set_availability(swarm, "charlie", "pause")
    done = run_module("node_exporter", definition=DEFINITION, wait_timeout=60)
    assert sorted(done.get("healthy_nodes", [])) == ["alpha", "bravo"], done


def test_node_exporter_reports_a_failed_start_and_recovers(swarm: Lab, run_module: Modules) -> None:
    wrong = {**DEFINITION, "args": [*ARGS, "--nonsense"]}
    failed = run_module("node_exporter", definition=wrong, wait_timeout=5)
    assert failed["failed"]
    assert failed["msg"].startswith(f"{NAME} is not healthy after 5 s: ")
    assert "it does not run (task: non-zero exit (1))" in failed["msg"]
    assert all(f"node {host.name}: " in failed["msg"] for host in swarm), failed

    done = run_module("node_exporter", definition=DEFINITION, wait_timeout=90)
    assert sorted(done.get("healthy_nodes", [])) == ["alpha", "bravo", "charlie"], done


def test_node_exporter_without_definition_keeps_the_users_service(swarm: Lab, run_module: Modules) -> None:
    run_module("node_exporter", definition=DEFINITION, wait_timeout=60)

    for check in (True, False):
        refused = run_module("node_exporter", check=check)
        assert refused["failed"]
        assert "definition: expected one" in refused["msg"]
    assert not run_module("node_exporter", definition=DEFINITION, wait_timeout=60)["changed"]


def test_node_exporter_refuses_invalid_definition_with_all_problems(swarm: Lab, run_module: Modules) -> None:
    refused = run_module("node_exporter", definition={"imag": "x", "args": "--all"})
    assert refused["failed"]
    assert "imag: expected one of name, image," in refused["msg"]
    assert "args: expected a list of arguments, found '--all'" in refused["msg"]
    assert swarm["alpha"].api("GET", "/services") == []
