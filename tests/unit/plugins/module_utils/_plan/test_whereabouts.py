# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a service is on its nodes, which other nodes could run it, and what would move it."""

from __future__ import annotations

from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, codes
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.whereabouts import (
    POSSIBLE,
    REJECTED,
    RUNS,
    Whereabouts,
    explain_service,
)
from tests.support.builders import desired, node, ours, service, snapshot, task

NODES = (node("alpha"), node("bravo", labels={"ssd": "true"}), node("charlie"))
SSD = "node.labels.ssd==true"


def explain(seen: SwarmSnapshot, name: str, **configured: Any) -> Whereabouts:
    wanted = desired(stack="", **configured)
    found = seen.service_by_name[name]
    groups = resolve_anchor_groups(seen, wanted)
    return explain_service(seen, found, groups, Memory(), 1000.0, storage=wanted.storage)


def statuses(found: Whereabouts) -> dict[str, str]:
    return {place.node: place.status for place in found.places}


def test_service_without_rules_is_where_swarm_put_it() -> None:
    found = explain(snapshot(*NODES, service("web"), task("web", "alpha")), "web")
    assert found.why == (Reason("swarm_chose", nodes=["alpha", "bravo", "charlie"]),)
    assert statuses(found) == {"alpha": RUNS, "bravo": POSSIBLE, "charlie": POSSIBLE}
    assert found.moves == (Reason("moves_if_lost", node="alpha", to=["bravo", "charlie"]),)


def test_constraint_names_the_nodes_that_do_not_meet_it() -> None:
    found = explain(snapshot(*NODES, service("db", constraints=(SSD,)), task("db", "bravo")), "db")
    assert found.why == (
        Reason("user_constraint", constraint=SSD, nodes=["bravo"]),
        Reason("only_suitable_node", nodes=["bravo"]),
    )
    assert statuses(found) == {"alpha": REJECTED, "bravo": RUNS, "charlie": REJECTED}
    assert found.moves == (
        Reason("no_node_if_lost", node="bravo"),
        Reason("suitable_without_constraints", constraints=[SSD], nodes=["alpha", "charlie"]),
    )


def test_constraint_that_no_node_meets() -> None:
    gpu = "node.labels.gpu==true"
    found = explain(
        snapshot(*NODES, service("db", constraints=(gpu,)), task("db", None, state="pending")), "db"
    )
    assert codes(found.why) == ["constraint_met_nowhere", "no_suitable_node"]
    assert set(statuses(found).values()) == {REJECTED}


def test_reservation_keeps_a_service_off_a_small_node() -> None:
    nodes = (node("big", memory_bytes=8 << 30), node("small", memory_bytes=1 << 30))
    seen = snapshot(*nodes, service("db", reserved_memory_bytes=2 << 30), task("db", "big"))
    found = explain(seen, "db")
    assert codes(found.places[1].reasons) == ["memory_reserved"]
    assert found.moves == (Reason("no_node_if_lost", node="big"),)


def test_volume_stays_behind_if_the_node_is_lost() -> None:
    mount = Mount("volume", "data", "/data")
    found = explain(snapshot(*NODES, service("db", mounts=(mount,)), task("db", "alpha")), "db")
    assert codes(found.why) == ["mount_volume_tied", "swarm_chose"]
    assert codes(found.moves) == ["moves_if_lost", "data_left_if_lost"]


def test_follower_moves_with_its_anchor() -> None:
    nodes = (node("alpha"), node("bravo", labels={"db": "true"}))
    seen = snapshot(
        *nodes,
        service("db"),
        service("app", **ours("node.labels.db == true")),
        task("db", "bravo"),
        task("app", "bravo"),
    )
    found = explain(seen, "app", anchors={"db": ("app",)})
    assert found.why == (
        Reason("follows_anchors", anchors=["db"], nodes="bravo"),
        Reason("managed_constraint", constraint="node.labels.db == true", nodes=["bravo"]),
    )
    assert statuses(found) == {"alpha": REJECTED, "bravo": RUNS}
    assert found.moves[0] == Reason("follows_when_anchor_moves", anchors=["db"])
    anchor = explain(seen, "db", anchors={"db": ("app",)})
    assert anchor.why[0] == Reason("leads_followers", followers=["app"])
    assert anchor.moves[0] == Reason("followers_move_along", followers=["app"])


def test_misplaced_follower_names_its_anchors_node() -> None:
    seen = snapshot(*NODES, service("db"), service("app"), task("db", "bravo"), task("app", "alpha"))
    found = explain(seen, "app", anchors={"db": ("app",)})
    assert codes(found.why) == ["follows_anchors", "is_misplaced"]
    assert statuses(found) == {"alpha": RUNS, "bravo": POSSIBLE, "charlie": REJECTED}
    assert codes(found.places[2].reasons) == ["anchor_runs_elsewhere"]


def test_global_service_belongs_to_its_nodes() -> None:
    seen = snapshot(
        *NODES, service("web", mode="global", replicas=None), *(task("web", one.id) for one in NODES)
    )
    found = explain(seen, "web")
    assert (codes(found.why), found.moves) == (["runs_on_each_node"], ())


def test_limit_of_tasks_per_node_rejects_nothing_that_runs() -> None:
    limited = service("web", max_replicas_per_node=1, replicas=2)
    found = explain(snapshot(*NODES, limited, task("web", "alpha"), task("web", "bravo")), "web")
    assert statuses(found) == {"alpha": RUNS, "bravo": RUNS, "charlie": POSSIBLE}
    assert all(not place.reasons for place in found.places)
