# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene in which the database's host loses power, and app and cache follow the database."""

from __future__ import annotations

import time

from demo.stage import CONFIG, LAB, ORCASTRA, DemoError, Stage
from demo.view import View
from demo.watch import Mark, Timeline, wait_for
from tests.lab import wait_until

ANCHOR, FOLLOWERS, LABEL = "shop_db", ("shop_app", "shop_cache"), "db"
LONGEST_SECONDS = 120


def crash(stage: Stage) -> None:
    """Crash the host, show the events with their times, boot it again, and show that nothing moves back."""
    (home,) = wait_for(stage, "all services to run", lambda view: view.all_run).hosts_of(ANCHOR)
    if home == stage.manager.name:
        raise DemoError(f"{home} is the swarm leader now, but this scene must crash another host.")
    stage.screen.say(
        f"Orcastra can also follow the swarm's events and react as soon as something changes. Now {home}, "
        f"the database's host, loses its power, and everything on it disappears at once."
    )
    with stage.background(ORCASTRA, "run", *CONFIG, EVENT_MODE="true") as loop:
        wait_until(lambda: loop.has_printed("acting"), 30, "the loop to start")
        view = _lose(stage, home)
        wait_until(lambda: loop.has_printed("verified"), 30, "the loop to finish its cycle")
        _bring_back(stage, home, view)


def _lose(stage: Stage, home: str) -> View:
    """Crash the host. Returns the state of the swarm once everything runs again without it."""

    def is_co_located(view: View, name: str) -> bool:
        return anchor.reached(view) and view.runs(name) and view.hosts_of(name) == view.hosts_of(ANCHOR)

    noticed = Mark(f"Swarm notices that {home} is down", lambda view: view.is_down(home))
    # until then, Swarm still considers the tasks there as running
    anchor = Mark(
        "Swarm runs the database on another host",
        lambda view: view.is_down(home) and view.runs(ANCHOR) and view.hosts_of(ANCHOR) != [home],
    )
    label = Mark(
        f"Orcastra has moved the label {LABEL}=true there",
        lambda view: anchor.reached(view) and view.hosts_with(LABEL) == view.hosts_of(ANCHOR),
    )
    followers = [
        Mark(f"{name} runs next to the database", lambda view, name=name: is_co_located(view, name))  # type: ignore[misc]
        for name in FOLLOWERS
    ]
    marks = [noticed, anchor, label, *followers]
    stage.screen.command(f"{LAB} crash --name {stage.name} {home}")
    stage.screen.gap()
    timeline = Timeline(time.monotonic(), f"{home} loses its power")
    stage.lab[home].crash()
    view = wait_for(
        stage, f"{ANCHOR} and its followers to run", lambda view: timeline.note(marks, view), LONGEST_SECONDS
    )
    stage.screen.gap()
    for line in timeline.lines():
        stage.screen.output(line)
    stage.screen.gap()
    last = max(timeline.seconds(mark) for mark in followers)
    stage.screen.say(
        f"App and cache were back {last - timeline.seconds(anchor):.1f} seconds after the database. Swarm "
        f"itself took the rest of the time: it must notice the loss, and then waits 5 seconds "
        f"(restart_policy.delay) before it restarts tasks."
    )
    return view


def _bring_back(stage: Stage, home: str, before: View) -> None:
    stage.screen.say(f"The power of {home} returns:")
    stage.screen.command(f"{LAB} boot --name {stage.name} {home}")
    stage.lab[home].boot()
    stage.screen.gap()
    view = wait_for(stage, f"{home} to be back", lambda view: not view.is_down(home) and view.all_run)
    stage.run(ORCASTRA, "plan", "--detailed-exitcode", *CONFIG)
    stage.run(ORCASTRA, "status", *CONFIG)
    names = (ANCHOR, *FOLLOWERS)
    if view.task_ids(*names) != before.task_ids(*names):
        raise DemoError("A task moved again without need.")
    stage.screen.say(
        f"Nothing moves back: database, app and cache still run in the same containers. Their old containers "
        f"on {home} have stopped:"
    )
    asked = ("--filter", f"name={'|'.join(names)}", "--format", "{{.Names}}: {{.Status}}")
    left = stage.run(*LAB.split(), "run", "--name", stage.name, home, "--", "docker", "ps", "-a", *asked)
    if ": Up" in left:
        raise DemoError(f"An old container still runs on {home}.")
