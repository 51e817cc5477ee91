# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Swarm places tasks, and which changes move them."""

from __future__ import annotations

from tests.behaviour.world import NODES, SECOND, Swarm

ROOM = 200 * 1024**3
"""More memory than a node has."""


def test_tasks_are_spread_by_service_then_by_number(swarm: Swarm) -> None:
    swarm.run("web", 6)
    assert swarm.counts("web") == {"alpha": 2, "bravo": 2, "charlie": 2}
    swarm.run("pinned", 1, placement={"Constraints": ["node.hostname==bravo"]})
    swarm.run("other", 2)
    # bravo has the most tasks
    assert swarm.where("other") == ["alpha", "charlie"]


def test_new_constraint_moves_only_tasks_that_violate_it(swarm: Swarm) -> None:
    swarm.run("web", 3)
    before = swarm.ids("web")
    assert swarm.where("web") == list(NODES)
    leaving = {task["ID"] for task in swarm.running("web") if swarm.name_of(task["NodeID"]) == "alpha"}

    swarm.constrain("web", "node.hostname!=alpha")
    swarm.until(lambda: len(where := swarm.where("web")) == 3 and "alpha" not in where, "the move")
    swarm.settled("web")
    assert swarm.ids("web") & before == before - leaving

    moved = swarm.ids("web")
    swarm.constrain("web")
    swarm.stays(lambda: swarm.ids("web") == moved, 1, "a task moved though its node meets all constraints")


def test_pinned_task_moves_once_and_stays(swarm: Swarm) -> None:
    swarm.run("db", 1, placement={"Constraints": ["node.hostname==alpha"]})
    target = swarm.node("charlie")["ID"]

    swarm.constrain("db", f"node.id=={target}")
    swarm.until(lambda: swarm.where("db") == ["charlie"], "the move")
    swarm.settled("db")
    moved = swarm.ids("db")
    swarm.constrain("db")
    swarm.stays(lambda: swarm.ids("db") == moved, 1, "the task moved again")
    states = [task["DesiredState"] for task in swarm.tasks("db")]
    assert states == ["shutdown", "running"]


def test_preferences_and_max_replicas_move_nothing(swarm: Swarm) -> None:
    swarm.run("web", 3, placement={"Constraints": ["node.hostname==alpha"]})
    swarm.constrain("web")
    before = swarm.ids("web")

    def change(spec: dict) -> None:
        spec["TaskTemplate"]["Placement"] = {
            "MaxReplicas": 1,
            "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}],
        }

    swarm.change("web", change)
    swarm.stays(lambda: swarm.ids("web") == before, 1, "a task moved")
    assert swarm.where("web") == ["alpha"] * 3


def test_spread_preferences(swarm: Swarm) -> None:
    swarm.label("alpha", rack="a")
    swarm.label("bravo", rack="b")
    swarm.label("charlie", rack="b")
    spread = {"Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}]}
    swarm.run("web", 4, placement=spread)
    assert swarm.counts("web") == {"alpha": 2, "bravo": 1, "charlie": 1}


def test_task_without_a_suitable_node_waits(swarm: Swarm) -> None:
    swarm.run("web", 3)
    swarm.deploy("full", 4, placement={"MaxReplicas": 1})
    swarm.deploy("large", template={"Resources": {"Reservations": {"MemoryBytes": ROOM}}})
    swarm.deploy("nowhere", placement={"Constraints": ["node.labels.there==no"]})
    swarm.deploy("foreign", placement={"Platforms": [{"Architecture": "vax", "OS": "linux"}]})
    port = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 18080, "PublishMode": "host"}
    swarm.deploy("ports", 4, EndpointSpec={"Mode": "dnsrr", "Ports": [port]})

    def complaints(name: str) -> list[str]:
        tasks = swarm.desired(name)
        return [task["Status"].get("Err", "") for task in tasks if task["Status"]["State"] == "pending"]

    for name, words in (
        ("large", "no suitable node (insufficient resources on 3 nodes)"),
        ("nowhere", "no suitable node (scheduling constraints not satisfied on 3 nodes)"),
        ("foreign", "no suitable node (unsupported platform on 3 nodes)"),
        ("full", "no suitable node (max replicas per node limit exceed)"),
        ("ports", "no suitable node (host-mode port already in use on 3 nodes)"),
    ):
        swarm.until(lambda name=name, words=words: complaints(name) == [words], f"{name} to wait")  # type: ignore[misc]
    for name in ("full", "ports"):
        swarm.until(lambda name=name: swarm.where(name) == list(NODES), f"the others of {name}")  # type: ignore[misc]

    swarm.label("bravo", there="no")
    swarm.until(lambda: swarm.where("nowhere") == ["bravo"], "the label to make room")


def test_scaling(swarm: Swarm) -> None:
    swarm.run("web", 2, placement={"Constraints": ["node.hostname==alpha"]})
    first = swarm.ids("web")
    swarm.constrain("web")
    swarm.stays(lambda: swarm.ids("web") == first, 0.5, "a constraint's removal moved a task")

    swarm.scale("web", 4)
    swarm.until(lambda: len(swarm.running("web")) == 4, "4 tasks")
    assert swarm.counts("web") == {"alpha": 2, "bravo": 1, "charlie": 1}
    assert first < swarm.ids("web")

    # the second task on a node is removed first, without a trace
    swarm.scale("web", 3)
    swarm.until(lambda: len(swarm.tasks("web")) == 3, "3 tasks")
    assert swarm.counts("web") == {"alpha": 1, "bravo": 1, "charlie": 1}

    swarm.scale("web", 0)
    swarm.until(lambda: not swarm.tasks("web"), "no task")


def test_drain_and_pause(swarm: Swarm) -> None:
    swarm.run("web", 3)
    swarm.run("everywhere", None)
    stay = {task["ID"] for task in swarm.running("web") if swarm.name_of(task["NodeID"]) != "bravo"}

    swarm.change_node("bravo", Availability="drain")
    swarm.until(lambda: len(where := swarm.where("web")) == 3 and "bravo" not in where, "a drained node")
    swarm.until(lambda: swarm.where("everywhere") == ["alpha", "charlie"], "the global service to leave")
    assert stay < swarm.ids("web")

    # back: the global service returns, the others stay where they are
    before = swarm.ids("web")
    swarm.change_node("bravo", Availability="active")
    swarm.until(lambda: swarm.where("everywhere") == list(NODES), "the global service to return")
    assert swarm.ids("web") == before

    # paused: running tasks stay, and no new ones start
    swarm.change_node("bravo", Availability="pause")
    swarm.run("new", 4)
    assert set(swarm.where("new")) == {"alpha", "charlie"}
    assert swarm.where("everywhere") == list(NODES)


def test_global_service_follows_constraints_immediately(swarm: Swarm) -> None:
    for name in NODES:
        swarm.label(name, on="yes")
    swarm.run("agent", None, update={"Parallelism": 1, "Delay": 20 * SECOND})
    before = {swarm.name_of(task["NodeID"]): task["ID"] for task in swarm.running("agent")}

    # two leave at the same time, although the update policy says one at a time
    swarm.constrain("agent", "node.hostname==alpha")
    swarm.until(lambda: swarm.where("agent") == ["alpha"], "the others to leave", 8)
    assert swarm.ids("agent") == {before["alpha"]}

    swarm.constrain("agent", "node.labels.on==yes")
    swarm.until(lambda: swarm.where("agent") == list(NODES), "all of them back", 8)
    swarm.label("charlie")
    swarm.until(lambda: swarm.where("agent") == ["alpha", "bravo"], "charlie to be left")
    swarm.label("charlie", on="yes")
    swarm.until(lambda: swarm.where("agent") == list(NODES), "charlie to be back")
