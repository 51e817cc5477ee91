# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra what-if``: its options, and the forecast as text and data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from orcastra_runner.settings import UsageError
from orcastra_runner.what_if import forecast_data, forecast_text, forecasts
from tests.support.builders import node, service, snapshot, task

GB = 1024**3


@pytest.fixture
def swarm() -> SwarmSnapshot:
    """Two workers; app may run on either, disk on the first only."""
    return snapshot(
        node("a", memory_bytes=4 * GB),
        node("b", memory_bytes=4 * GB),
        node("old", state="down"),
        service("app"),
        service("disk", constraints=("node.hostname==a",)),
        task("app", "a"),
        task("disk", "a"),
    )


@pytest.fixture
def memory() -> Memory:
    return Memory(
        nodes={f"id-{name}": NodeMemory(name, 4 * GB, 3 * GB) for name in "ab"},
        tasks={"app-1-a-running": GB, "disk-1-a-running": GB},
    )


def test_what_if_one_node_is_lost(swarm: SwarmSnapshot, memory: Memory) -> None:
    found = forecasts(swarm, DesiredState(), memory, ["a"], [])
    text = forecast_text(found, memory)
    assert text.splitlines()[:2] == ["If a is lost:", "  app moves to b"]
    assert "  disk has no suitable node" in text
    assert "  memory of b: 25% of 4 GiB, then 50%" in text
    assert "  => no suitable node for disk" in text
    data = json.loads(json.dumps(forecast_data(found, memory)))
    assert (data["survives"], data["memory_is_known"]) == (False, True)
    assert data["forecasts"][0]["lost"] == ["a"]
    (obstacle,) = data["forecasts"][0]["fates"][1]["obstacles"]
    assert (obstacle["code"], obstacle["params"]["node"]) == ("no_place_on_node", "b")


def test_what_if_reports_tasks_not_replaced_and_lost_majority(memory: Memory) -> None:
    swarm = snapshot(
        *(node(name, role="manager", memory_bytes=4 * GB) for name in "ab"),
        service("app", restart_condition="none"),
        task("app", "a"),
    )
    lines = forecast_text(forecasts(swarm, DesiredState(), memory, ["a"], []), memory).splitlines()
    assert "  app is not replaced: its restart_policy.condition is none" in lines
    assert any(line.startswith("  QUORUM LOST: 1 of 2 managers") for line in lines)
    assert lines[-1] == "  => app is not replaced; no majority of managers"


def test_what_if_combines_several_nodes(swarm: SwarmSnapshot, memory: Memory) -> None:
    found = forecasts(swarm, DesiredState(), memory, ["a", "b"], ["c:8GB", "d:8GB"])
    assert forecast_text(found, memory).startswith("If a, b are lost and c, d are added:")


def test_what_if_any_node_is_lost(swarm: SwarmSnapshot, memory: Memory) -> None:
    found = forecasts(swarm, DesiredState(), memory, ["any"], [])
    assert [forecast.lost for forecast in found] == [("a",), ("b",)]
    assert "Can this swarm lose any one host? No, not a." in forecast_text(found, memory)


def test_what_if_a_node_is_added(swarm: SwarmSnapshot, memory: Memory) -> None:
    (found,) = forecasts(swarm, DesiredState(), memory, ["b"], ["c:1.5GB"])
    assert (found.lost, found.added) == (("b",), ("c",))
    assert {host.name: host.total_bytes for host in found.hosts} == {"a": 4 * GB, "c": int(1.5 * GB)}


def test_what_if_without_measurements(swarm: SwarmSnapshot) -> None:
    found = forecasts(swarm, DesiredState(), Memory(), ["b"], [])
    assert forecast_data(found, Memory())["memory_is_known"] is False
    assert "memory" in forecast_text(found, Memory())


@pytest.mark.parametrize(
    ("lose", "add", "expected"),
    [
        (["x"], [], "--lose x: expected any, or a node of this swarm \\(a, b, old\\)"),
        (["any", "a"], [], "--lose any: expected no other"),
        ([], ["c"], "--add c: expected a name and its memory"),
        ([], ["c:0GB"], "--add c:0GB: expected a name and its memory"),
        ([], ["a:1GB"], "--add a:1GB: "),
        ([], ["c:1GB", "d:1GB", "c:2GB"], "--add c:2GB: expected each name once"),
    ],
)
def test_what_if_rejects_invalid_arguments(
    swarm: SwarmSnapshot, lose: list[str], add: list[str], expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        forecasts(swarm, DesiredState(), Memory(), lose, add)


def forecast(swarm: SwarmSnapshot, lose: list[str], add: list[str]) -> dict[str, Any]:
    """The data of a single forecast."""
    found = forecasts(swarm, DesiredState(), Memory(), lose, add)
    (only,) = forecast_data(found, Memory())["forecasts"]
    return dict(only)


@pytest.fixture
def waiting_swarm() -> SwarmSnapshot:
    """Two services are pending because no node has their labels; the database needs the node with ssd."""
    return snapshot(
        node("node1"),
        node("node2", labels={"ssd": "true"}),
        node("node3"),
        node("old", state="down"),
        service("apps_indexer", constraints=("node.labels.search == true",)),
        service("infra_backup", constraints=("node.labels.disk == hdd",)),
        service("apps_wiki_db", constraints=("node.labels.ssd == true",)),
        service("apps_wiki"),
        task("apps_indexer", None, state="pending", created=1.0),
        task("infra_backup", None, state="pending", created=1.0),
        task("apps_wiki_db", "node2"),
        task("apps_wiki", "node1"),
    )


@pytest.mark.parametrize(
    ("lose", "add", "worse", "moved"),
    [
        (["node1"], [], [], {"apps_wiki": ["node3"]}),
        (["node3"], [], [], {}),
        (["old"], [], [], {}),
        (["node2"], [], ["apps_wiki_db"], {}),
        (["node1", "node2"], [], ["apps_wiki_db"], {"apps_wiki": ["node3"]}),
        ([], ["delta:4GB"], [], {}),
    ],
)
def test_what_if_compares_with_today(
    waiting_swarm: SwarmSnapshot, lose: list[str], add: list[str], worse: list[str], moved: dict[str, Any]
) -> None:
    found = forecast(waiting_swarm, lose, add)
    assert (found["worse"], found["survives"]) == (worse, not worse)
    assert found["waiting"] == ["apps_indexer", "infra_backup"]
    assert {fate["service"]: list(fate["to"]) for fate in found["fates"] if fate["to"]} == moved


def test_what_if_reports_services_that_a_new_node_helps() -> None:
    swarm = snapshot(
        node("a", memory_bytes=GB),
        service("big", reserved_memory_bytes=3 * GB),
        service("odd", constraints=("node.labels.x==1",)),
        task("big", None, state="pending", created=1.0),
        task("odd", None, state="pending", created=1.0),
    )
    data = forecast(swarm, [], ["b:4GB"])
    assert (data["worse"], data["better"], data["waiting"]) == ([], ["big"], ["big", "odd"])


def test_what_if_lists_pending_services_once(waiting_swarm: SwarmSnapshot) -> None:
    text = forecast_text(forecasts(waiting_swarm, DesiredState(), Memory(), ["any"], []), Memory())
    assert text.count("apps_indexer") == 1
    assert "\nAlready pending: apps_indexer, infra_backup." in text
    assert "Can this swarm lose any one host? No, not node2." in text


def test_what_if_an_idle_node_is_lost(waiting_swarm: SwarmSnapshot) -> None:
    quiet = snapshot(*waiting_swarm.nodes)
    assert not forecast(quiet, ["node1"], [])["fates"]
    assert list(forecast(quiet, ["old"], [])["down"]) == ["old"]
