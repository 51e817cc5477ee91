# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.forecast import Forecast, NewNode
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount, ObservedVolume
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.what_if import lose_any, what_if
from tests.support.builders import desired, node, ours, service, snapshot, task

NOW = 1_700_000_000.0
GB = 1024**3


def nodes(*names: str, **fields: object) -> list[object]:
    return [node(name, memory_bytes=16 * GB, nano_cpus=10**9, **fields) for name in names]


def measured(tasks: int = 2, **used: int) -> Memory:
    """Node name → GB in use of 16; each service's tasks use ``tasks`` GB."""
    return Memory(
        nodes={f"id-{name}": NodeMemory(name, 16 * GB, (16 - gb) * GB) for name, gb in used.items()},
        services={f"id-{name}": tasks * GB for name in ("app", "db", "shop_db", "shop_app", "agent")},
    )


def forecast(
    seen: SwarmSnapshot, name: str, memory: Memory | None = None, config: DesiredState | None = None
) -> Forecast:
    lost = [seen.node_by_id[f"id-{name}"]]
    return what_if(seen, resolve_anchor_groups(seen, config or desired()), memory or Memory(), NOW, lose=lost)


def test_task_goes_to_the_node_with_the_fewest() -> None:
    seen = snapshot(
        *nodes("alpha", "beta", "gamma"),
        service("app"),
        service("db"),
        task("app", "alpha"),
        task("db", "beta"),
    )

    found = forecast(seen, "alpha", measured(alpha=4, beta=4, gamma=2))

    (fate,) = found.fates
    assert (fate.service, fate.node, fate.to, fate.is_certain) == ("app", "alpha", ("gamma",), True)
    assert [(host.name, host.before, host.least, host.most) for host in found.hosts] == [
        ("beta", 0.25, 0.25, 0.25),
        ("gamma", 0.125, 0.25, 0.25),
    ]
    assert found.is_survived


def test_ties_are_possible_not_certain() -> None:
    seen = snapshot(*nodes("alpha", "beta", "gamma"), service("app"), task("app", "alpha"))

    found = forecast(seen, "alpha", measured(alpha=4, beta=2, gamma=2))

    assert found.fates[0].to == ("beta", "gamma")
    assert not found.fates[0].is_certain
    assert [(host.least, host.most) for host in found.hosts] == [(0.125, 0.25), (0.125, 0.25)]


def test_followers_go_with_their_anchor() -> None:
    seen = snapshot(
        *nodes("alpha", "beta", "gamma"),
        service("shop_db"),
        service("shop_app", **ours("node.labels.db==true")),
        service("other"),
        task("shop_db", "alpha"),
        task("shop_app", "alpha"),
        task("other", "beta"),
    )

    found = forecast(seen, "alpha", config=desired(anchors={"db": ("app",)}))

    assert {fate.service: (fate.to, fate.anchor) for fate in found.fates} == {
        "shop_db": (("gamma",), None),
        "shop_app": (("gamma",), "shop_db"),
    }


@pytest.mark.parametrize("own", ["node.labels.web==true", "node.labels.web ==true"])
def test_user_constraint_on_another_anchor_label_counts(own: str) -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("shop_db"),
        service("shop_web"),
        service("shop_app", **ours("node.labels.db==true", user_constraints=(own,))),
        task("shop_db", "alpha"),
        task("shop_web", "beta"),
        task("shop_app", "alpha"),
    )

    found = forecast(seen, "alpha", config=desired(anchors={"db": ("app",), "web": ()}))

    (fate,) = found.unplaced
    (obstacle,) = fate.obstacles
    assert (fate.service, obstacle.params["node"]) == ("shop_app", "beta")
    assert own in str(obstacle)


def test_follower_that_cannot_join_its_anchor_stays_down() -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("shop_db"),
        service("shop_app", constraints=("node.hostname==alpha",)),
        task("shop_db", "alpha"),
        task("shop_app", "alpha"),
    )

    found = forecast(seen, "alpha", config=desired(anchors={"db": ("app",)}))

    (fate,) = found.worse
    assert (fate.service, fate.unplaced) == ("shop_app", 1)
    (obstacle,) = fate.obstacles
    assert obstacle.params["node"] == "beta"
    assert "node.hostname==alpha" in str(obstacle)
    assert not found.is_survived


def test_memory_that_does_not_fit_is_reported() -> None:
    seen = snapshot(*nodes("alpha", "beta"), service("app"), task("app", "alpha"))

    found = forecast(seen, "alpha", measured(tasks=3, alpha=4, beta=14))

    assert [host.name for host in found.overfull] == ["beta"]
    assert not found.is_survived


def test_earlier_tasks_use_up_reservations() -> None:
    """Either of the two fits, but not both: in some order each of them has no node."""
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("app", reserved_memory_bytes=10 * GB),
        service("db", reserved_memory_bytes=10 * GB),
        task("app", "alpha"),
        task("db", "alpha"),
    )

    found = forecast(seen, "alpha")

    assert [(fate.service, fate.to, fate.unplaced) for fate in found.fates] == [
        ("app", ("beta",), 1),
        ("db", ("beta",), 1),
    ]
    assert found.fates[0].obstacles == (
        Reason("no_place_on_node", node="beta", reasons=[Reason("no_room_left_there")]),
    )


def test_local_data_and_global_tasks_are_reported() -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("db", mounts=(Mount("volume", "data", "/data"), Mount("bind", "/etc", "/x", read_only=True))),
        service("agent", mode="global", replicas=None),
        task("db", "alpha"),
        task("agent", "alpha"),
        task("agent", "beta"),
    )

    found = forecast(seen, "alpha")

    assert found.fates[0].data == ("data",)
    assert found.ended == ("agent",)


def test_shared_volume_that_the_lost_node_reports_is_not_left_behind() -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("db", mounts=(Mount("volume", "data", "/data"),)),
        task("db", "alpha"),
    )
    memory = Memory(volumes={"id-alpha": {"data": ObservedVolume("rclone")}})

    assert forecast(seen, "alpha", memory).fates[0].data == ()


def test_run_once_task_is_not_replaced() -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("db", restart_condition="none"),
        service("app", replicas=2, restart_condition="on-failure"),
        task("db", "alpha"),
        task("app", "alpha"),
    )

    found = forecast(seen, "alpha")

    app, db = found.fates
    assert (app.service, app.to, app.is_replaced) == ("app", ("beta",), True)
    assert (db.service, db.node, db.to, db.unplaced, db.is_replaced) == ("db", "alpha", (), 1, False)
    assert not found.is_survived
    # a task that waits for its first node is not lost
    waiting = snapshot(
        *nodes("alpha", "beta"),
        service("db", restart_condition="none"),
        task("db", None, state="pending"),
    )
    assert forecast(waiting, "alpha").fates[0].to == ("beta",)


def test_majority_of_managers_is_reported() -> None:
    seen = snapshot(*nodes("alpha", "beta", role="manager"), *nodes("gamma"), service("app"))

    assert forecast(seen, "alpha").quorum == Reason("majority_lost", left=1, managers=2, needed=2)
    assert forecast(seen, "gamma").quorum is None


def test_new_node_gets_waiting_and_global_tasks() -> None:
    seen = snapshot(
        *nodes("alpha"),
        service("app", constraints=("node.labels.disk==ssd",)),
        service("agent", mode="global", replicas=None),
        task("app", None, state="pending"),
        task("agent", "alpha"),
    )
    new = NewNode("delta", 8 * GB, {"disk": "ssd"}, like=seen.nodes[0])

    found = what_if(seen, (), measured(alpha=4), NOW, add=[new])

    assert [(fate.service, fate.node, fate.to) for fate in found.fates] == [("app", "", ("delta",))]
    assert (found.added, found.begun) == (("delta",), ("agent",))
    assert {host.name: host.most for host in found.hosts} == {"alpha": 0.25, "delta": 0.5}


def test_lose_any_loses_each_host_with_all_its_nodes() -> None:
    seen = snapshot(
        *nodes("vm1", "vm2", "alpha"), node("old", state="down"), service("app"), task("app", "vm1")
    )
    metal = NodeMemory("metal", 16 * GB, 8 * GB)
    memory = Memory(
        nodes={"id-vm1": metal, "id-vm2": metal, "id-alpha": NodeMemory("alpha", 16 * GB, 15 * GB)}
    )

    found = lose_any(seen, (), memory, NOW)

    assert [one.lost for one in found] == [("alpha",), ("vm1", "vm2")]
    assert found[1].fates[0].to == ("alpha",)
    assert found[1].unknown == ("app",)


# waiting today


def some_wait(*more: object) -> SwarmSnapshot:
    """Three hosts with ssd on alpha; two services wait for labels that no node has, and db runs on alpha."""
    return snapshot(
        node("alpha", labels={"ssd": "true"}),
        *nodes("beta", "gamma"),
        service("indexer", constraints=("node.labels.search == true",)),
        service("backup", constraints=("node.labels.disk == hdd",)),
        service("db", constraints=("node.labels.ssd == true",)),
        service("app", replicas=2),
        task("indexer", None, state="pending", created=NOW - 600),
        task("backup", None, state="pending", created=NOW - 600),
        task("db", "alpha"),
        task("app", "beta"),
        task("app", "gamma", slot=2),
        *more,  # type: ignore[arg-type]
    )


def judged(found: Forecast) -> tuple[list[str], list[str], tuple[str, ...]]:
    """The services that lose, those that gain, and those that wait today."""
    worse = sorted({fate.service for fate in found.worse})
    return worse, sorted({fate.service for fate in found.better}), found.waiting


def test_waiting_task_is_not_due_to_the_loss() -> None:
    found = forecast(some_wait(), "beta")
    assert judged(found) == ([], [], ("backup", "indexer"))
    assert found.is_survived


def test_only_differences_count() -> None:
    found = forecast(some_wait(), "alpha")
    assert judged(found) == (["db"], [], ("backup", "indexer"))
    assert not found.is_survived


def test_lose_any_counts_only_differences() -> None:
    found = lose_any(some_wait(), (), Memory(), NOW)
    assert [(one.lost, one.is_survived) for one in found] == [
        (("alpha",), False),
        (("beta",), True),
        (("gamma",), True),
    ]


def test_several_nodes_at_once() -> None:
    seen = some_wait()
    found = what_if(seen, (), Memory(), NOW, lose=[seen.node_by_id["id-alpha"], seen.node_by_id["id-beta"]])
    assert judged(found) == (["db"], [], ("backup", "indexer"))


def test_loss_of_a_down_node_changes_nothing() -> None:
    seen = some_wait(node("old", state="down"))
    found = what_if(seen, (), Memory(), NOW, lose=[seen.node_by_id["id-old"]])
    assert judged(found) == ([], [], ("backup", "indexer"))
    assert (found.is_survived, found.lost, found.down, found.quorum) == (True, ("old",), ("old",), None)


def test_new_node_helps_a_waiting_service() -> None:
    seen = some_wait()
    new = NewNode("delta", 8 * GB, {"search": "true"}, like=seen.nodes[1])
    found = what_if(seen, (), Memory(), NOW, lose=[seen.node_by_id["id-beta"]], add=[new])
    assert judged(found) == ([], ["indexer"], ("backup", "indexer"))
    assert found.is_survived


def test_service_with_a_waiting_and_a_lost_task() -> None:
    """One node for two tasks, before and after: whichever gets it, nothing is worse than today."""
    two = service("two", replicas=2, max_replicas_per_node=1, constraints=("node.hostname!=beta",))
    seen = snapshot(
        *nodes("alpha", "beta"), two, task("two", "alpha"), task("two", None, state="pending", slot=2)
    )
    assert judged(forecast(seen, "beta")) == ([], [], ("two",))
    # without the only node, one more task waits
    lost = forecast(seen, "alpha")
    assert judged(lost) == (["two"], [], ("two",))
    assert {fate.node: fate.unplaced for fate in lost.fates} == {"": 1, "alpha": 1}
    # the lost task finds another node, and the other one keeps waiting
    more = replace(seen, nodes=(*seen.nodes, node("gamma")))
    young = replace(seen.tasks[1], created=NOW)
    found = forecast(replace(more, tasks=(seen.tasks[0], young)), "alpha")
    assert {fate.node: (fate.to, fate.unplaced) for fate in found.fates if fate.node} == {
        "alpha": (("gamma",), 0)
    }


def test_task_that_has_just_begun_to_wait_counts_as_placed() -> None:
    new = service("new", constraints=("node.hostname!=beta",))
    seen = snapshot(*nodes("alpha", "beta"), new, task("new", None, state="pending", created=NOW - 1))
    found = forecast(seen, "beta")
    assert judged(found) == ([], [], ())
    assert found.fates[0].to == ("alpha",)
    assert judged(forecast(seen, "alpha")) == (["new"], [], ())


@pytest.mark.parametrize("has_new_node", [False, True])
def test_task_waiting_for_an_unknown_reason_keeps_waiting(has_new_node: bool) -> None:
    """For example, it needs a plugin: a node seems suitable, but Swarm has not used it."""
    seen = snapshot(
        *nodes("alpha", "beta"), service("odd"), task("odd", None, state="pending", created=NOW - 600)
    )
    new = [NewNode("delta", 8 * GB, like=seen.nodes[0])] if has_new_node else []
    found = what_if(seen, (), Memory(), NOW, lose=[seen.nodes[1]], add=new)
    assert judged(found) == ([], ["odd"] if has_new_node else [], ("odd",))
    assert found.fates[0].to == (("delta",) if has_new_node else ())


def test_waiting_follower_is_helped_on_its_anchors_node() -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("shop_db"),
        service("shop_app", constraints=("node.hostname==beta", "node.labels.db ==true")),
        task("shop_db", "alpha"),
        task("shop_app", None, state="pending", created=NOW - 600),
    )
    found = forecast(seen, "alpha", config=desired(anchors={"db": ("app",)}))
    assert judged(found) == ([], ["shop_app"], ("shop_app",))


def test_service_scaled_to_0_loses_nothing() -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("app", replicas=0),
        task("app", "alpha", desired_state="shutdown"),
        task("app", None, state="pending", slot=2),
        task("app", "alpha", slot=3),
    )
    assert forecast(seen, "alpha").fates == ()


@pytest.mark.parametrize("condition", ["none", "on-failure"])
def test_finished_service_loses_nothing(condition: str) -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("app", restart_condition=condition),
        task("app", "alpha", state="complete", desired_state="shutdown"),
    )
    found = forecast(seen, "alpha")
    assert (found.fates, found.is_survived) == ((), True)


def test_job_continues_elsewhere() -> None:
    def job(name: str, mode: str = "replicated-job", **fields: object) -> object:
        return service(name, mode=mode, **fields)

    seen = snapshot(
        *nodes("alpha", "beta"),
        job("free"),
        job("held", constraints=("node.hostname==alpha",)),
        job("stuck", constraints=("node.labels.x==1",)),
        job("each", "global-job", replicas=None),
        job("done"),
        task("free", "alpha", desired_state="complete"),
        task("held", "alpha", desired_state="complete"),
        task("stuck", None, state="pending", desired_state="complete", created=NOW - 600),
        task("each", "alpha", desired_state="complete"),
        task("done", "alpha", state="complete", desired_state="complete"),
    )  # type: ignore[arg-type]
    found = forecast(seen, "alpha")
    assert {fate.service: fate.to for fate in found.fates} == {"free": ("beta",), "held": (), "stuck": ()}
    assert judged(found) == (["held"], [], ("stuck",))
    assert found.ended == ("each",)


def test_running_job_uses_resources() -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("job", mode="replicated-job", reserved_memory_bytes=10 * GB),
        service("app", reserved_memory_bytes=10 * GB),
        task("job", "beta", desired_state="complete"),
        task("app", "alpha"),
    )
    assert judged(forecast(seen, "alpha")) == (["app"], [], ())


def test_global_task_that_never_ran_does_not_end() -> None:
    seen = snapshot(
        *nodes("alpha", "beta"),
        service("agent", mode="global", replicas=None),
        task("agent", "alpha", state="pending"),
        task("agent", "beta"),
    )
    assert forecast(seen, "alpha").ended == ()
    assert forecast(seen, "beta").ended == ("agent",)


def test_overfull_host_today_is_not_reported() -> None:
    seen = snapshot(*nodes("alpha", "beta"), service("app"), task("app", "alpha"))
    full = Memory(nodes={"id-beta": NodeMemory("beta", 16 * GB, -1 * GB)})
    assert forecast(seen, "alpha", full).is_survived


def test_lost_majority_today_is_not_reported() -> None:
    seen = snapshot(
        *nodes("alpha", role="manager"),
        *nodes("beta", "gamma", role="manager", state="down"),
        *nodes("delta"),
    )
    assert forecast(seen, "alpha").quorum is None
