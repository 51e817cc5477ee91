# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weight of the page, and the time until Chromium has rendered it, for a large simulated swarm."""

from __future__ import annotations

from collections.abc import Sequence

from orcastra_runner.web.site import PAGE
from tests.bench.report import Table, calm_down, load_average, median
from tests.bench.web import ask, serving
from tests.support.browser import PROGRAM, Browser

SIZES = ((3, 20), (100, 2_000))
PACKED = {"Accept-Encoding": "gzip"}
API = ("/api/state", "/api/plan", "/api/history")
# Notes when the list of services and the map are there, and the frame that shows them has been painted.
OBSERVER = """
new MutationObserver((_changes, self) => {
  if (!document.querySelector("#services *") || !document.querySelector("#map *")) return;
  self.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.renderedAt = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime || 0"


def measure(repeat: int, sizes: Sequence[tuple[int, int]] = SIZES) -> Table:
    """``sizes``: nodes and tasks. Raises RuntimeError without Chromium."""
    if PROGRAM is None:
        raise RuntimeError("page: expected chromium in PATH, found none")
    table = Table(
        f"The page in Chromium for a simulated swarm; median of {repeat}",
        ["swarm", "page KiB", "page KiB sent", "data KiB", "data KiB sent", "first paint ms", "rendered ms"],
        notes=[
            "'page': HTML, CSS and JavaScript. 'data': state, plan and history. 'sent': compressed.",
            "From the start of the navigation, without a cache. 'rendered': services and map are shown.",
        ],
    )
    calm_down()
    before = load_average()
    for nodes, tasks in sizes:
        table.rows.append(_row(nodes, tasks, repeat))
    table.load = (before, load_average())
    return table


def _row(nodes: int, tasks: int, repeat: int) -> list[str | int | float]:
    painted, rendered = [], []
    with serving(nodes, tasks) as (server, _status):
        sizes = [
            sum(ask(server.port, path, headers)[2] for path in paths) / 1024
            for paths in (tuple(PAGE), API)
            for headers in ({}, PACKED)
        ]
        with Browser() as browser:
            browser.ask("Network.enable")
            browser.ask("Network.setCacheDisabled", cacheDisabled=True)
            browser.ask("Page.addScriptToEvaluateOnNewDocument", source=OBSERVER)
            for _number in range(repeat):
                browser.look_at("about:blank")
                browser.look_at(f"http://127.0.0.1:{server.port}/")
                rendered.append(float(browser.wait_for("window.renderedAt")))
                painted.append(float(browser.run(PAINTED)))
    return [f"{nodes} nodes, {tasks} tasks", *sizes, median(painted), median(rendered)]
