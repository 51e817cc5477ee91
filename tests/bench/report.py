# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders figures as plain-text tables and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

CALM_SECONDS = 60

Cell = str | int | float


@dataclass
class Table:
    """One measurement. ``columns`` include the unit; ``load``: load averages before and after."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    load: tuple[float, float] = (0.0, 0.0)

    def text(self) -> str:
        lines = [list(self.columns), *([_show(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[n]) for line in lines) for n in range(len(self.columns))]
        lines.insert(1, ["-" * width for width in widths])
        body = [
            "  ".join(_align(cell, width) for cell, width in zip(line, widths, strict=True)) for line in lines
        ]
        load = f"load average {self.load[0]:.1f} before, {self.load[1]:.1f} after, on {os.cpu_count()} CPUs"
        return "\n".join([self.title, "=" * len(self.title), *body, *self.notes, f"({load})", ""])


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` % of all values don't exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def load_average() -> float:
    """Return the load average of the last minute."""
    return os.getloadavg()[0]


def calm_down() -> None:
    """Wait until the load of earlier work drops, but no longer than CALM_SECONDS."""
    deadline = time.monotonic() + CALM_SECONDS
    while load_average() > (os.cpu_count() or 1) and time.monotonic() < deadline:
        time.sleep(1)


def machine() -> dict[str, str | int]:
    """Return the system properties that influence the figures."""
    return {"system": platform.platform(), "python": platform.python_version(), "cpus": os.cpu_count() or 0}


def write_json(path: Path, tables: Sequence[Table]) -> None:
    data = {"machine": machine(), "tables": [asdict(table) for table in tables]}
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def _show(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return str(cell)


def _align(cell: str, width: int) -> str:
    return cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
