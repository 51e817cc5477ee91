# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.forecast import Forecast, NewNode
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Mount, Picture
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.groups import survey
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.what_if import lose_any, what_if
from tests.unit.builders import node, ours, picture, service, task, wanted

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
    seen: Picture, name: str, memory: Memory | None = None, config: Wanted | None = None
) -> Forecast:
    lost = [seen.node_by_id[f"id-{name}"]]
    return what_if(seen, survey(seen, config or wanted()), memory or Memory(), NOW, lose=lost)


def test_a_task_goes_where_there_are_the_fewest() -> None:
    seen = picture(
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


def test_what_swarm_may_choose_is_possible_not_certain() -> None:
    seen = picture(*nodes("alpha", "beta", "gamma"), service("app"), task("app", "alpha"))

    found = forecast(seen, "alpha", measured(alpha=4, beta=2, gamma=2))

    assert found.fates[0].to == ("beta", "gamma")
    assert not found.fates[0].is_certain
    assert [(host.least, host.most) for host in found.hosts] == [(0.125, 0.25), (0.125, 0.25)]


def test_followers_go_with_their_anchor_wherever_it_goes() -> None:
    seen = picture(
        *nodes("alpha", "beta", "gamma"),
        service("shop_db"),
        service("shop_app", **ours("node.labels.db==true")),
        service("other"),
        task("shop_db", "alpha"),
        task("shop_app", "alpha"),
        task("other", "beta"),
    )

    found = forecast(seen, "alpha", config=wanted(anchors={"db": ("app",)}))

    assert {fate.service: (fate.to, fate.anchor) for fate in found.fates} == {
        "shop_db": (("gamma",), None),
        "shop_app": (("gamma",), "shop_db"),
    }


@pytest.mark.parametrize("own", ["node.labels.web==true", "node.labels.web ==true"])
def test_a_constraint_of_the_users_on_the_label_of_another_anchor_counts(own: str) -> None:
    seen = picture(
        *nodes("alpha", "beta"),
        service("shop_db"),
        service("shop_web"),
        service("shop_app", **ours("node.labels.db==true", users=(own,))),
        task("shop_db", "alpha"),
        task("shop_web", "beta"),
        task("shop_app", "alpha"),
    )

    found = forecast(seen, "alpha", config=wanted(anchors={"db": ("app",), "web": ()}))

    (fate,) = found.unplaced
    assert (fate.service, fate.obstacles) == ("shop_app", (f"beta: its constraint {own} forbids it",))


def test_a_follower_that_cannot_be_beside_its_anchor_stays_down() -> None:
    seen = picture(
        *nodes("alpha", "beta"),
        service("shop_db"),
        service("shop_app", constraints=("node.hostname==alpha",)),
        task("shop_db", "alpha"),
        task("shop_app", "alpha"),
    )

    found = forecast(seen, "alpha", config=wanted(anchors={"db": ("app",)}))

    (fate,) = found.unplaced
    assert (fate.service, fate.unplaced) == ("shop_app", 1)
    assert fate.obstacles == ("beta: its constraint node.hostname==alpha forbids it",)
    assert not found.is_survived


def test_what_does_not_fit_into_memory() -> None:
    seen = picture(*nodes("alpha", "beta"), service("app"), task("app", "alpha"))

    found = forecast(seen, "alpha", measured(tasks=3, alpha=4, beta=14))

    assert [host.name for host in found.overfull] == ["beta"]
    assert not found.is_survived


def test_reservations_are_used_up_by_what_comes_first() -> None:
    """Either of the two fits, both do not: in some order each of them is left over."""
    seen = picture(
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
    assert found.fates[0].obstacles == ("beta: what goes there before it leaves no room",)


def test_data_that_stays_behind_and_global_tasks_that_end() -> None:
    seen = picture(
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


def test_what_is_not_restarted_is_not_replaced() -> None:
    seen = picture(
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
    # what waits for its first place has not been lost
    waiting = picture(
        *nodes("alpha", "beta"),
        service("db", restart_condition="none"),
        task("db", None, state="pending"),
    )
    assert forecast(waiting, "alpha").fates[0].to == ("beta",)


def test_the_managers_majority() -> None:
    seen = picture(*nodes("alpha", "beta", role="manager"), *nodes("gamma"), service("app"))

    assert forecast(seen, "alpha").quorum == "1 of 2 managers would be left, and it takes 2"
    assert forecast(seen, "gamma").quorum is None


def test_a_new_node_gets_what_waits_and_what_is_global() -> None:
    seen = picture(
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


def test_any_host_is_tried_once_with_all_its_nodes() -> None:
    seen = picture(
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
