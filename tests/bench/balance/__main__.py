# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: ``python -m tests.bench.balance``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.balance import days, quality, scale, spread_days
from tests.bench.report import Table, machine, write_json

PARTS = ("optimum", "baselines", "scale", "days", "spread")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.balance",
        description="Measure how well memory is balanced, on generated swarms, without engines or root.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    parser.add_argument(
        "--clusters", type=int, default=200, help="clusters for optimum and baselines (%(default)s)"
    )
    parser.add_argument(
        "--nodes", type=int, nargs="+", default=[100, 1000], help="node counts for scale (%(default)s)"
    )
    parser.add_argument("--days", type=int, default=7, help="length of each simulated run (%(default)s)")
    parser.add_argument(
        "--weeks", type=int, default=3, help="number of simulated runs for days (%(default)s)"
    )
    parser.add_argument(
        "--runs", type=int, default=50, help="number of simulated runs of 20 days for spread (%(default)s)"
    )
    parser.add_argument(
        "--cycle", type=float, default=15, help="minutes between two cycles for spread (%(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    options = parser.parse_args(arguments)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"PART: expected some of {', '.join(PARTS)}, found {', '.join(sorted(unknown))}")
    tables: list[Table] = []

    def show(table: Table) -> None:
        print(f"\n{table.text()}", flush=True)
        tables.append(table)

    print(", ".join(f"{name} {value}" for name, value in machine().items()), flush=True)
    parts = options.parts or PARTS
    if "scale" in parts:
        show(scale.measure(options.nodes))
    if "baselines" in parts:
        show(quality.against_baselines(options.clusters))
    if "days" in parts:
        show(days.measure(options.weeks, options.days, 6, 6.0))
    if "spread" in parts:
        for table in spread_days.measure(options.runs, 20, 60 * options.cycle):
            show(table)
    if "optimum" in parts:
        for table in quality.against_optimum(options.clusters):
            show(table)
    if options.json:
        write_json(options.json, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
