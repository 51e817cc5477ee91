# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions and forecasts on the page, in a real browser, and the API behind them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import PROGRAM, Browser
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.served import TOKEN, Served, acting


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if PROGRAM is None:
        pytest.skip("chromium is missing (Debian package: chromium)")
    with Browser() as browser:
        yield browser


@pytest.fixture
def served(clock: Clock, logged: Log) -> Iterator[Served]:
    """A server of an active instance with pending changes."""
    with acting(clock) as served:
        yield served


def test_what_if_forecasts_the_loss_of_a_node(served: Served) -> None:
    reply = served.get("/api/what-if?lose=alpha")

    assert reply.status == 200
    assert [forecast["lost"] for forecast in reply.data["forecasts"]] == [["alpha"]]
    assert reply.data["text"]


@pytest.mark.parametrize("query", ["", "?lose=nowhere", "?" + "&".join(["lose=alpha"] * 21)])
def test_what_if_rejects_a_wrong_request(served: Served, query: str) -> None:
    reply = served.get(f"/api/what-if{query}")

    assert (reply.status, bool(reply.data["error"])) == (400, True)


def test_plan_carries_the_verdict(served: Served) -> None:
    verdict = served.get("/api/plan").data["verdict"]

    assert (verdict["sync"]["status"], verdict["sync"]["code"]) == ("out_of_sync", "verdict_out_of_sync")
    assert verdict["health"]["status"] == "degraded"
    assert verdict["text"]


def open_page(browser: Browser, served: Served) -> None:
    browser.messages.clear()
    browser.look_at(f"http://127.0.0.1:{served.server.port}/")
    browser.wait_for("document.getElementById('live').textContent === 'live'")


def click(browser: Browser, label: str) -> None:
    browser.wait_for(f"document.querySelector('[aria-label=\"{label}\"]') !== null")
    browser.run(f"document.querySelector('[aria-label=\"{label}\"]').click(); null")


@pytest.mark.slow
def test_sync_asks_for_the_token_once(browser: Browser, served: Served) -> None:
    open_page(browser, served)
    browser.run("document.getElementById('sync').click(); null")
    browser.wait_for("document.getElementById('ask').open")
    assert "set " in browser.run("document.getElementById('ask-text').innerText"), "the pending changes"
    browser.run(
        "document.getElementById('token').value = 'wrong'; document.getElementById('ask-ok').click(); null"
    )
    browser.wait_for("document.getElementById('ask-error').textContent !== ''")
    browser.run(
        f"document.getElementById('token').value = '{TOKEN}'; document.getElementById('ask-ok').click(); null"
    )
    browser.wait_for("!document.getElementById('ask').open")
    browser.wait_for("document.body.innerText.includes('Sync now: accepted')")

    browser.run("document.getElementById('sync').click(); null")
    browser.wait_for("document.getElementById('ask').open")
    assert browser.run("document.getElementById('ask-token').hidden"), "the tab keeps it"
    if folder := os.environ.get("TEST_PICTURES"):
        browser.picture(Path(folder) / "ask.png")
    browser.run("document.getElementById('ask-cancel').click(); sessionStorage.clear(); null")


@pytest.mark.slow
def test_drain_shows_the_forecast_before_it_happens(browser: Browser, served: Served) -> None:
    open_page(browser, served)
    click(browser, "drain alpha")
    browser.wait_for("document.getElementById('ask').open")
    assert "If alpha is lost" in browser.run("document.getElementById('ask-text').innerText")
    browser.run(
        f"document.getElementById('token').value = '{TOKEN}'; document.getElementById('ask-ok').click(); null"
    )
    browser.wait_for("!document.getElementById('ask').open")

    (entry,) = served.site.commands.waiting()
    assert entry.words == "drain_node alpha"
    browser.run("sessionStorage.clear(); null")


@pytest.mark.slow
def test_map_shows_what_happens_if_a_node_is_lost(browser: Browser, served: Served) -> None:
    open_page(browser, served)
    browser.wait_for("document.querySelectorAll('#map .node').length === 2")
    click(browser, "What if alpha is lost?")
    browser.wait_for("document.getElementById('forecast').innerText.includes('If alpha is lost')")
    assert browser.run("document.activeElement.ariaLabel") in ("What if alpha is lost?", None)
    assert browser.run("document.querySelectorAll('#map .chosen').length") == 1
    if folder := os.environ.get("TEST_PICTURES"):
        browser.picture(Path(folder) / "map.png")
    click(browser, "What if alpha is lost?")
    browser.wait_for("document.getElementById('forecast').innerText === ''")
