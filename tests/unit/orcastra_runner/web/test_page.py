# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page in a real browser: its content, that it updates itself, and that it treats no data as markup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import StepResult
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory, NodeMemory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Attempts, State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner.command.requests import CommandRequests
from orcastra_runner.signals import Signals
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import plan_all
from orcastra_runner.web.guard import Guard
from orcastra_runner.web.server import WebServer
from orcastra_runner.web.site import Site
from tests.support.browser import PROGRAM, Browser
from tests.support.builders import desired, node, service, snapshot, task

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="chromium is missing (Debian package: chromium)"),
]

GIB = 1024**3
EVIL = "<img src=x onerror=alert(1)>"
WANTED = desired(nodes={"alpha": {"ssd": "true"}}, anchors={"db": ("app", "gone")})
MEMORY = Memory(nodes={"id-alpha": NodeMemory("host-1", 8 * GIB, 2 * GIB)})
SEEN = Observation(
    snapshot=snapshot(
        node("alpha", role="manager", leader=True, labels={"note": EVIL}),
        node("bravo", state="down", availability="drain"),
        service("shop_db"),
        service("shop_app", replicas=2),
        service("shop_web"),
        task("shop_db", "alpha"),
        task("shop_app", "alpha"),
        task("shop_web", "alpha", state="rejected", error=f"no such image {EVIL}"),
    ),
    state=State(
        attempts={
            "id-shop_app": Attempts(3, 20.0, 10.0, Reason("misplaced"), Reason("attempts_exhausted", count=3))
        },
        asked_availability={"id-bravo": 20.0},
    ),
    damage=(),
    local_node_id="id-alpha",
    cluster_id="cluster",
    requests=5,
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def site() -> Iterator[tuple[StatusStore, str]]:
    """A recorded status, and the address of its page."""
    status = StatusStore(dry_run=True)
    server = WebServer(Site(status, Signals(), CommandRequests(), Guard(None)), "127.0.0.1", 0)
    assert server.start()
    status.configured(WANTED)
    status.measured(MEMORY)
    status.observed(SEEN, 0.01)
    status.decided("acting: this node is the swarm leader", leads=True, acts=True)
    status.planned("sync", plan_all(SEEN, WANTED))
    status.stepped("sync", StepResult(plan_all(SEEN, WANTED).steps[0], changed=True))
    yield status, f"http://127.0.0.1:{server.port}/"
    server.stop()


def keep(browser: Browser, name: str) -> None:
    """Keep a picture in the folder TEST_PICTURES."""
    if folder := os.environ.get("TEST_PICTURES"):
        browser.picture(Path(folder) / f"{name}.png")


@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (1280, True), (390, False)], ids=["light", "dark", "phone"]
)
def test_page_shows_state_plan_and_history(
    browser: Browser, site: tuple[StatusStore, str], width: int, dark: bool
) -> None:
    _, url = site
    browser.messages.clear()
    browser.look_at(url, width=width, dark=dark)
    browser.wait_for("document.getElementById('live').textContent === 'live'")
    keep(browser, f"{width}-{'dark' if dark else 'light'}")
    text = browser.text()
    for shown in (
        "Dry run: this instance only plans",
        "on alpha, acting: this node is the swarm leader",
        "1 of 2",
        "6.0 GiB of 8.0 GiB (75%), host host-1",
        "memory: not measured",
        "ssd=true is configured for this node",
        "shop_app: given up",
        "3 attempts failed",
        "does not exist",
        "drain since ",
        "shop_web",
    ):
        assert shown in text, shown
    assert EVIL in text, "markup is shown as text"
    assert browser.run("document.images.length") == 0
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "the page is too wide"
    bar = browser.run("document.querySelector('[role=meter] .fill').style.width")
    assert bar == "75%"
    back = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, back[4:-1].split(","))) < 3 * 128) == dark
    assert browser.messages == []


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_page_shows_why_an_anchor_does_not_run(
    browser: Browser, site: tuple[StatusStore, str], width: int
) -> None:
    status, url = site
    held = service("shop_db", constraints=("node.labels.nowhere==true",))
    parts = snapshot(
        *SEEN.snapshot.nodes,
        held,
        service("shop_app"),
        task("shop_db", None, state="pending"),
        task("shop_app", "alpha"),
    )
    seen = replace(SEEN, snapshot=parts, state=State())
    status.observed(seen, 0.01)
    status.planned("sync", Plan())
    browser.messages.clear()
    browser.look_at(url, width=width)
    browser.wait_for("document.getElementById('live').textContent === 'live'")
    keep(browser, f"short-{width}")
    reason = "its constraint node.labels.nowhere==true forbids it"
    assert reason in browser.run("document.querySelector('#groups article').innerText")
    assert reason in browser.run("document.getElementById('attention').innerText")
    headline = browser.run("document.getElementById('plan').innerText")
    assert "1 service is short of tasks: shop_db." in headline
    assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "the page is too wide"
    assert browser.messages == []


def test_page_has_accessible_names(browser: Browser, site: tuple[StatusStore, str]) -> None:
    _, url = site
    browser.look_at(url)
    browser.wait_for("document.querySelectorAll('#nodes article').length === 2")
    browser.ask("Accessibility.enable")
    tree = browser.ask("Accessibility.getFullAXTree")["nodes"]
    roles = {"searchbox", "meter", "link", "button", "table", "region", "heading"}
    for one in tree:
        if not one["ignored"] and one["role"]["value"] in roles - {"table"}:
            assert one["name"]["value"], one
    assert browser.run("document.documentElement.lang") == "en"
    assert browser.run("document.querySelectorAll('main, h1').length") == 2


def test_page_boxes_that_scroll_are_reachable_by_keyboard(
    browser: Browser, site: tuple[StatusStore, str]
) -> None:
    status, url = site
    stops = "[...document.querySelectorAll('[tabindex]')].map(one => one.id).join()"
    browser.look_at(url)
    browser.wait_for("document.querySelectorAll('#history li').length === 1")
    assert browser.run(stops) == ""
    step = plan_all(SEEN, WANTED).steps[0]
    for _ in range(30):
        status.stepped("sync", StepResult(step, changed=True))
    browser.wait_for("document.querySelectorAll('#history li').length === 31")
    assert browser.run(stops) == "history"
    assert browser.run("document.getElementById('history').getAttribute('aria-labelledby')") == "history-head"


def test_page_updates_itself(browser: Browser, site: tuple[StatusStore, str]) -> None:
    status, url = site
    browser.look_at(url)
    browser.wait_for("document.querySelectorAll('#nodes article').length === 2")
    more = snapshot(*SEEN.snapshot.nodes, node("charlie"), *SEEN.snapshot.services, *SEEN.snapshot.tasks)
    status.observed(replace(SEEN, snapshot=more), 0.01)
    status.problem("engine", "the engine went away")
    browser.wait_for("document.querySelectorAll('#nodes article').length === 3")
    assert "the engine went away" in browser.text()
    status.decided("standing by: the leader is node bravo", leads=False, acts=False)
    browser.wait_for("document.body.innerText.includes('This instance is on standby')")


def test_page_filters_services(browser: Browser, site: tuple[StatusStore, str]) -> None:
    _, url = site
    browser.look_at(url)
    browser.wait_for("document.querySelectorAll('#services tbody tr').length === 1")
    browser.run(
        "const box = document.getElementById('filter'); box.value = 'app'; "
        "box.dispatchEvent(new Event('input')); null"
    )
    assert browser.run("document.querySelector('#services tbody').innerText").startswith("shop_app")


def test_page_reports_a_lost_connection(browser: Browser, site: tuple[StatusStore, str]) -> None:
    _, url = site
    browser.look_at(url)
    browser.wait_for("document.getElementById('live').textContent === 'live'")
    # simulate a lost server: every request fails
    browser.run("window.fetch = () => Promise.reject(new Error('gone')); null")
    browser.wait_for("document.body.innerText.includes('No response from Orcastra: gone')")
    assert "shop_db" in browser.text(), "the last known status stays"


def test_page_without_configuration_names_the_next_step_and_links_other_instances(browser: Browser) -> None:
    status = StatusStore(read_only=True, peers=("http://{address}:6060/", "https://swarm.example.org/c/"))
    server = WebServer(Site(status, Signals(), CommandRequests(), Guard(None)), "127.0.0.1", 0)
    assert server.start()
    other = node("charlie", role="manager", leader=True, address="fd00::3")
    status.observed(replace(SEEN, snapshot=snapshot(*SEEN.snapshot.nodes, other)), 0.01)
    status.decided("standing by: the leader is node charlie", leads=False, acts=False)
    browser.messages.clear()
    try:
        browser.look_at(f"http://127.0.0.1:{server.port}/", width=390)
        browser.wait_for("document.getElementById('live').textContent === 'live'")
        keep(browser, "read-only")
        assert "Next step: run orcastra init" in browser.text()
        links = "[...document.querySelectorAll('#peers a')].map((link) => [link.textContent, link.href])"
        assert browser.run(links) == [
            ["charlie (leader)", "http://[fd00::3]:6060/"],
            ["swarm.example.org", "https://swarm.example.org/c/"],
        ]
        assert browser.run("document.documentElement.scrollWidth <= innerWidth"), "the page is too wide"
    finally:
        server.stop()
    assert browser.messages == []
