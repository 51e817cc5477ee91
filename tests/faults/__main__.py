# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run many scenarios: ``python -m tests.faults --runs 1000 --seed 1``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import structlog

CHECKOUT = Path(__file__).resolve().parents[2]
EVERY_STORM = 5


def make_importable() -> None:
    """The collection under its real name, from this checkout, as the tests do it."""
    folder = Path(tempfile.mkdtemp(prefix="orcastra-faults-"))
    collection = folder / "ansible_collections" / "orcastra"
    collection.mkdir(parents=True)
    for parent in (folder / "ansible_collections", collection):
        (parent / "__init__.py").write_text(
            '__path__ = __import__("pkgutil").extend_path(__path__, __name__)\n'
        )
    (collection / "swarm").symlink_to(CHECKOUT)
    sys.path[:0] = [str(folder), str(CHECKOUT)]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


def _play(arguments: tuple[int, str, int]) -> Any:
    from tests.faults.run import play  # noqa: PLC0415 - needs the collection

    return play(*arguments)


def sweeps(seed: int, runs: int) -> Iterator[Any]:
    """The results of all runs of one scenario after the other: no fault, one at each request, and storms."""
    from tests.faults.run import KINDS, STORM  # noqa: PLC0415

    done = 0
    with ProcessPoolExecutor(os.cpu_count() or 1, initializer=make_importable) as pool:
        while done < runs:
            base = pool.submit(_play, (seed, "none", 0)).result()
            todo: list[tuple[int, str, int]] = []
            for position in range(1, base.requests + 1):
                todo.append((seed, KINDS[(position + seed) % len(KINDS)], position))
                if position % EVERY_STORM == 0:
                    todo.append((seed, STORM, position))
            yield base
            done += 1
            todo = todo[: runs - done]
            yield from pool.map(_play, todo)
            done += len(todo)
            seed += 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", help="with --position: repeat the run of one fault and print its timeline")
    parser.add_argument("--position", type=int, default=0)
    options = parser.parse_args()
    make_importable()
    if options.kind:
        from tests.faults.run import play  # noqa: PLC0415

        result = play(options.seed, options.kind, options.position)
        print("\n".join(result.timeline), result.problem or "no problem", sep="\n")
        return int(result.problem is not None)
    started, runs, failed = time.monotonic(), 0, 0
    injected: Counter[str] = Counter()
    steps = commands = 0
    for runs, result in enumerate(sweeps(options.seed, options.runs), start=1):
        injected += result.injected
        steps, commands = steps + result.steps, commands + result.commands
        if result.problem is not None:
            failed += 1
            print(f"FAILED --seed {result.seed} --kind '{result.kind}' --position {result.position}")
            print("\n".join(result.timeline[-25:]), f"  {result.problem}", sep="\n", flush=True)
        if runs % 50 == 0:
            print(f"{runs} runs, {failed} failed, {time.monotonic() - started:.0f} s", flush=True)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(injected.items()))
    print(f"faults injected: {sum(injected.values())} ({kinds}); steps: {steps}; commands: {commands}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
