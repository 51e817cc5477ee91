# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: ``python -m tests.chaos.lab``."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.chaos.lab.accidents import Accidents
from tests.chaos.lab.records import Records
from tests.chaos.lab.timeline import Entry, Timeline, Violation
from tests.chaos.lab.world import HOSTS, SETTINGS, STATEFUL, World
from tests.integration.anchors.stage import Stage
from tests.lab import Lab, packages
from tests.lab.errors import LabError
from tests.lab.wait import wait_until
from tests.support.instances import Instances, on_every_host
from tests.support.log_entry import sentence

IMAGE = "orcastra/app"
CALM_SECONDS = 240


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if why := packages.obstacle():
        print(f"chaos: this machine cannot run a lab: {why}")
        return 0
    packages.install(_say)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    _say(f"Seed {seed}; {options.minutes:g} minutes. Starting five hosts ...")
    try:
        with Lab(f"chaos-{os.getpid()}", list(HOSTS)) as lab, tempfile.TemporaryDirectory() as folder:
            lab.form_swarm(len(HOSTS), heartbeat_s=2)
            lab.load_image(IMAGE)
            return _run(lab, Path(folder), seed, options.minutes * 60)
    except LabError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.lab",
        description="Cause random accidents in a swarm of five real engines that Orcastra manages, and check "
        "that its promises hold. Needs root.",
    )
    parser.add_argument("--minutes", type=float, default=30, help="length of the run (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="repeat the accidents of an earlier run (default: random)")
    return parser


def _run(lab: Lab, folder: Path, seed: int, seconds: float) -> int:
    stage = Stage(lab, folder)
    timeline = Timeline(_say)
    records = Records(lab, STATEFUL)
    rng = random.Random(seed)
    with on_every_host(lab, **SETTINGS) as instances:
        world = World(stage, instances)
        world.deploy()
        world.configure()
        for host in lab:
            instances.start(host)
        accidents = Accidents(world, records, timeline, rng)
        sampler = records.start()
        rounds, calms = 0, [0.0]
        round_start = time.time()
        try:
            with instances.restarted():
                calms.append(_calm_down(world, timeline))
                end = time.time() + seconds
                while time.time() < end:
                    rounds += 1
                    round_start = time.time()
                    timeline.add(f"round {rounds}")
                    _disturb(accidents, rng)
                    accidents.undo_all()
                    calms.append(_calm_down(world, timeline))
                    world.check()
                    _check_overlaps(records)
        except (Violation, LabError) as error:
            print(f"\nFAILED, seed {seed}, round {rounds}: {error}\n")
            print(timeline.since(round_start, _actions(instances, round_start)), flush=True)
            return 1
        finally:
            records.stop()
            sampler.join()
            accidents.undo_all()
    print(
        f"passed: seed {seed}, {rounds} rounds, {accidents.count} accidents, "
        f"{len(records.found)} runs of stateful containers, {records.excused} overlaps by Swarm itself, "
        f"calm after {max(calms):.0f} s at most"
    )
    return 0


def _disturb(accidents: Accidents, rng: random.Random) -> None:
    """Cause two to five accidents, some seconds apart, and undo some of them in between."""
    for _ in range(rng.randint(2, 5)):
        accidents.cause_one()
        time.sleep(rng.uniform(1, 12))
        if rng.random() < 0.3:
            accidents.undo_one()


def _calm_down(world: World, timeline: Timeline) -> float:
    """Wait until the swarm is in its desired state. Returns how many seconds it took."""
    start = time.time()
    last = ["not asked yet"]

    def is_calm() -> bool:
        last[0] = world.difference()
        return not last[0]

    try:
        wait_until(is_calm, CALM_SECONDS, "calm", interval=1)
    except LabError as error:
        raise Violation("everything is in its place after a calm", f"{last[0]} ({error})") from error
    seconds = time.time() - start
    timeline.add(f"calm after {seconds:.0f} s")
    return seconds


def _check_overlaps(records: Records) -> None:
    records.sample()
    if found := records.overlaps():
        raise Violation("no two containers of a stateful service", "; ".join(found))


def _actions(instances: Instances, since: float) -> list[Entry]:
    """Return what the instances have done and warned about."""
    found = []
    for name, loop in [*instances.ended, *instances.loops.items()]:
        for entry in list(loop.entries):
            at = datetime.fromisoformat(str(entry["time"])).timestamp()
            if at >= since and entry.get("level") != "debug":
                found.append(Entry(at, f"  {name}: {sentence(entry)}"))
    return found


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
