# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is asked, and how the answers are put together."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources
from ansible_collections.orcastra.swarm.plugins.module_utils._observe import metrics
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import Meter, measure
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.prometheus import query_urls
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import (
    NODE_AVAILABLE,
    NODE_TOTAL,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.scrape import Answer, Question
from tests.unit.builders import node, picture, service, task

TEMPLATE = MetricSources(node_exporter_url="http://{address}:9100/metrics")
A, B = node("a", address="10.0.0.1"), node("b", address="10.0.0.2")


def exporter(total: int = 100, available: int = 40, **tasks: int) -> bytes:
    """A page of a node exporter; ``tasks``: what its textfile says, of the service ``id-app``."""
    lines = [f"{NODE_TOTAL} {total}", f"{NODE_AVAILABLE} {available}", "node_time_seconds 1000"]
    lines += ["orcastra_container_memory_timestamp_seconds 990"] if tasks else []
    lines += [
        f'orcastra_container_memory_bytes{{task_id="{name}",service_id="id-app"}} {size}'
        for name, size in tasks.items()
    ]
    return "\n".join([*lines, ""]).encode()


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """URL → body; what isn't here doesn't answer. Filled by the tests."""
    found: dict[str, Any] = {}

    def ask_all(questions: Iterable[Question], **_options: Any) -> dict[str, Answer]:
        answers = {}
        for question in questions:
            body = found.get(question.url)
            answers[question.url] = (
                Answer(problem="Connection refused")
                if body is None
                else Answer(question.read(body), received=1000)
            )
        return answers

    monkeypatch.setattr(metrics, "ask_all", ask_all)
    return found


def test_every_node_is_asked_at_its_address(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = exporter(100, 40)
    pages["http://[fd00::3]:9100/metrics"] = exporter(200, 250)
    sixth = node("six", address="fd00::3")
    found = measure(picture(A, B, sixth), TEMPLATE)
    assert found.nodes == {"id-a": NodeMemory("a", 100, 40), "id-six": NodeMemory("six", 200, 200)}
    assert found.problems == ("node b: http://10.0.0.2:9100/metrics: Connection refused",)


def test_a_failed_scrape_does_not_cost_a_sample_that_is_young_enough(
    pages: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://10.0.0.1:9100/metrics"
    pages[url] = exporter(100, 40, t1=7)
    swarm = picture(A, service("app"), replace(task("app", "a"), id="t1"))
    meter = Meter()
    first = meter.measure(swarm, TEMPLATE)
    assert (first.nodes, first.tasks, first.problems) == ({"id-a": NodeMemory("a", 100, 40)}, {"t1": 7}, ())

    del pages[url]
    # what is in the textfile was 10 s old then
    for now, nodes, tasks in ((1050.0, 1, 1), (1055.0, 1, 0), (1061.0, 0, 0), (1050.0, 1, 1)):
        monkeypatch.setattr(metrics.time, "time", lambda now=now: now)
        found = meter.measure(swarm, TEMPLATE)
        assert (len(found.nodes), len(found.tasks)) == (nodes, tasks)
        assert found.problems[0].startswith(f"node a: {url}: Connection refused")
        assert found.problems[0].endswith("; its answer from before counts") == bool(nodes)
    # a single measurement has none to fall back on
    assert measure(swarm, TEMPLATE).nodes == {}


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::"])
def test_a_node_whose_address_is_not_known(pages: dict[str, Any], address: str) -> None:
    found = measure(picture(node("a", address=address)), TEMPLATE)
    assert found.problems == ("node a: no node exporter is named for it",)


def test_a_node_that_joined_again_goes_by_its_host_name(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = exporter(100, 40)
    stale = node("old", hostname="a", state="down", address="10.0.0.1")
    assert measure(picture(A, stale), TEMPLATE).nodes["id-a"].host == "a"
    (problem,) = measure(picture(node("a", address=""), stale), TEMPLATE).problems
    assert problem == "node a: no node exporter is named for it"


def test_nodes_with_one_host_name_are_told_apart_by_their_ids(pages: dict[str, Any]) -> None:
    twin = node("twin", hostname="a", address="10.0.0.9")
    pages["http://10.0.0.1:9100/metrics"] = pages["http://10.0.0.9:9100/metrics"] = exporter(100, 40)
    found = measure(picture(A, twin), TEMPLATE)
    assert {one.host for one in found.nodes.values()} == {"a (id-a)", "a (id-twin)"}


def test_a_node_that_is_down_is_not_asked(pages: dict[str, Any]) -> None:
    assert measure(picture(node("a", address="10.0.0.1", state="down")), TEMPLATE) == Memory()


def test_of_a_virtual_machine_its_host_counts_and_its_own_exporter_knows_the_tasks(
    pages: dict[str, Any],
) -> None:
    sources = MetricSources(
        node_exporters={"a": "http://vm-a/", "host-1": "http://host/", "b": "http://vm-b/"},
        node_map={"a": "host-1", "id-b": "host-1"},
    )
    running = task("app", "a")
    pages |= {"http://host/": exporter(1000, 300), "http://vm-a/": exporter(10, 1, **{running.id: 7})}
    found = measure(picture(A, B, service("app"), running), sources)
    host = NodeMemory("host-1", 1000, 300)
    assert (found.nodes, found.tasks) == ({"id-a": host, "id-b": host}, {running.id: 7})
    assert found.problems == ("node b: http://vm-b/: Connection refused",)


def test_a_host_without_an_exporter(pages: dict[str, Any]) -> None:
    sources = MetricSources(node_exporters={"a": "http://vm-a/"}, node_map={"a": "host-1"})
    pages["http://vm-a/"] = exporter()
    found = measure(picture(A), sources)
    assert (found.nodes, found.problems) == ({}, ("node a: no node exporter is named for its host host-1",))


def test_nodes_with_one_url_are_one_host(pages: dict[str, Any]) -> None:
    pages["http://x/"] = exporter()
    found = measure(picture(A, B), MetricSources(node_exporters={"a": "http://x/", "b": "http://x/"}))
    assert {sample.host for sample in found.nodes.values()} == {"a"}


def named(name: str) -> bytes:
    return exporter() + f'node_uname_info{{nodename="{name}"}} 1\n'.encode()


def about(node_id: str) -> bytes:
    return exporter(t1=7).replace(b"{task_id", f'{{node_id="{node_id}",task_id'.encode())


@pytest.mark.parametrize("page", [named("b"), about("id-b")])
def test_the_exporter_of_another_node_counts_for_nothing(pages: dict[str, Any], page: bytes) -> None:
    pages |= {"http://10.0.0.1:9100/metrics": page, "http://10.0.0.2:9100/metrics": page}
    found = measure(picture(A, B), TEMPLATE)
    assert list(found.nodes) == ["id-b"]
    assert found.problems[:1] == (
        "node a: http://10.0.0.1:9100/metrics: expected the exporter of this node, found that of b",
    )


@pytest.mark.parametrize("page", [named("0123456789ab"), named("a"), about("id-gone"), about("id-a")])
def test_a_name_that_is_no_other_nodes_is_no_fault(pages: dict[str, Any], page: bytes) -> None:
    pages |= {"http://10.0.0.1:9100/metrics": page}
    assert measure(picture(A), TEMPLATE).problems == ()


def test_a_host_may_be_a_node_itself(pages: dict[str, Any]) -> None:
    pages["http://b/"] = named("b")
    mapped = MetricSources(node_exporters={"b": "http://b/"}, node_map={"a": "b"})
    shared = MetricSources(node_exporters={"a": "http://b/", "b": "http://b/"})
    for sources in (mapped, shared):
        found = measure(picture(A, B), sources)
        assert (len(found.nodes), found.problems) == (2, ())


def test_names_that_are_nobodys_are_told(pages: dict[str, Any]) -> None:
    sources = MetricSources(
        node_exporters={"a": "http://a/", "x": "http://x/"}, node_map={"y": "z"}, cadvisors={"w": "http://w/"}
    )
    pages["http://a/"] = exporter()
    problems = measure(picture(A), sources).problems
    said = "no node of this swarm has this host name or ID"
    assert problems == (f"node_exporters.x: {said}", f"metrics.cadvisors.w: {said}", f"node_map.y: {said}")


def test_a_page_of_something_else(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = b"<html>"
    (problem,) = measure(picture(A), TEMPLATE).problems
    assert problem.endswith("expected the metrics of a node exporter, found none of memory")


def test_memory_of_tasks_and_what_is_typical_of_their_service(pages: dict[str, Any]) -> None:
    first, second = task("app", "a"), task("app", "a", slot=2)
    pages["http://10.0.0.1:9100/metrics"] = exporter(**{first.id: 30, "gone": 10})
    found = measure(picture(A, service("app"), service("other"), first, second), TEMPLATE)
    assert (found.tasks, found.services) == ({first.id: 30}, {"id-app": 20})


def test_where_no_task_is_measured_it_is_said_once(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = exporter()
    found = measure(picture(A, service("app"), task("app", "a")), TEMPLATE)
    assert [problem.partition(" (")[0] for problem in found.problems] == [
        "no endpoint tells the memory of tasks"
    ]


def test_a_server_knows_what_nobody_else_tells(pages: dict[str, Any]) -> None:
    sources = MetricSources(node_exporters={"a": "http://a/"}, prometheus_url="http://prometheus")
    nodes, textfiles, cadvisor = query_urls("http://prometheus", 60)
    pages["http://a/"] = exporter(100, 40)
    pages[nodes] = reply(
        (NODE_TOTAL, {"instance": "10.0.0.1:9100"}, 999),
        (NODE_AVAILABLE, {"instance": "10.0.0.1:9100"}, 999),
        (NODE_TOTAL, {"instance": "b:9100"}, 500),
        (NODE_AVAILABLE, {"instance": "b:9100"}, 100),
    )
    pages[textfiles] = reply()
    labels = {
        "instance": "b:8080",
        "container_label_com_docker_swarm_task_id": "app-1-b-running",
        "container_label_com_docker_swarm_service_id": "id-app",
    }
    pages[cadvisor] = reply(("container_memory_working_set_bytes", labels, 55))
    seen = picture(A, B, node("c", address="10.0.0.3"), service("app"), task("app", "b"))
    found = measure(seen, sources)
    assert found.nodes == {"id-a": NodeMemory("a", 100, 40), "id-b": NodeMemory("b", 500, 100)}
    assert found.tasks == {"app-1-b-running": 55}
    assert found.problems == ("node c: http://prometheus knows no memory of it",)


def test_a_server_that_does_not_answer(pages: dict[str, Any]) -> None:
    problems = measure(picture(A), MetricSources(prometheus_url="http://prometheus")).problems
    assert problems == (
        "http://prometheus: Connection refused",
        "node a: http://prometheus knows no memory of it",
    )


def reply(*series: tuple[str, dict[str, str], int]) -> bytes:
    """A server's reply with one sample of each series, a moment old."""
    result = [
        {"metric": {"__name__": name, **labels}, "values": [[990, str(value)]]}
        for name, labels, value in series
    ]
    return json.dumps({"status": "success", "data": {"result": result}}).encode()
