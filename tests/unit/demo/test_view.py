# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's view of the swarm, and its sentences, from the data of the API."""

from __future__ import annotations

from typing import Any

import pytest

from demo.scenes import down_command, together_text, waiting_text
from demo.view import View


def node(name: str, leader: bool = False, state: str = "ready", **labels: str) -> dict[str, Any]:
    return {
        "ID": f"id-{name}",
        "Description": {"Hostname": name},
        "Spec": {"Role": "manager", "Availability": "active", "Labels": labels},
        "Status": {"State": state},
        "ManagerStatus": {"Leader": leader},
    }


def service(name: str, replicas: int | None = 1, *constraints: str) -> dict[str, Any]:
    mode = {"Global": {}} if replicas is None else {"Replicated": {"Replicas": replicas}}
    placement = {"Placement": {"Constraints": list(constraints)}} if constraints else {}
    return {"ID": f"id-{name}", "Spec": {"Name": name, "Mode": mode, "TaskTemplate": placement}}


def task(of: str, where: str | None = None, state: str = "running") -> dict[str, Any]:
    found: dict[str, Any] = {"ServiceID": f"id-{of}", "Status": {"State": state}}
    return found if where is None else {**found, "NodeID": f"id-{where}"}


NODES = [node("bravo", ssd="true", db="true"), node("alpha", leader=True)]


@pytest.mark.parametrize(
    ("tasks", "settled", "all_run"),
    [
        ([], False, False),
        ([task("shop_app", "bravo"), task("shop_app", "bravo", "starting")], False, False),
        ([task("shop_app", "bravo"), task("shop_app", "bravo", "pending")], False, False),
        ([task("shop_app", "bravo"), task("shop_app", state="pending")], True, False),
        ([task("shop_app", "bravo"), task("shop_app", "alpha")], True, True),
    ],
)
def test_settled_if_each_task_runs_or_waits_for_a_node(
    tasks: list[dict[str, Any]], settled: bool, all_run: bool
) -> None:
    view = View(NODES, [service("shop_app", 2)], tasks)
    assert (view.settled, view.all_run) == (settled, all_run)


def test_all_run_ignores_nodes_that_are_down_for_global_services() -> None:
    nodes = [node("alpha"), node("bravo", state="down")]
    assert View(nodes, [service("shop_metrics", None)], [task("shop_metrics", "alpha")]).all_run


def test_waiting_text() -> None:
    waiting = [task("shop_app", state="pending"), task("shop_db", state="pending")]
    services = [service("shop_app"), service("shop_db"), service("shop_proxy")]
    assert waiting_text(View(NODES, services, [])) == "All services run."
    assert waiting_text(View(NODES, services, waiting[:1])) == "shop_app is pending."
    assert waiting_text(View(NODES, services, waiting)) == "shop_app and shop_db are pending."


@pytest.mark.parametrize(
    ("cache_on", "text"),
    [
        ("bravo", "The database runs on bravo, and so do app and cache."),
        ("alpha", "The database runs on bravo; elsewhere: shop_cache."),
    ],
)
def test_together_text(cache_on: str, text: str) -> None:
    names = ("shop_db", "shop_app", "shop_cache")
    tasks = [task("shop_db", "bravo"), task("shop_app", "bravo"), task("shop_cache", cache_on)]
    assert together_text(View(NODES, [service(name) for name in names], tasks)) == text


def test_down_command_names_other_labs() -> None:
    assert down_command("demo") == "make demo-down"
    assert down_command("other").endswith("demo down --name other")


def test_is_down_and_runs_after_the_loss_of_a_node() -> None:
    view = View(
        [node("alpha", db="true"), node("bravo", state="down")],
        [service("shop_app", 2), service("shop_db")],
        [task("shop_app", "alpha"), task("shop_app", state="pending"), task("shop_db", "alpha")],
    )
    assert [view.is_down(host) for host in ("alpha", "bravo")] == [False, True]
    assert view.hosts_with("db") == ["alpha"]
    assert view.runs("shop_db")
    assert not view.runs("shop_app")
