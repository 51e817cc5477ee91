# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The most important figures on one page, next to those of the alternatives."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.report import Cell, Table

PARTS = ("planner", "idle", "moves", "peers", "takeover")
HOUR_SECONDS = 3600


def render(tables: Mapping[str, Table]) -> Table:
    """``tables``: part → its table. Parts that were not measured leave their rows out."""
    page = Table("One page", ["what", "Orcastra", "compared with", "its figure", "unit"])
    page.load = next((table.load for table in reversed(tables.values())), page.load)
    if "moves" in tables:
        moves = Rows(tables["moves"])
        ours = moves.cell("evict, event mode", "together median")
        for other in ("upstream's algorithm, every 60 s", "engines alone, by label"):
            page.rows.append(
                (
                    "followers run next to a moved anchor",
                    ours,
                    other,
                    moves.cell(other, "together median"),
                    "s",
                )
            )
    if "idle" in tables:
        idle = Rows(tables["idle"])
        for name in idle.names():
            hour = f"a quiet hour, RELABEL_TIME={name}"
            requests = float(idle.cell(name, "requests/s")) * HOUR_SECONDS
            cpu = float(idle.cell(name, "CPU % of one core")) / 100 * HOUR_SECONDS
            page.rows += [(hour, requests, "-", "-", "requests"), (hour, cpu, "-", "-", "s of CPU")]
    if "peers" in tables and tables["peers"].rows:
        ratios = {str(row[0]): row[2] for row in tables["peers"].rows}
        for task in ("labels", "facts"):
            ours_name, other_name = (name for name in ratios if name.startswith(task))
            page.rows.append(
                (
                    f"a play: {task}", ratios[ours_name], other_name.partition(": ")[2], ratios[other_name],
                    "times an empty play",
                )
            )  # fmt: skip
    if "planner" in tables:
        for row in tables["planner"].rows:
            if row[0] == 1000:
                page.rows.append(
                    (f"planning {row[0]} nodes, {row[1]} services, {row[2]} anchors", row[3], "-", "-", "ms")
                )
    if "takeover" in tables:
        takeover = Rows(tables["takeover"])
        for name in takeover.names():
            for which in ("median", "max"):
                column = f"election to first cycle {which}"
                page.rows.append((f"takeover, {name}, {which}", takeover.cell(name, column), "-", "-", "s"))
    return page


class Rows:
    """A table's cells by the first cell of their row and the name of their column."""

    def __init__(self, table: Table) -> None:
        self._columns = list(table.columns)
        self._rows = {_name(row[0]): row for row in table.rows}

    def names(self) -> list[str]:
        return list(self._rows)

    def cell(self, name: str, column: str) -> Cell:
        return self._rows[name][self._columns.index(column)]


def _name(cell: Cell) -> str:
    return f"{cell:g}" if isinstance(cell, float) else str(cell)
