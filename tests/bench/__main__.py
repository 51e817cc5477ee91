# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: ``python -m tests.bench``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tests.bench import (
    anchors,
    bootstrap,
    container,
    cycle,
    health,
    labels,
    large,
    mods,
    moves,
    page,
    peers,
    planner,
    prune,
    reboot,
    scrape,
    spread,
    summary,
    swarms,
    takeover,
    web,
)
from tests.bench.report import Table, machine, write_json
from tests.bench.runner import apply_configuration
from tests.lab import Lab, packages
from tests.lab.errors import LabError

T = TypeVar("T")

PARTS = (
    "planner",
    "large",
    "web",
    "page",
    "scrape",
    "health",
    "mods",
    "cycle",
    "return",
    "idle",
    "moves",
    "peers",
    "anchors",
    "prune",
    "bootstrap",
    "takeover",
    "reboot",
    "spread",
    "container",
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    wanted_parts = PARTS if options.all else options.parts or summary.PARTS
    print(", ".join(f"{name} {value}" for name, value in machine().items()), flush=True)
    tables: dict[str, Table] = {}
    try:
        off_engines: dict[str, Callable[[], Table]] = {
            "planner": lambda: planner.measure(options.sizes, options.repeat),
            "large": lambda: large.measure(min(options.repeat, 10)),
            "web": lambda: web.measure(options.repeat),
            "page": lambda: page.measure(min(options.repeat, 10)),
            "mods": lambda: mods.measure(min(options.repeat, 3)),
            "scrape": lambda: scrape.measure(min(options.repeat, 5)),
            "health": health.measure,
        }
        for part, measure in off_engines.items():
            if part in wanted_parts:
                tables[part] = _show(measure())
        if on_engines := [part for part in wanted_parts if part not in off_engines]:
            if why := packages.obstacle():
                print(f"Skipped {', '.join(on_engines)}: {why}")
            else:
                packages.install(_say)
                tables |= _on_engines(options, wanted_parts)
                for part, measure in _with_labs_of_their_own(options).items():
                    if part in wanted_parts:
                        tables[part] = _show(measure())
        if not options.parts:
            _show(summary.render(tables))
    except (LabError, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if options.json:
            write_json(options.json, list(tables.values()))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure the cost of Orcastra on real engines, in a separate lab (needs root). Figures "
        "depend on the machine and its load: compare only figures from the same run.",
    )
    parser.add_argument(
        "parts",
        nargs="*",
        choices=[*PARTS, []],
        metavar="PART",
        help=f"{', '.join(PARTS)} (default: {' '.join(summary.PARTS)})",
    )
    parser.add_argument("--all", action="store_true", help="measure all parts")
    parser.add_argument(
        "--repeat", type=int, default=30, help="samples for planner and cycle (default: %(default)s)"
    )
    parser.add_argument(
        "--sizes",
        type=_list_of(int),
        default="10,30,100,300,1000",
        help="node counts for planner (%(default)s)",
    )
    parser.add_argument(
        "--scales", type=_list_of(swarms.Scale.parse), default="3/10,10/200",
        help="NODES/SERVICES for cycle; return, idle and container use the first (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--intervals", type=_list_of(float), default="60,5", help="RELABEL_TIME in seconds (%(default)s)"
    )
    parser.add_argument(
        "--returns", type=_list_of(int), default="4,20", help="labels to remove per interval (%(default)s)"
    )
    parser.add_argument(
        "--minutes", type=float, default=1, help="length of idle, anchors and container (%(default)s)"
    )
    parser.add_argument(
        "--moves", type=int, default=20, help="moves of an anchor per method (default: %(default)s)"
    )
    parser.add_argument("--anchors", type=int, default=100, help="number of anchors (default: %(default)s)")
    parser.add_argument(
        "--images", type=int, default=500, help="number of images for prune (default: %(default)s)"
    )
    parser.add_argument(
        "--losses", type=int, default=10, help="power losses for takeover (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    return parser


def _on_engines(options: argparse.Namespace, parts: Sequence[str]) -> dict[str, Table]:
    tables = {
        "cycle": cycle.new_table(options.repeat),
        "return": labels.return_table(),
        "idle": labels.idle_table(),
    }
    for number, scale in enumerate(options.scales):
        loops = [part for part in parts if part in ("return", "idle") and number == 0]
        if "cycle" not in parts and not loops:
            continue
        _say(f"Starting a swarm: {scale} ...")
        with (
            swarms.swarm(scale, _say) as lab,
            tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder,
        ):
            data = swarms.configuration(lab, scale.services)
            docker_host = lab.leader().docker_host
            apply_configuration(docker_host, data, Path(folder))
            if "cycle" in parts:
                cycle.measure(tables["cycle"], scale, docker_host, data, options.repeat)
            for interval, times in zip(options.intervals, options.returns, strict=False):
                if "return" in loops:
                    _say(f"Removing a label {times} times, RELABEL_TIME={interval:g} ...")
                    labels.measure_return(tables["return"], lab, data, interval, times, Path(folder))
            for interval in options.intervals:
                if "idle" in loops:
                    _say(
                        f"Observing the idle loop for {options.minutes:g} min, RELABEL_TIME={interval:g} ..."
                    )
                    labels.measure_idle(tables["idle"], lab, data, interval, options.minutes, Path(folder))
            for part in loops:
                _show(tables[part])
    if "cycle" in parts:
        _show(tables["cycle"])
    return {part: table for part, table in tables.items() if part in parts}


def _with_labs_of_their_own(options: argparse.Namespace) -> dict[str, Callable[[], Table]]:
    return {
        "moves": lambda: _moves(options.moves),
        "peers": lambda: _peers(min(options.repeat, 7)),
        "anchors": lambda: _anchors(options.anchors, options.minutes * 60),
        "prune": lambda: _prune(options.images),
        "bootstrap": _bootstrap,
        "takeover": lambda: _takeover(options.losses),
        "reboot": _reboot,
        "spread": _spread,
        "container": lambda: _container(options.scales[0], options.minutes),
    }


def _moves(repeat: int) -> Table:
    table = moves.new_table(repeat)
    _say(f"Moving an anchor {repeat} times with each of {len(moves.WAYS)} methods ...")
    with swarms.empty(3) as lab, tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder:
        for way in moves.WAYS:
            moves.measure(table, lab, way, repeat, Path(folder))
            _say(f"  {way.name}: done")
    return table


def _peers(repeat: int) -> Table:
    table = peers.new_table(repeat)
    _say(f"Comparing with {peers.COLLECTION} ...")
    with swarms.empty(3) as lab, tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder:
        if why := peers.install(Path(folder)):
            table.notes.append(f"Not measured: {why}.")
            return table
        data = swarms.configuration(lab, 0)
        apply_configuration(lab.leader().docker_host, data, Path(folder))
        labels = {name: node["labels"] for name, node in data["nodes"].items()}
        peers.measure(table, lab, labels, repeat, Path(folder), _say)
    return table


def _anchors(number: int, seconds: float) -> Table:
    table = anchors.new_table(number)
    _say(f"Starting a swarm with {number} anchors, each with one follower ...")
    with swarms.empty(3) as lab, tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder:
        desired = anchors.deploy(lab, number, Path(folder), _say)
        for variables in anchors.MODES:
            anchors.measure(table, lab, desired, seconds, Path(folder), **variables)
    return table


def _prune(number: int) -> Table:
    table = prune.new_table(number)
    _say(f"Starting a node and importing {number} images ...")
    with swarms.empty(1) as lab, tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder:
        prune.measure(table, lab, number, Path(folder))
    return table


def _bootstrap() -> Table:
    table = bootstrap.new_table()
    _say("Bootstrapping three bare hosts, then repairing accidents ...")
    with swarms.empty(3) as lab, tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder:
        bootstrap.measure(table, lab, Path(folder), _say)
    with (
        Lab(f"bench-bare-{os.getpid()}", bare=True).up(_say) as lab,
        tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder,
    ):
        bootstrap.measure_without_engine(table, lab, Path(folder), _say)
    return table


def _takeover(losses: int) -> Table:
    table = takeover.new_table(losses)
    _say(f"Cutting the power of the leader's host {losses} times, with an instance on each manager ...")
    with swarms.empty(3) as lab:
        takeover.measure(table, lab, losses, _say)
    return table


def _reboot() -> Table:
    table = reboot.new_table()
    _say("Rebooting three hosts one after another, under traffic ...")
    with swarms.empty(3) as lab, tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder:
        reboot.measure(table, lab, Path(folder), _say)
    return table


def _spread() -> Table:
    table = spread.new_table()
    _say("Taking a host of five away and bringing it back ...")
    with swarms.empty(5) as lab, tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder:
        spread.measure(table, lab, Path(folder), _say)
    return table


def _container(scale: swarms.Scale, minutes: float) -> Table:
    table = container.new_table()
    _say(f"Starting a swarm: {scale}; then running the container for {minutes:g} min ...")
    with (
        swarms.swarm(scale, _say) as lab,
        tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder,
    ):
        container.measure(table, lab, scale, minutes, Path(folder))
    return table


def _list_of(kind: Callable[[str], T]) -> Callable[[str], list[T]]:
    def parse(text: str) -> list[T]:
        return [kind(part) for part in text.split(",")]

    return parse


def _show(table: Table) -> Table:
    print(f"\n{table.text()}", flush=True)
    return table


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
