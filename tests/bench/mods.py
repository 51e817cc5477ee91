# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mods: cost of refreshing unchanged files, and download speed of large ones compared with curl."""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import Discovery, refresh_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import build_mods
from tests.bench.report import Table, calm_down, load_average, median
from tests.support.mod_server import ModServer

UNCHANGED = 50
LARGE = 20
LARGE_BYTES = 50_000_000
AT_A_TIME = 4


def measure(repeat: int) -> Table:
    """Return the table. Each download runs ``repeat`` times, alternating with curl."""
    table = Table(
        "Mods",
        ["case", "seconds", "requests", "MB/s", "peak MiB"],
        notes=[
            f"The server is a process on this machine. {AT_A_TIME} parallel downloads; medians of {repeat}.",
            "Orcastra also hashes, syncs to disk and renames. Peak memory is for the whole process.",
        ],
    )
    calm_down()
    before = load_average()
    with tempfile.TemporaryDirectory(prefix="orcastra-bench-") as folder:
        _unchanged(table, Path(folder), repeat)
        _large(table, Path(folder), repeat)
    table.load = (before, load_average())
    return table


def _unchanged(table: Table, folder: Path, repeat: int) -> None:
    with _served(UNCHANGED, 100_000) as urls:
        _refresh(urls, folder / "small")
        runs = [_refresh(urls, folder / "small") for _time in range(repeat)]
        seconds = median([run[0] for run in runs])
        table.rows.append(
            (f"refresh of {UNCHANGED} unchanged mods", seconds, runs[0][1], "", max(run[2] for run in runs))
        )


def _large(table: Table, folder: Path, repeat: int) -> None:
    ours, theirs, peaks, requests = [], [], [], 0
    with _served(LARGE, LARGE_BYTES) as urls:
        for number in range(repeat):
            seconds, requests, peak = _refresh(urls, folder / f"ours-{number}")
            ours.append(seconds)
            peaks.append(peak)
            _empty(folder / f"ours-{number}")
            theirs.append(_curl(urls, folder / "curl"))
            _empty(folder / "curl")
    megabytes = LARGE * LARGE_BYTES / 1e6
    what = f"{LARGE} × {LARGE_BYTES // 1_000_000} MB"
    table.rows.append((what, median(ours), requests, megabytes / median(ours), max(peaks)))
    table.rows.append((f"{what} with curl", median(theirs), LARGE, megabytes / median(theirs), ""))
    table.rows.append(("time relative to curl", median(ours) / median(theirs), "", "", ""))


def _refresh(urls: Sequence[str], dest: Path) -> tuple[float, int, float]:
    """Run one refresh in a separate process. Returns seconds, requests and peak memory in MiB."""

    def run(pipe: Connection) -> None:
        rules = build_mods({"mods": list(urls), "concurrency": AT_A_TIME}, {})
        started = time.perf_counter()
        done = refresh_mods(rules, dest, Discovery())
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pipe.send((seconds, done.requests, peak, done.failures))

    seconds, requests, peak, failures = _in_process(run)
    if failures:
        raise RuntimeError("; ".join(failures))
    return seconds, requests, peak


def _curl(urls: Sequence[str], folder: Path) -> float:
    folder.mkdir()
    command = [
        "curl",
        "--silent",
        "--fail",
        "--parallel",
        "--parallel-max",
        str(AT_A_TIME),
        "--remote-name-all",
    ]
    started = time.perf_counter()
    subprocess.run([*command, "--no-progress-meter", "--remote-name-all", *urls], cwd=folder, check=True)
    seconds = time.perf_counter() - started
    if len(list(folder.iterdir())) != len(urls):
        raise RuntimeError("curl did not store all files")
    return seconds


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@contextmanager
def _served(number: int, size: int) -> Iterator[list[str]]:
    """Serve ``number`` files of ``size`` random bytes from a separate process. Yields their URLs."""
    ours, its = multiprocessing.Pipe()

    def serve() -> None:
        body = os.urandom(size)
        with ModServer() as server:
            its.send([server.put(f"/{n}.bin", body) for n in range(number)])
            its.recv()

    process = multiprocessing.get_context("fork").Process(target=serve)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        process.join()


def _in_process(run: Callable[[Connection], None]) -> Any:
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=run, args=(its,))
    process.start()
    its.close()
    try:
        return ours.recv()
    except EOFError:
        raise RuntimeError("a refresh failed") from None
    finally:
        process.join()
