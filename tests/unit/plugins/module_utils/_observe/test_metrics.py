# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which endpoints are queried, and how their answers are combined."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import ObservedVolume
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import MetricSources
from ansible_collections.orcastra.swarm.plugins.module_utils._observe import metrics
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import Meter, measure
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.prometheus import query_urls
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import (
    NODE_AVAILABLE,
    NODE_TOTAL,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.scrape import Answer, Question
from tests.support.builders import node, service, snapshot, task

TEMPLATE = MetricSources(node_exporter_url="http://{address}:9100/metrics")
A, B = node("a", address="10.0.0.1"), node("b", address="10.0.0.2")


def exporter(total: int = 100, available: int = 40, **tasks: int) -> bytes:
    """A page of a node exporter. ``tasks``: the tasks of the service ``id-app`` in its textfile."""
    lines = [f"{NODE_TOTAL} {total}", f"{NODE_AVAILABLE} {available}", "node_time_seconds 1000"]
    lines += ["orcastra_container_memory_timestamp_seconds 990"] if tasks else []
    lines += [
        f'orcastra_container_memory_bytes{{task_id="{name}",service_id="id-app"}} {size}'
        for name, size in tasks.items()
    ]
    return "\n".join([*lines, ""]).encode()


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """URL → body, filled by the tests. Other URLs do not answer."""
    found: dict[str, Any] = {}

    def ask_all(questions: Iterable[Question], **_options: Any) -> dict[str, Answer]:
        answers = {}
        for question in questions:
            body = found.get(question.url)
            answers[question.url] = (
                Answer(problem="Connection refused")
                if body is None
                else Answer(read(question, body), received=1000)
            )
        return answers

    def read(question: Question, body: bytes) -> Any:
        assert question.reader is not None
        reader = question.reader("")
        reader.feed(body)
        return reader.close()

    monkeypatch.setattr(metrics, "ask_all", ask_all)
    return found


def test_measure_sends_login_to_its_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}

    def ask_all(questions: Iterable[Question], **_options: Any) -> dict[str, Answer]:
        sent.update({question.url: dict(question.headers) for question in questions})
        return {url: Answer(problem="no") for url in sent}

    monkeypatch.setattr(metrics, "ask_all", ask_all)
    sources = MetricSources(
        node_exporters={"a": "http://a/", "host-1": "http://host/"},
        node_map={"c": "host-1"},
        node_exporter_url="http://{address}:9100/metrics",
        cadvisors={"b": "http://cb/"},
        cadvisor_url="http://{hostname}:8080/metrics",
        prometheus_url="http://p",
        headers={
            "http://a/": {"X": "a"},
            "http://host/": {"X": "host"},
            "http://{address}:9100/metrics": {"X": "each"},
            "http://{hostname}:8080/metrics": {"X": "each cadvisor"},
            "http://p": {"X": "server"},
        },
    )
    measure(snapshot(A, B, node("c", address="10.0.0.3")), sources)
    found = {url: headers.get("X") for url, headers in sent.items() if "/api/v1/query" not in url}
    assert found == {
        "http://a/": "a",
        "http://10.0.0.2:9100/metrics": "each",
        "http://10.0.0.3:9100/metrics": "each",
        "http://host/": "host",
        "http://a:8080/metrics": "each cadvisor",
        "http://cb/": None,
        "http://c:8080/metrics": "each cadvisor",
    }
    assert {sent[url]["X"] for url in query_urls("http://p", 60)} == {"server"}


@pytest.mark.parametrize("name", ["evil/x", "evil@10.0.0.9", "evil?", "a b", "evil#", "[::1]", "-x", "", "ü"])
def test_measure_skips_unsafe_host_names(pages: dict[str, Any], name: str) -> None:
    seen = snapshot(node(name, address="10.0.0.1"))
    found = measure(seen, MetricSources(node_exporter_url="http://{hostname}:9100/metrics"))
    assert codes(found.problems) == ["exporter_not_configured"]


def test_measure_queries_address_of_each_node(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = exporter(100, 40)
    pages["http://[fd00::3]:9100/metrics"] = exporter(200, 250)
    sixth = node("six", address="fd00::3")
    found = measure(snapshot(A, B, sixth), TEMPLATE)
    assert found.nodes == {"id-a": NodeMemory("a", 100, 40), "id-six": NodeMemory("six", 200, 200)}
    url = "http://10.0.0.2:9100/metrics"
    assert found.problems == (Reason("endpoint_failed", node="b", url=url, problem="Connection refused"),)


def test_meter_uses_last_answer_of_failed_endpoint(
    pages: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://10.0.0.1:9100/metrics"
    pages[url] = exporter(100, 40, t1=7)
    swarm = snapshot(A, service("app"), replace(task("app", "a"), id="t1"))
    meter = Meter()
    first = meter.measure(swarm, TEMPLATE)
    assert (first.nodes, first.tasks, first.problems) == ({"id-a": NodeMemory("a", 100, 40)}, {"t1": 7}, ())

    del pages[url]
    # the content of the textfile was 10 s old at that time
    for now, nodes, tasks in ((1050.0, 1, 1), (1055.0, 1, 0), (1061.0, 0, 0), (1050.0, 1, 1)):
        monkeypatch.setattr(metrics.time, "time", lambda now=now: now)
        found = meter.measure(swarm, TEMPLATE)
        assert (len(found.nodes), len(found.tasks)) == (nodes, tasks)
        code = "endpoint_failed_using_last_answer" if nodes else "endpoint_failed"
        assert found.problems[0] == Reason(code, node="a", url=url, problem="Connection refused")
    # a single measurement has no earlier answer
    assert measure(swarm, TEMPLATE).nodes == {}


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::"])
def test_measure_reports_node_without_address(pages: dict[str, Any], address: str) -> None:
    found = measure(snapshot(node("a", address=address)), TEMPLATE)
    assert found.problems == (Reason("exporter_not_configured", node="a", host=None),)


def test_measure_ignores_stale_entry_of_host_name(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = exporter(100, 40)
    stale = node("old", hostname="a", state="down", address="10.0.0.1")
    assert measure(snapshot(A, stale), TEMPLATE).nodes["id-a"].host == "a"
    (problem,) = measure(snapshot(node("a", address=""), stale), TEMPLATE).problems
    assert problem.code == "exporter_not_configured"


def test_measure_distinguishes_duplicate_host_names_by_id(pages: dict[str, Any]) -> None:
    twin = node("twin", hostname="a", address="10.0.0.9")
    pages["http://10.0.0.1:9100/metrics"] = pages["http://10.0.0.9:9100/metrics"] = exporter(100, 40)
    found = measure(snapshot(A, twin), TEMPLATE)
    assert {one.host for one in found.nodes.values()} == {"id-a", "id-twin"}


def test_measure_skips_down_nodes(pages: dict[str, Any]) -> None:
    assert measure(snapshot(node("a", address="10.0.0.1", state="down")), TEMPLATE) == Memory()


def test_measure_uses_host_memory_and_own_tasks_of_virtual_machine(
    pages: dict[str, Any],
) -> None:
    sources = MetricSources(
        node_exporters={"a": "http://vm-a/", "host-1": "http://host/", "b": "http://vm-b/"},
        node_map={"a": "host-1", "id-b": "host-1"},
    )
    running = task("app", "a")
    pages |= {"http://host/": exporter(1000, 300), "http://vm-a/": exporter(10, 1, **{running.id: 7})}
    found = measure(snapshot(A, B, service("app"), running), sources)
    host = NodeMemory("host-1", 1000, 300)
    assert (found.nodes, found.tasks) == ({"id-a": host, "id-b": host}, {running.id: 7})
    (problem,) = found.problems
    assert (problem.code, problem.params["url"]) == ("endpoint_failed", "http://vm-b/")


def test_measure_reports_host_without_exporter(pages: dict[str, Any]) -> None:
    sources = MetricSources(node_exporters={"a": "http://vm-a/"}, node_map={"a": "host-1"})
    pages["http://vm-a/"] = exporter()
    found = measure(snapshot(A), sources)
    assert found.nodes == {}
    assert found.problems == (Reason("exporter_not_configured", node="a", host="host-1"),)


def test_measure_treats_nodes_with_same_url_as_one_host(pages: dict[str, Any]) -> None:
    pages["http://x/"] = exporter()
    found = measure(snapshot(A, B), MetricSources(node_exporters={"a": "http://x/", "b": "http://x/"}))
    assert {sample.host for sample in found.nodes.values()} == {"a"}


def named(name: str) -> bytes:
    return exporter() + f'node_uname_info{{nodename="{name}"}} 1\n'.encode()


def about(node_id: str) -> bytes:
    return exporter(t1=7).replace(b"{task_id", f'{{node_id="{node_id}",task_id'.encode())


@pytest.mark.parametrize("page", [named("b"), about("id-b")])
def test_measure_rejects_exporter_of_another_node(pages: dict[str, Any], page: bytes) -> None:
    pages |= {"http://10.0.0.1:9100/metrics": page, "http://10.0.0.2:9100/metrics": page}
    found = measure(snapshot(A, B), TEMPLATE)
    assert list(found.nodes) == ["id-b"]
    url = "http://10.0.0.1:9100/metrics"
    assert found.problems[0] == Reason("exporter_of_other_node", node="a", url=url, other="b")


@pytest.mark.parametrize("page", [named("0123456789ab"), named("a"), about("id-gone"), about("id-a")])
def test_measure_accepts_exporter_with_unknown_name(pages: dict[str, Any], page: bytes) -> None:
    pages |= {"http://10.0.0.1:9100/metrics": page}
    assert measure(snapshot(A), TEMPLATE).problems == ()


def test_measure_accepts_host_that_is_also_a_node(pages: dict[str, Any]) -> None:
    pages["http://b/"] = named("b")
    mapped = MetricSources(node_exporters={"b": "http://b/"}, node_map={"a": "b"})
    shared = MetricSources(node_exporters={"a": "http://b/", "b": "http://b/"})
    for sources in (mapped, shared):
        found = measure(snapshot(A, B), sources)
        assert (len(found.nodes), found.problems) == (2, ())


def test_measure_reports_unknown_names(pages: dict[str, Any]) -> None:
    sources = MetricSources(
        node_exporters={"a": "http://a/", "x": "http://x/"}, node_map={"y": "z"}, cadvisors={"w": "http://w/"}
    )
    pages["http://a/"] = exporter()
    problems = measure(snapshot(A), sources).problems
    keys = ("node_exporters.x", "metrics.cadvisors.w", "node_map.y")
    assert problems == tuple(Reason("metrics_name_unknown", key=key) for key in keys)


def test_measure_reports_page_without_memory(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = b"<html>"
    assert codes(measure(snapshot(A), TEMPLATE).problems) == ["exporter_without_memory"]


def test_measure_returns_memory_of_tasks_and_average_of_services(pages: dict[str, Any]) -> None:
    first, second = task("app", "a"), task("app", "a", slot=2)
    ended = task("app", "a", slot=3, state="shutdown", desired_state="shutdown")
    pages["http://10.0.0.1:9100/metrics"] = exporter(**{first.id: 30, ended.id: 10, "gone": 1000})
    found = measure(snapshot(A, service("app"), service("other"), first, second, ended), TEMPLATE)
    assert (found.tasks, found.services) == ({first.id: 30}, {"id-app": 20})
    assert found.problems == ()


def test_measure_takes_service_of_task_from_swarm(pages: dict[str, Any]) -> None:
    mine = task("other", "a")
    pages["http://10.0.0.1:9100/metrics"] = exporter(**{mine.id: 30})
    found = measure(snapshot(A, service("app"), service("other"), mine), TEMPLATE)
    assert found.services == {"id-other": 30}


def cadvisor(**tasks: int) -> bytes:
    return "".join(
        f'container_memory_working_set_bytes{{container_label_com_docker_swarm_task_id="{name}"}} {size}\n'
        for name, size in tasks.items()
    ).encode()


@pytest.mark.parametrize("page", [exporter, lambda **tasks: exporter() + cadvisor(**tasks)])
def test_measure_ignores_tasks_of_other_nodes_in_exporter(pages: dict[str, Any], page: Any) -> None:
    mine, theirs, nowhere = task("app", "a"), task("app", "b", slot=2), task("app", None, slot=3)
    pages["http://10.0.0.1:9100/metrics"] = page(**{mine.id: 1, theirs.id: 10**12, nowhere.id: 10**12})
    pages["http://10.0.0.2:9100/metrics"] = page(**{theirs.id: 2})
    found = measure(snapshot(A, B, service("app"), mine, theirs, nowhere), TEMPLATE)
    assert found.tasks == {mine.id: 1, theirs.id: 2}
    assert found.services == {"id-app": 1}
    (problem,) = found.problems
    assert (problem.code, problem.params["node"]) == ("endpoint_tasks_foreign", "a")
    # even if the other exporter does not answer
    del pages["http://10.0.0.2:9100/metrics"]
    assert measure(snapshot(A, B, service("app"), mine, theirs), TEMPLATE).tasks == {mine.id: 1}


def test_measure_ignores_tasks_of_other_nodes_in_cadvisor(pages: dict[str, Any]) -> None:
    sources = replace(TEMPLATE, cadvisor_url="http://{address}:8080/metrics")
    mine, theirs = task("app", "a"), task("app", "b", slot=2)
    pages["http://10.0.0.1:9100/metrics"] = exporter(**{mine.id: 1})
    pages["http://10.0.0.1:8080/metrics"] = cadvisor(**{mine.id: 7, theirs.id: 7})
    pages["http://10.0.0.2:9100/metrics"] = exporter()
    pages["http://10.0.0.2:8080/metrics"] = cadvisor(**{theirs.id: 3, mine.id: 9})
    assert measure(snapshot(A, B, service("app"), mine, theirs), sources).tasks == {mine.id: 1, theirs.id: 3}


def test_measure_accepts_shared_exporter_of_one_host(pages: dict[str, Any]) -> None:
    first, second = task("app", "a"), task("app", "b", slot=2)
    pages["http://x/"] = exporter(**{first.id: 1, second.id: 2})
    sources = MetricSources(node_exporters={"a": "http://x/", "b": "http://x/"})
    found = measure(snapshot(A, B, service("app"), first, second), sources)
    assert (found.tasks, found.problems) == ({first.id: 1, second.id: 2}, ())


def test_measure_reports_long_lines(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = exporter(**{"x" * 10_000: 1})
    found = measure(snapshot(A), TEMPLATE)
    assert found.nodes == {"id-a": NodeMemory("a", 100, 40)}
    assert codes(found.problems) == ["endpoint_lines_too_long"]


def test_measure_hides_query_of_url(pages: dict[str, Any]) -> None:
    sources = MetricSources(
        node_exporters={"a": "http://x/?token=s3cret"}, prometheus_url="http://p/?t=s3cret"
    )
    assert "s3cret" not in str(measure(snapshot(A), sources))


def test_measure_reports_node_that_waits_for_memory(pages: dict[str, Any]) -> None:
    waiting = b"orcastra_memory_waiting_ratio 0.2\norcastra_container_memory_timestamp_seconds 990\n"
    pages["http://10.0.0.1:9100/metrics"] = exporter() + waiting
    pages["http://10.0.0.2:9100/metrics"] = exporter()
    found = measure(snapshot(A, B), TEMPLATE)
    assert {name: sample.is_strained for name, sample in found.nodes.items()} == {"id-a": True, "id-b": False}
    assert codes(found.problems) == ["node_waits_for_memory"]


def test_measure_reports_missing_task_memory_once(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = exporter()
    found = measure(snapshot(A, service("app"), task("app", "a")), TEMPLATE)
    assert codes(found.problems) == ["task_memory_unknown"]


SERVER = MetricSources(prometheus_url="http://prometheus")
Series = tuple[str, dict[str, str], int]


def ask_server(
    pages: dict[str, Any],
    parts: Any,
    *,
    nodes: tuple[Series, ...] = (),
    textfiles: tuple[Series, ...] = (),
    cadvisors: tuple[Series, ...] = (),
    sources: MetricSources = SERVER,
) -> Memory:
    """Measure with a server that has these series."""
    for url, series in zip(query_urls("http://prometheus", 60), (nodes, textfiles, cadvisors), strict=True):
        pages[url] = reply(*series)
    return measure(snapshot(*parts), sources)


def memory_of(instance: str, total: int, available: int, **labels: str) -> tuple[Series, ...]:
    """The two series of a node exporter on a server."""
    named = {"instance": instance, **labels}
    return (NODE_TOTAL, named, total), (NODE_AVAILABLE, named, available)


def task_at(instance: str, task_id: str, size: int, **labels: str) -> Series:
    """The series of a container from cAdvisor."""
    named = {"instance": instance, "container_label_com_docker_swarm_task_id": task_id, **labels}
    return "container_memory_working_set_bytes", named, size


def textfile_at(instance: str, *tasks: tuple[str, int], **labels: str) -> tuple[Series, ...]:
    """The series of a textfile with ``tasks``."""
    written = ("orcastra_container_memory_timestamp_seconds", {"instance": instance}, 980)
    found = [
        ("orcastra_container_memory_bytes", {"instance": instance, "task_id": task_id, **labels}, size)
        for task_id, size in tasks
    ]
    return (*found, written)


def test_server_completes_direct_measurements(pages: dict[str, Any]) -> None:
    pages["http://a/"] = exporter(100, 40)
    running = task("app", "b")
    found = ask_server(
        pages,
        (A, B, node("c", address="10.0.0.3"), service("app"), running),
        nodes=(*memory_of("10.0.0.1:9100", 999, 999), *memory_of("b:9100", 500, 100)),
        cadvisors=(task_at("b:8080", running.id, 55),),
        sources=replace(SERVER, node_exporters={"a": "http://a/"}),
    )
    assert found.nodes == {"id-a": NodeMemory("a", 100, 40), "id-b": NodeMemory("b", 500, 100)}
    assert found.tasks == {running.id: 55}
    assert found.problems == (Reason("server_without_node", node="c", server="http://prometheus"),)


@pytest.mark.parametrize("instance", ["10.0.0.1:9100", "a:9100", "a", "id-a", "[10.0.0.1]:9100"])
def test_server_instance_matches_name_or_address(pages: dict[str, Any], instance: str) -> None:
    assert ask_server(pages, (A, B), nodes=memory_of(instance, 100, 40)).nodes.keys() == {"id-a"}


@pytest.mark.parametrize("label", ["node_id", "node", "nodename", "hostname", "host"])
@pytest.mark.parametrize("value", ["b", "id-b", "10.0.0.2"])
def test_server_instance_matches_node_of_its_labels(pages: dict[str, Any], label: str, value: str) -> None:
    running = task("app", "b")
    found = ask_server(
        pages,
        (A, B, service("app"), running),
        nodes=memory_of("172.16.0.9:9100", 100, 40, **{label: value}),
        cadvisors=(task_at("172.16.0.10:8080", running.id, 5, **{label: value}),),
    )
    assert (found.nodes, found.tasks) == ({"id-b": NodeMemory("b", 100, 40)}, {running.id: 5})


@pytest.mark.parametrize("label", ["node_id", "node", "nodename", "hostname", "host"])
@pytest.mark.parametrize("order", [1, -1])
def test_server_labels_do_not_override_instance(pages: dict[str, Any], label: str, order: int) -> None:
    wrong = memory_of("10.0.0.1:9100", 7, 7, **{label: "b"})
    right = memory_of("10.0.0.2:9100", 100, 40)
    found = ask_server(pages, (A, B), nodes=sum((wrong, right)[::order], ()))
    assert found.nodes == {"id-a": NodeMemory("a", 7, 7), "id-b": NodeMemory("b", 100, 40)}
    # even if the other instance is missing; an unknown instance never overrides a known one
    assert ask_server(pages, (A, B), nodes=wrong).nodes.keys() == {"id-a"}
    unknown = memory_of("172.16.0.9:9100", 7, 7, **{label: "b"})
    found = ask_server(pages, (A, B), nodes=sum((unknown, right)[::order], ()))
    assert found.nodes == {"id-b": NodeMemory("b", 100, 40)}


def test_server_ignores_two_instances_claiming_one_node(pages: dict[str, Any]) -> None:
    found = ask_server(
        pages,
        (A, B),
        nodes=(
            *memory_of("172.16.0.8:9100", 7, 7, node="b"),
            *memory_of("172.16.0.9:9100", 100, 40, node="b"),
        ),
    )
    assert found.nodes == {}
    (claim,) = [problem for problem in found.problems if problem.code == "instances_claim_node"]
    assert claim.params["instances"] == ("172.16.0.8:9100", "172.16.0.9:9100")


def test_server_ignores_instance_with_contradicting_labels(pages: dict[str, Any]) -> None:
    found = ask_server(pages, (A, B), nodes=memory_of("172.16.0.8:9100", 7, 7, node="a", host="b"))
    assert found.nodes == {}


def test_server_ignores_instance_with_ambiguous_name(pages: dict[str, Any]) -> None:
    twins = (node("b", address="10.0.0.2"), replace(node("b", address="10.0.0.3"), id="id-twin"))
    found = ask_server(pages, twins, nodes=memory_of("b:9100", 100, 40))
    assert found.nodes == {}
    found = ask_server(pages, twins, nodes=memory_of("10.0.0.3:9100", 100, 40))
    assert found.nodes.keys() == {"id-twin"}


def test_server_ignores_tasks_of_other_nodes(pages: dict[str, Any]) -> None:
    mine, theirs = task("app", "a"), task("app", "b", slot=2)
    parts = (A, B, service("app"), mine, theirs)
    big = 10**12
    for series in (
        {"cadvisors": (task_at("10.0.0.1:8080", mine.id, 1), task_at("10.0.0.1:8080", theirs.id, big))},
        {"textfiles": textfile_at("10.0.0.1:9100", (mine.id, 1), (theirs.id, big))},
        {"textfiles": textfile_at("10.0.0.1:9100", (mine.id, 1), (theirs.id, big), node_id="id-b")},
    ):
        found = ask_server(pages, parts, **series)  # type: ignore[arg-type]
        assert found.tasks == {mine.id: 1}
        assert "instance_tasks_foreign" in codes(found.problems)


def test_server_instance_matches_node_of_its_tasks(pages: dict[str, Any]) -> None:
    """For example cAdvisor as a global service in an overlay network, found as tasks.cadvisor."""
    on_a, on_b, also_b = task("app", "a"), task("app", "b", slot=2), task("app", "b", slot=3)
    parts = (A, B, service("app"), on_a, on_b, also_b)
    first = (task_at("172.16.0.8:8080", on_a.id, 1),)
    second = (task_at("172.16.0.9:8080", on_b.id, 2), task_at("172.16.0.9:8080", also_b.id, 3))
    found = ask_server(pages, parts, cadvisors=(*first, *second))
    assert found.tasks == {on_a.id: 1, on_b.id: 2, also_b.id: 3}
    # an instance with tasks of several nodes is ignored
    mixed = (*first, task_at("172.16.0.8:8080", on_b.id, 10**12))
    found = ask_server(pages, parts, cadvisors=(*mixed, *second))
    assert found.tasks == {on_b.id: 2, also_b.id: 3}
    # an unknown instance overrides neither the node's own nor another unknown one
    own = (task_at("10.0.0.2:8080", on_b.id, 5),)
    wrong = (task_at("172.16.0.7:8080", on_b.id, 10**12),)
    for cadvisors in ((*own, *wrong), (*wrong, *own)):
        assert ask_server(pages, parts, cadvisors=cadvisors).tasks == {on_b.id: 5}
    found = ask_server(pages, parts, cadvisors=(*second, *wrong))
    assert found.tasks == {also_b.id: 3}
    (claim,) = [problem for problem in found.problems if problem.code == "instances_claim_tasks"]
    assert claim.params["instances"] == ("172.16.0.7:8080", "172.16.0.9:8080")


def test_server_prefers_textfile_over_cadvisor(pages: dict[str, Any]) -> None:
    running = task("app", "b")
    found = ask_server(
        pages,
        (A, B, service("app"), running),
        textfiles=textfile_at("172.16.0.9:9100", (running.id, 5), node_id="id-b"),
        cadvisors=(task_at("172.16.0.10:8080", running.id, 7),),
    )
    assert found.tasks == {running.id: 5}


def test_server_reports_host_of_virtual_machine(pages: dict[str, Any]) -> None:
    sources = replace(SERVER, node_map={"a": "host-1", "b": "host-1"})
    nodes = (*memory_of("10.0.0.1:9100", 7, 7), *memory_of("host-1:9100", 1000, 400))
    found = ask_server(pages, (A, B), nodes=nodes, sources=sources)
    assert found.nodes == dict.fromkeys(("id-a", "id-b"), NodeMemory("host-1", 1000, 400))


def test_measure_reports_failed_server(pages: dict[str, Any]) -> None:
    problems = measure(snapshot(A), SERVER).problems
    assert codes(problems) == ["server_failed", "server_without_node"]


def reply(*series: tuple[str, dict[str, str], int]) -> bytes:
    """A server's reply with one recent sample of each series."""
    result = [
        {"metric": {"__name__": name, **labels}, "values": [[990, str(value)]]}
        for name, labels, value in series
    ]
    return json.dumps({"status": "success", "data": {"result": result}}).encode()


RCLONE = ObservedVolume("rclone", fingerprint="ab")


def volume_on(node_id: str, driver: str = "rclone") -> dict[str, str]:
    return {"node_id": node_id, "volume": "v", "driver": driver, "options": "ab"}


def volume_page(*node_ids: str) -> bytes:
    lines = ["orcastra_container_memory_timestamp_seconds 990"]
    for node_id in node_ids:
        labels = ",".join(f'{key}="{value}"' for key, value in volume_on(node_id).items())
        lines.append(f"orcastra_volume_info{{{labels}}} 1")
    return exporter() + "\n".join([*lines, ""]).encode()


def test_measure_ignores_volumes_of_other_nodes(pages: dict[str, Any]) -> None:
    pages["http://10.0.0.1:9100/metrics"] = volume_page("id-a", "id-b")
    pages["http://10.0.0.2:9100/metrics"] = volume_page()

    assert measure(snapshot(A, B), TEMPLATE).volumes == {"id-a": {"v": RCLONE}}


def volume_at(instance: str, *found: dict[str, str]) -> tuple[Series, ...]:
    return (
        *textfile_at(instance),
        *(("orcastra_volume_info", {"instance": instance, **labels}, 1) for labels in found),
    )


@pytest.mark.parametrize(
    ("textfiles", "expected"),
    [
        (volume_at("a:9100", volume_on("id-a")), {"id-a": {"v": RCLONE}}),
        (volume_at("a:9100", volume_on("id-b")), {}),
        (volume_at("a:9100", volume_on("id-a"), volume_on("id-a", "local")), {"id-a": {}}),
        (
            (*volume_at("a:9100", volume_on("id-a")), *volume_at("x:1", volume_on("id-a", "local"))),
            {"id-a": {"v": RCLONE}},
        ),
        ((*volume_at("y:1", volume_on("id-a")), *volume_at("x:1", volume_on("id-a", "local"))), {}),
        (volume_at("a:9100", volume_on("id-a"))[1:], {}),
    ],
)
def test_server_reports_volumes_of_the_node_of_an_instance(
    pages: dict[str, Any], textfiles: tuple[Series, ...], expected: dict[str, Any]
) -> None:
    assert ask_server(pages, (A, B), textfiles=textfiles).volumes == expected


def test_measure_reports_no_problem_if_optional_endpoints_do_not_answer(pages: dict[str, Any]) -> None:
    optional = replace(TEMPLATE, is_optional=True)
    assert measure(snapshot(A, B), optional) == Memory()
    pages["http://10.0.0.1:9100/metrics"] = exporter(100, 40)
    assert "endpoint_failed" in codes(measure(snapshot(A, B), optional).problems)
