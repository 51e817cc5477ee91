# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run tests on real engines of each version, and print a table of the results.

Usage: ``python -m tests.engines [--engines "20.10 mixed"] [--full]``. The default is a selection of the
tests, on every version and on a swarm whose hosts have different versions. Exit status 1 if a test failed
or a version could not be tested.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from tests.engines import ALL, MATRIX, SELECTION
from tests.lab.errors import LabError
from tests.lab.releases import ENGINES, engine_root

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "build" / "engines"


@dataclass
class Result:
    """The outcome of one version. ``version`` is the exact one."""

    engine: str
    version: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    problem: str = ""

    @property
    def is_good(self) -> bool:
        return not self.problem and not self.failed and self.passed > 0


def main(arguments: list[str]) -> int:
    """Test the selected versions."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.engines", description="Test all supported engines."
    )
    parser.add_argument("--engines", default="", help=f"of {' '.join(MATRIX)} (default: all)")
    parser.add_argument("--full", action="store_true", help="run all tests on real engines, not a selection")
    parser.add_argument(
        "--workers", default="auto", help="tests that run at the same time (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    engines = options.engines.split() or list(MATRIX)
    if unknown := [engine for engine in engines if engine not in MATRIX]:
        parser.error(f"--engines: expected some of {' '.join(MATRIX)}, found {' '.join(unknown)}")
    results = [_test(engine, ALL if options.full else SELECTION, options.workers) for engine in engines]
    text = table(results)
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "table.md").write_text(text, encoding="utf-8")
    print(f"\n{text}")
    return int(not all(result.is_good for result in results))


def table(results: list[Result]) -> str:
    """Return the results as a table in Markdown."""
    lines = ["| Engine | Version | Passed | Failed | Skipped | Time |", "|---|---|---|---|---|---|"]
    for one in results:
        if one.problem:
            lines.append(f"| {one.engine} | {one.version} | {one.problem} | | | |")
        else:
            counts = f"{one.passed} | {one.failed} | {one.skipped}"
            lines.append(f"| {one.engine} | {one.version} | {counts} | {one.seconds:.0f} s |")
    return "\n".join(lines) + "\n"


def counts(report: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped, from a report in JUnit's format."""
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    total, failed, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    )
    return total - failed - errors - skipped, failed + errors, skipped


def _test(engine: str, tests: tuple[str, ...], workers: str) -> Result:
    result = Result(engine, "")
    try:
        # made here, once, and not by each test process
        roots = [
            engine_root(one, None, say=_say)[1] for one in (ENGINES if engine not in ENGINES else [engine])
        ]
    except (LabError, OSError, subprocess.SubprocessError) as error:
        result.problem = f"not tested: {error}"
        _say(result.problem)
        return result
    result.version = ", ".join(roots)
    _say(f"Testing Docker Engine {result.version} ...")
    report = REPORTS / f"{engine}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    started = time.monotonic()
    command = [
        sys.executable, "-m", "pytest", *tests, "--lab-engine", engine, "--numprocesses", workers,
        "--dist", "worksteal", f"--junit-xml={report}", "-q",
    ]  # fmt: skip
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    result.seconds = time.monotonic() - started
    if report.is_file():
        result.passed, result.failed, result.skipped = counts(report)
    if status not in (0, 1) or not report.is_file():
        result.problem = f"pytest ended with status {status}"
    return result


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
