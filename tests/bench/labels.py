# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runner's loop: time until it restores a label removed by hand, and the cost of idling."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.bench.report import Table, calm_down, load_average, median, percentile
from tests.bench.runner import Runner, running
from tests.lab import Lab
from tests.lab.wait import wait_until

LABEL = "label-0"
_SLACK_SECONDS = 120


def return_table() -> Table:
    return Table(
        "Seconds until the loop restores a label removed by hand",
        [
            "RELABEL_TIME s", "times", "median s", "p95 s", "fastest s", "slowest s", "playbook s (median)",
            "playbook CPU s (mean)", "requests (mean)",
        ],
        notes=[
            "Removals are spread evenly over the interval, so the median includes half of it.",
            "Requests: all from the removal to the return, including those of the playbook.",
        ],
    )  # fmt: skip


def measure_return(
    table: Table, lab: Lab, desired: dict[str, Any], relabel_time: float, repeat: int, folder: Path
) -> None:
    """Add a row: remove a label ``repeat`` times while the loop runs."""
    calm_down()
    before = load_average()
    leader = lab.leader()
    name = next(host.name for host in lab)
    seconds: list[float] = []
    with running(leader.ip, desired, relabel_time, folder) as runner:
        cpu, requests = runner.cpu(), 0
        for n in range(repeat):
            time.sleep((n + 0.5) / repeat * relabel_time)
            asked = runner.requests
            _remove(lab, name)
            started = time.perf_counter()
            wait_until(
                lambda: runner.is_alive() and LABEL in _node(lab, name)["Spec"]["Labels"],
                relabel_time + _SLACK_SECONDS,
                f"label {LABEL} on {name}",
                interval=0.02,
            )
            seconds.append(time.perf_counter() - started)
            requests += runner.requests - asked
            _wait_until_logged(runner, n + 1)
        spent = runner.cpu() - cpu
        plays = [line["seconds"] for line in runner.log() if "playbook finished" in line.values()]
    table.rows.append(
        (
            relabel_time, repeat, median(seconds), percentile(seconds, 95), min(seconds), max(seconds),
            median(plays), spent.playbooks / len(plays), requests / repeat,
        )
    )  # fmt: skip
    table.load = (table.load[0] or before, load_average())


def idle_table() -> Table:
    return Table(
        "The idle loop",
        [
            "RELABEL_TIME s", "minutes", "CPU s", "CPU % of one core", "CPU ms/cycle", "RSS MiB",
            "RSS peak MiB", "requests", "requests/s",
        ],
        notes=[
            "Counted after the first cycle. Every 10 minutes, a resync adds one playbook run.",
        ],
    )  # fmt: skip


def measure_idle(
    table: Table, lab: Lab, desired: dict[str, Any], relabel_time: float, minutes: float, folder: Path
) -> None:
    """Add a row: observe the idle loop for ``minutes``."""
    calm_down()
    before = load_average()
    with running(lab.leader().ip, desired, relabel_time, folder) as runner:
        time.sleep(2)  # don't count work that follows the first cycle
        cpu, requests, started = runner.cpu(), runner.requests, time.perf_counter()
        time.sleep(minutes * 60)
        runner.is_alive()
        spent, asked, elapsed = runner.cpu() - cpu, runner.requests - requests, time.perf_counter() - started
        now, peak = runner.memory_mib()
        if spent.playbooks:
            table.notes.append(f"RELABEL_TIME {relabel_time:g}: includes a playbook run (see above).")
    looks = max(1, asked / 5)
    table.rows.append(
        (
            relabel_time, elapsed / 60, spent.own, spent.own / elapsed * 100, spent.own / looks * 1e3, now,
            peak, asked, asked / elapsed,
        )
    )  # fmt: skip
    table.load = (table.load[0] or before, load_average())


def _wait_until_logged(runner: Runner, times: int) -> None:
    """Wait until the loop has finished its cycle, so that the interval starts now."""

    def done() -> bool:
        ends = [line for line in runner.log() if "verified" in line.values()]
        return runner.is_alive() and len(ends) >= times

    wait_until(done, _SLACK_SECONDS, "the end of the runner's cycle", interval=0.02)


def _node(lab: Lab, name: str) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = lab[name].api("GET", "/nodes")
    return next(node for node in nodes if node["Description"]["Hostname"] == name)


def _remove(lab: Lab, name: str) -> None:
    node = _node(lab, name)
    spec = {**node["Spec"], "Labels": {k: v for k, v in node["Spec"]["Labels"].items() if k != LABEL}}
    lab[name].api("POST", f"/nodes/{node['ID']}/update", spec, {"version": node["Version"]["Index"]})
