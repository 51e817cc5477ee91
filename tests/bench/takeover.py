# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time without an active instance after the leader's host loses power."""

from __future__ import annotations

import time

from tests.bench.report import Table, calm_down, load_average, median
from tests.bench.swarms import Say
from tests.lab import Lab
from tests.lab.wait import wait_until
from tests.support.instances import Instances, Takeover, on_every_host

MODES = (
    ("polling, RELABEL_TIME=60", {"RELABEL_TIME": "60"}),
    ("event mode", {"RELABEL_TIME": "60", "EVENT_MODE": "true"}),
)
# moments of the power loss within the second between two polls of a standby instance
_PHASES = 10


def new_table(losses: int) -> Table:
    parts = ("elected", "first cycle", "election to first cycle")
    return Table(
        f"The leader's host loses power, {losses} times: seconds until another instance is active",
        ["mode", *(f"{part} {which}" for part in parts for which in ("min", "median", "max"))],
        notes=[
            "Three managers, one instance on each. 'elected' and 'first cycle' start at the power loss.",
            "elected: a remaining engine reports that it leads; polled every 0.1 s, takes up to 1 s.",
            "first cycle: the new leader's instance has finished one reconciliation.",
        ],
    )


def measure(table: Table, lab: Lab, losses: int, say: Say) -> None:
    """Add a row for each mode."""
    for name, settings in MODES:
        calm_down()
        before = load_average()
        with on_every_host(lab, **settings) as instances:
            instances.configure({"nodes": {host.name: {"labels": ["bench"]} for host in lab}})
            instances.start_all()
            times = []
            for n in range(losses):
                time.sleep(n % _PHASES / _PHASES)
                times.append(_lose(lab, instances))
                say(
                    f"  {name}: leader elected {times[-1].elected:.1f} s, "
                    f"first cycle finished {times[-1].cycle:.1f} s after the power loss"
                )
        columns = (
            [taken.elected for taken in times],
            [taken.cycle for taken in times],
            [taken.after_election for taken in times],
        )
        cells = [cell for column in columns for cell in (min(column), median(column), max(column))]
        table.rows.append((name, *cells))
        table.load = (table.load[0] or before, load_average())


def _lose(lab: Lab, instances: Instances) -> Takeover:
    """Cut the power of the leader once, then wait until the host is back and its instance is on standby."""
    lost = lab.leader()
    taken = instances.lose_leader()
    lost.boot()
    wait_until(lambda: _all_there(lab), 90, "all managers to be ready and reachable")
    instances.start(lost).wait_for("standing by: the leader is node", timeout=60)
    return taken


def _all_there(lab: Lab) -> bool:
    nodes = lab.leader().api("GET", "/nodes")
    return all(
        node["Status"]["State"] == "ready" and node["ManagerStatus"]["Reachability"] == "reachable"
        for node in nodes
    )
