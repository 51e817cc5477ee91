# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database's host loses power, and its followers move with it. The test checks the log and a picture."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import text_of
from demo.view import View, look
from tests.lab import Host, Lab, LabError
from tests.lab.wait import wait_until
from tests.support.browser import PROGRAM, Browser
from tests.support.follow_picture import Bar, Mark, Run, Said, page
from tests.support.log_entry import sentence
from tests.support.runner_process import Loop, running

pytestmark = pytest.mark.lab

STACK = Path(__file__).resolve().parents[3] / "demo" / "shop.yml"
SERVICES = {"db": "shop_db", "app": "shop_app", "cache": "shop_cache"}
LOOK_SECONDS = 0.1
# the time to show before and after
BEFORE, AFTER = 3.0, 2.5


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    (tmp_path / "swarm.yml").write_text("dependencies:\n  db: {stack: shop, services: [app, cache]}\n")
    return tmp_path


@dataclass
class Camera:
    """Observes the swarm repeatedly. ``views``: the observations and their times in seconds."""

    manager: Host
    views: list[tuple[float, View]] = field(default_factory=list)

    @contextmanager
    def filming(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._film, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _film(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            try:
                self.views.append((time.time(), look(self.manager)))
            except (OSError, LabError):
                continue  # the next observation may succeed

    def first(self, condition: Callable[[View], bool], since: float) -> float:
        """Return the time of the first matching observation, in seconds after ``since``."""
        return next(at - since for at, view in self.views if at > since and condition(view))

    def spans(self, holds: Callable[[View], str], since: float) -> list[tuple[float, float, str]]:
        """Return the spans with the same value of ``holds``, in seconds after ``since``."""
        found: list[tuple[float, float, str]] = []
        for at, view in self.views:
            said = holds(view)
            if found:
                # the earlier value held until this observation
                found[-1] = (found[-1][0], at - since, found[-1][2])
            if not found or found[-1][2] != said:
                found.append((at - since, at - since, said))
        return [span for span in found if span[2]]


def deploy(swarm: Lab, folder: Path) -> None:
    """Deploy the demo's stack, with the database not on the leader's node."""
    file = folder / "shop.yml"
    leader = swarm.leader()
    file.write_text(STACK.read_text().replace("node.hostname != alpha", f"node.hostname != {leader.name}"))
    environment = {**os.environ, "DOCKER_HOST": leader.docker_host}
    subprocess.run(
        ["docker", "stack", "deploy", "--resolve-image", "never", "-c", file, "shop"],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip


def together(view: View) -> bool:
    """Return whether every service runs on the database's node."""
    places = [view.hosts_of(name) for name in SERVICES.values()]
    return all(map(view.runs, SERVICES.values())) and len(places[0]) == 1 and places.count(places[0]) == 3


def test_followers_return_to_the_database(swarm: Lab, config_dir: Path, tmp_path: Path) -> None:
    deploy(swarm, tmp_path)
    leader = swarm.leader()
    camera = Camera(leader)
    with running(config_dir, leader.docker_host, EVENT_MODE="true", RELABEL_TIME="3600") as loop:
        wait_until(lambda: together(look(leader)), timeout=90, what="the shop to run")
        (home,) = look(leader).hosts_of("shop_db")
        with camera.filming():
            wait_until(
                lambda: len(camera.views) * LOOK_SECONDS > BEFORE, what="an observation of the first state"
            )
            crashed = time.time()
            swarm[home].crash()
            wait_until(
                lambda: is_beside(camera.views[-1][1], home), timeout=90, what="all followers to have moved"
            )
            loop.wait_for("verified: the swarm matches the configuration", times=2)
            seen = time.time()
            wait_until(lambda: camera.views[-1][0] > seen + AFTER, what="an observation of the final state")
        run = told(camera, loop, home, crashed)

    lost, noticed, anchor, label, *followers = [mark.at for mark in run.marks]
    assert lost == 0 < noticed <= anchor <= label <= min(followers), run.marks
    assert len(followers) == len(SERVICES) - 1
    (new,) = camera.views[-1][1].hosts_of("shop_db")
    assert {(bar.host, bar.lane) for bar in run.bars if bar.start > anchor} == {
        (new, "app"), (new, "cache"), (new, "label")
    }, "nothing was started anywhere else in between"  # fmt: skip
    assert any(
        f"set db=true on node {new}" in said.what and "shop_db runs there" in said.why for said in run.log
    )
    if PROGRAM is not None:
        check_picture(run, tmp_path)


def is_beside(view: View, home: str) -> bool:
    """Return whether all services run together again, on another host."""
    return (
        view.is_down(home) and together(view) and view.hosts_with("db") == view.hosts_of("shop_db") != [home]
    )


def told(camera: Camera, loop: Loop, home: str, crashed: float) -> Run:
    """Return the events, from the observations and the log."""
    first, last = (camera.views[index][0] - crashed for index in (0, -1))
    view = camera.views[-1][1]
    (new,) = view.hosts_of("shop_db")
    marks = [
        Mark(0, f"{home} loses its power"),
        Mark(camera.first(lambda view: view.is_down(home), crashed), f"Swarm notices that {home} is down"),
        Mark(
            camera.first(lambda view: view.hosts_of("shop_db") == [new], crashed),
            f"Swarm runs the database on {new}",
        ),
        Mark(
            camera.first(lambda view: view.hosts_with("db") == [new], crashed),
            "Orcastra has moved the label db=true there",
        ),
    ]
    followers = [
        Mark(
            camera.first(lambda view, name=name: view.runs(name) and view.hosts_of(name) == [new], crashed),  # type: ignore[misc]
            f"{name.removeprefix('shop_')} runs next to the database again",
        )
        for name in SERVICES.values()
        if name != "shop_db"
    ]
    marks += sorted(followers, key=lambda mark: mark.at)
    hosts = sorted(str(node["Description"]["Hostname"]) for node in view.nodes)
    return Run(
        title=f"{home} loses its power, and the app and its cache follow their database",
        about="A run on three real engines. The numbers below the bars are seconds since the power loss. "
        "Here, nodes send a heartbeat every 2 s, and Swarm waits 5 s before it restarts a task.",
        start=-BEFORE,
        end=last,
        hosts=hosts,
        lanes=["label", *SERVICES],
        bars=[bar for host in hosts for bar in bars(camera, host, home, crashed, first, last)],
        marks=marks,
        log=said(loop, crashed),
    )


def bars(camera: Camera, host: str, home: str, crashed: float, first: float, last: float) -> Iterator[Bar]:
    """Return a host's states and tasks from ``first`` to ``last``. Tasks end when their host is lost."""
    if host == home:
        yield Bar(host, "", "no power", 0.0, last, "off")
    if host == camera.manager.name:
        yield Bar(host, "", "swarm leader, so its instance of Orcastra is active", first, last, "note")
    for start, end, text in camera.spans(
        lambda view: "label db=true" if host in view.hosts_with("db") else "", crashed
    ):
        yield Bar(host, "label", text, start, end, "label")
    for lane, name in SERVICES.items():

        def holds(view: View, name: str = name, lane: str = lane) -> str:
            number = view.places(name)[host]
            return f"{lane} ×{number}" if number > 1 else lane if number else ""

        for start, end, text in camera.spans(holds, crashed):
            if host != home:
                yield Bar(host, lane, text, start, end, lane)
                continue
            yield Bar(host, lane, text, start, min(end, 0.0), lane)
            yield Bar(host, lane, "lost, not yet noticed", 0.0, end, "believed")


def said(loop: Loop, crashed: float) -> list[Said]:
    """Return the log entries since then, without debug entries."""
    found = []
    for entry in loop.entries:
        at = datetime.fromisoformat(entry["time"]).timestamp() - crashed
        if at > 0 and entry["level"] != "debug":
            why = "; ".join(text_of(reason) for reason in entry.get("why") or ())
            found.append(Said(at, sentence(entry), why))
    return found


def check_picture(run: Run, folder: Path) -> None:
    """Check the picture in the light and dark scheme. TEST_PICTURES is the folder for the pictures."""
    file = folder / "follow.html"
    file.write_text(page(run), encoding="utf-8")
    with Browser() as browser:
        for scheme in ("light", "dark"):
            browser.look_at(file.as_uri(), width=960, height=640, scale=1.5, dark=scheme == "dark")
            text = browser.text()
            for shown in (run.title, *(mark.text for mark in run.marks), *(said.what for said in run.log)):
                assert shown in text, shown
            assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
            if kept := os.environ.get("TEST_PICTURES"):
                browser.picture(Path(kept) / f"follow-{scheme}.png")
        assert browser.messages == []
