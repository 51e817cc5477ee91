# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenes of the demo, in order. Each is a function of the stage; ``SCENES`` at the end lists them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from demo.crash import crash
from demo.stage import CONFIG, LAB, ORCASTRA, PYTHON, DemoError, Stage
from demo.view import View
from demo.watch import wait_for
from tests.lab import wait_until

INTERVAL_SECONDS = 2
# The node that loses a label by hand, and the label, which no service needs.
HOST, LABEL = "charlie", "room"


@dataclass(frozen=True)
class Scene:
    """One part of the demo."""

    title: str
    play: Callable[[Stage], None]


def hosts(stage: Stage) -> None:
    if stage.is_up:
        stage.screen.say("The hosts of an earlier demo still exist, so they are removed first.")
        stage.run_lab("down", "--name", stage.name)
    stage.screen.say(
        "Three hosts start on this machine. Each has its own network, processes, files and Docker engine. "
        "Together they form a swarm of three managers."
    )
    stage.run_lab("up", "--name", stage.name, "--swarm")


def stack(stage: Stage) -> None:
    stage.screen.say("The engine of a manager deploys a stack, as on any swarm.")
    stage.export("DOCKER_HOST", stage.manager.docker_host)
    stage.screen.gap()
    stage.screen.say(
        "Here, nodes send a heartbeat every 2 seconds instead of every 5, so that Swarm notices a lost node "
        "sooner."
    )
    stage.run("docker", "swarm", "update", "--dispatcher-heartbeat", "2s")
    stage.run("docker", "stack", "deploy", "--resolve-image", "never", "-c", "demo/shop.yml", "shop")
    view = wait_for(stage, "the stack to start", lambda view: view.settled)
    stage.run(ORCASTRA, "status", *CONFIG)
    stage.screen.say(f"{waiting_text(view)} No node has a label yet.")


def plan(stage: Stage) -> None:
    stage.screen.say("Orcastra reads its configuration from a file:")
    stage.run("cat", "demo/config/swarm.yml")
    stage.screen.say("`plan` shows the pending changes and their reasons, and changes nothing:")
    stage.run(ORCASTRA, "plan", *CONFIG)


def first_cycle(stage: Stage) -> None:
    stage.screen.say("Now Orcastra runs one cycle: it observes, plans and acts.")
    stage.run(ORCASTRA, "run", "--once", *CONFIG)
    stage.screen.say("With the labels in place, Swarm starts the pending tasks:")
    view = wait_for(stage, "all services to run", lambda view: view.all_run)
    stage.run(ORCASTRA, "status", *CONFIG)
    stage.screen.say(together_text(view))


def second_cycle(stage: Stage) -> None:
    stage.screen.say("A second cycle finds the swarm in its desired state, so it changes nothing:")
    printed = stage.run(ORCASTRA, "run", "--once", *CONFIG)
    if "no changes needed" not in printed:
        raise DemoError("The second cycle changed something.")


def label_by_hand(stage: Stage) -> None:
    stage.screen.say(
        f"Orcastra usually runs all the time. Here it reconciles every {INTERVAL_SECONDS} seconds, while "
        f"another user removes a label by hand."
    )
    variables = {"RELABEL_TIME": str(INTERVAL_SECONDS)}
    with stage.background(ORCASTRA, "run", *CONFIG, **variables) as loop:
        wait_until(lambda: loop.has_printed("acting"), 30, "the loop to start")
        stage.run("docker", "node", "update", "--label-rm", LABEL, HOST)
        removed = time.monotonic()
        wait_for(stage, f"the label {LABEL} to return", lambda view: LABEL in view.labels(HOST))
        seconds = time.monotonic() - removed
        wait_until(lambda: loop.has_printed("verified"), 30, "the loop to finish its cycle")
    stage.screen.say(f"The label was back after {seconds:.1f} seconds.")


def look_around(stage: Stage) -> None:
    stage.screen.say(
        "The hosts keep running. Explore them, and remove a label by hand: Orcastra sets it again."
    )
    for line in (
        f"export DOCKER_HOST={stage.manager.docker_host}",
        "docker node ls",
        "docker stack ps shop",
        f"{ORCASTRA} status",
        f"docker node update --label-rm disk {HOST}",
        f"{ORCASTRA} plan {' '.join(CONFIG)}",
        f"{ORCASTRA} run --once {' '.join(CONFIG)}",
        f"{LAB} run --name {stage.name} bravo -- docker ps",
    ):
        stage.screen.command(line)
    stage.screen.gap()
    stage.screen.say("Remove everything with:")
    stage.screen.command(down_command(stage.name))
    stage.screen.gap()


SCENES = (
    Scene("Three hosts", hosts),
    Scene("A shop", stack),
    Scene("The plan", plan),
    Scene("The first cycle", first_cycle),
    Scene("The second cycle", second_cycle),
    Scene("A label is removed by hand", label_by_hand),
    Scene("The database's host crashes", crash),
    Scene("Your turn", look_around),
)


def waiting_text(view: View) -> str:
    """Return a sentence about the services with pending tasks."""
    ids = {task["ServiceID"] for task in view.waiting}
    names = sorted(service["Spec"]["Name"] for service in view.services if service["ID"] in ids)
    if not names:
        return "All services run."
    if len(names) == 1:
        return f"{names[0]} is pending."
    return f"{', '.join(names[:-1])} and {names[-1]} are pending."


def together_text(view: View) -> str:
    """Return a sentence about the nodes of the database and its followers."""
    home = view.hosts_of("shop_db")
    elsewhere = [name for name in ("shop_app", "shop_cache") if view.hosts_of(name) != home]
    place = " and ".join(home) or "no node"
    if elsewhere:
        return f"The database runs on {place}; elsewhere: {', '.join(elsewhere)}."
    return f"The database runs on {place}, and so do app and cache."


def down_command(name: str) -> str:
    """Return the command that removes the demo's lab."""
    return "make demo-down" if name == "demo" else f"{PYTHON} -m demo down --name {name}"
