# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene in which the database's host loses its power, and app and cache follow the database."""

from __future__ import annotations

import time

from demo.stage import CONFIG, LAB, ORCASTRA, DemoError, Stage
from demo.view import NODE_HEADS, View
from demo.watch import TIME_HEADS, Mark, Timeline, wait_for
from tests.lab import wait_until

ANCHOR, FOLLOWERS, LABEL = "shop_db", ("shop_app", "shop_cache"), "db"
LONGEST_SECONDS = 120


def crash(stage: Stage) -> None:
    """Crash the host, tell with times what follows, boot it again, and show that nothing moves back."""
    (home,) = wait_for(stage, "all services to run", lambda view: view.all_run).hosts_of(ANCHOR)
    if home == stage.manager.name:
        raise DemoError(f"{home} leads the swarm by now; in this scene it has to be another host.")
    stage.screen.say(
        f"Orcastra can follow the swarm's events, too: then it looks as soon as something happens. Here "
        f"{home}, the database's host, loses its power: everything on it is gone at once."
    )
    with stage.background(ORCASTRA, "run", *CONFIG, EVENT_MODE="true") as loop:
        wait_until(lambda: loop.said("acting"), 30, "the loop to start")
        view = _lose(stage, home)
        wait_until(lambda: loop.said("verified"), 30, "the loop to finish its cycle")
        _bring_back(stage, home, view)


def _lose(stage: Stage, home: str) -> View:
    """Returns what the swarm looks like once all is well again without the host."""

    def is_beside(view: View, name: str) -> bool:
        return anchor.reached(view) and view.runs(name) and view.hosts_of(name) == view.hosts_of(ANCHOR)

    noticed = Mark(f"Swarm notices that {home} is down", lambda view: view.is_down(home))
    # until it does, it takes what ran there for running
    anchor = Mark(
        "Swarm runs the database on another host",
        lambda view: view.is_down(home) and view.runs(ANCHOR) and view.hosts_of(ANCHOR) != [home],
    )
    label = Mark(
        f"Orcastra has moved the label {LABEL}=true there",
        lambda view: anchor.reached(view) and view.hosts_with(LABEL) == view.hosts_of(ANCHOR),
    )
    followers = [
        Mark(f"{name} runs beside the database", lambda view, name=name: is_beside(view, name))  # type: ignore[misc]
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
    stage.screen.table(TIME_HEADS, timeline.rows())
    last = max(timeline.seconds(mark) for mark in followers)
    stage.screen.say(
        f"App and cache were back {last - timeline.seconds(anchor):.1f} seconds after the database. The "
        f"rest is Swarm's own time: it has to notice, and then it waits for 5 seconds (restart_policy.delay) "
        f"before it starts anything again."
    )
    return view


def _bring_back(stage: Stage, home: str, before: View) -> None:
    stage.screen.say(f"{home} gets its power back:")
    stage.screen.command(f"{LAB} boot --name {stage.name} {home}")
    stage.lab[home].boot()
    stage.screen.gap()
    view = wait_for(stage, f"{home} to be back", lambda view: not view.is_down(home) and view.all_run)
    said = stage.run(ORCASTRA, "plan", *CONFIG)
    stage.screen.table(NODE_HEADS, view.node_rows())
    names = (ANCHOR, *FOLLOWERS)
    if "Nothing to be done" not in said or view.task_ids(*names) != before.task_ids(*names):
        raise DemoError("Something has moved again, although all was well.")
    stage.screen.say(
        f"Nothing moves back: database, app and cache are the same containers as before. What {home} still "
        f"has of them has ended:"
    )
    asked = ("--filter", f"name={'|'.join(names)}", "--format", "{{.Names}}: {{.Status}}")
    left = stage.run(*LAB.split(), "run", "--name", stage.name, home, "--", "docker", "ps", "-a", *asked)
    if ": Up" in left:
        raise DemoError(f"On {home}, something still runs.")
