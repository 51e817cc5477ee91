# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a starting configuration says of a swarm, and which anchors it proposes."""

from __future__ import annotations

from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import STACK_LABEL, Service
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.starter import (
    Proposal,
    Starter,
    plan_starter,
)
from tests.support.builders import node, service, snapshot

NETWORKS = {"net": "apps_default", "other": "apps_other"}


def member(name: str, stack: str = "apps", **fields: Any) -> Service:
    return service(
        f"{stack}_{name}" if stack else name, **{"labels": {STACK_LABEL: stack} if stack else {}, **fields}
    )


def planned(*services: Service) -> Starter:
    return plan_starter(snapshot(*services), State(), NETWORKS)


def proposals(*services: Service) -> list[Proposal]:
    return list(planned(*services).proposals)


def brief(*services: Service) -> list[tuple[str, str, tuple[str, ...], list[str]]]:
    return [
        (one.anchor, one.stack, one.followers, [reason.code for reason in one.reasons])
        for one in proposals(*services)
    ]


def requires(label: str) -> dict[str, Any]:
    return {"constraints": (f"node.labels.{label} == true",)}


def test_service_that_requires_a_label_named_after_a_service_follows_it() -> None:
    found = brief(member("search"), member("indexer", **requires("search")), member("web", **requires("ssd")))

    assert found == [("search", "apps", ("indexer",), ["proposal_label"])]


def test_label_may_name_the_service_in_full() -> None:
    found = brief(member("db"), member("backup", stack="infra", **requires("apps_db")))

    assert found == [("db", "apps", ("infra_backup",), ["proposal_label"])]


def test_label_of_a_service_in_another_stack_must_be_its_full_name() -> None:
    assert brief(member("db"), member("backup", stack="infra", **requires("db"))) == []


def test_forbidden_label_or_other_value_proposes_nothing() -> None:
    unlike = member("a", constraints=("node.labels.db != true",))
    valued = member("b", constraints=("node.labels.db == hdd",))
    broken = member("c", constraints=("no constraint",))

    assert brief(member("db"), unlike, valued, broken) == []


def test_services_of_a_network_follow_its_database() -> None:
    database = member("db", image="docker.io/library/postgres:16@sha256:abc", networks=("net",))
    found = proposals(database, member("web", networks=("net",)), member("other", networks=("other",)))

    assert [(one.anchor, one.followers) for one in found] == [("db", ("web",))]
    assert found[0].reasons[0].params == {
        "follower": "apps_web",
        "network": "apps_default",
        "anchor": "apps_db",
        "image": "postgres:16",
    }


def test_cache_follows_the_database_and_leads_if_there_is_none() -> None:
    cache = member("cache", image="redis:7", networks=("net",))
    web = member("web", networks=("net",))
    database = member("db", image="mariadb", networks=("net",))

    assert [(one[0], one[2]) for one in brief(cache, web)] == [("cache", ("web",))]
    assert [(one[0], one[2]) for one in brief(cache, web, database)] == [("db", ("cache", "web"))]


def test_two_databases_on_a_network_propose_nothing() -> None:
    one, two = (member(name, image="postgres", networks=("net",)) for name in ("one", "two"))

    assert brief(one, two, member("web", networks=("net",))) == []


def test_image_of_another_name_or_registry_port_is_no_database() -> None:
    tool = member("tool", image="registry.lan:5000/postgres-exporter:1", networks=("net",))

    assert brief(tool, member("web", networks=("net",))) == []


def test_services_of_one_volume_follow_the_writer() -> None:
    data = Mount("volume", "apps_data", "/data")
    reader = Mount("volume", "apps_data", "/data", read_only=True)
    found = brief(member("backup", mounts=(reader,)), member("wiki", mounts=(data,)))

    assert found == [("wiki", "apps", ("backup",), ["proposal_volume"])]


def test_shared_volume_proposes_no_anchor_but_is_listed() -> None:
    media = Mount("volume", "media", "/media", options={"type": "nfs", "o": "addr=nas"})
    found = planned(member("a", mounts=(media,)), member("b", mounts=(media,)))

    assert found.proposals == ()
    assert [(one.service, one.name, one.reason.code) for one in found.shared] == [
        ("apps_a", "media", "mount_network"),
        ("apps_b", "media", "mount_network"),
    ]


def test_global_services_jobs_and_replicated_anchors_are_left_out() -> None:
    database = member("db", image="postgres", networks=("net",), replicas=3)
    agent = member("agent", mode="global", replicas=None, networks=("net",))
    job = member("job", mode="replicated-job", networks=("net",))

    assert brief(database, agent, job, member("web", networks=("net",))) == []


def test_service_follows_one_anchor_and_never_its_own_follower() -> None:
    database = member("db", image="postgres", networks=("net",), **requires("web"))
    web = member("web", networks=("net",))
    found = brief(database, web)

    assert len(found) == 1
    assert not {found[0][0]} & set(found[0][2])


def test_anchors_of_one_name_in_two_stacks_go_by_full_names() -> None:
    parts = []
    for stack in ("apps", "shop"):
        parts.append(member("db", stack, image="postgres", networks=(stack,)))
        parts.append(member("web", stack, networks=(stack,)))

    assert [one[:3] for one in brief(*parts)] == [
        ("apps_db", "", ("apps_web",)),
        ("shop_db", "", ("shop_web",)),
    ]


def test_nodes_are_described_without_the_labels_of_anchors() -> None:
    alpha = node(
        "alpha",
        role="manager",
        leader=True,
        manager_addr="10.0.0.1:2377",
        labels={"ssd": "true", "db": "true", "mine": "x"},
    )
    twins = [node("twin"), node("twin", id="id-other")]
    state = State(
        owned_labels={"id-alpha": frozenset({"db", "ssd"})}, anchor_labels={"id-alpha": frozenset({"db"})}
    )

    found = plan_starter(snapshot(alpha, *twins), state, {})

    assert found.skipped == ("twin",)
    (one,) = found.nodes
    assert (one.hostname, one.role, one.address, one.is_leader) == ("alpha", "manager", "10.0.0.1", True)
    assert dict(one.labels) == {"ssd": "true", "mine": "x"}
