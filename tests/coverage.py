# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print the coverage of the quick tests by package: ``python -m tests.coverage``; arguments go to pytest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path, PurePosixPath

CHECKOUT = Path(__file__).resolve().parents[1]
REPORT = CHECKOUT / "build" / "coverage.json"
QUICK = ("tests/unit", "-m", "not slow", "--numprocesses", "auto", "--dist", "worksteal", "-q")


def by_package(files: dict) -> dict[str, tuple[int, int]]:
    """Covered and all lines of each package, from the files of a coverage report."""
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for name, data in files.items():
        package = str(PurePosixPath(name).parent)
        covered, lines = found[package]
        summary = data["summary"]
        found[package] = (covered + summary["covered_lines"], lines + summary["num_statements"])
    return {package: counts for package, counts in sorted(found.items()) if counts[1]}


def main(arguments: list[str]) -> int:
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.unlink(missing_ok=True)
    sources = ("--cov=plugins", "--cov=orcastra_runner", "--cov-report=", f"--cov-report=json:{REPORT}")
    command = [sys.executable, "-m", "pytest", *(arguments or QUICK), *sources]
    code = subprocess.run(command, cwd=CHECKOUT, check=False).returncode
    if not REPORT.exists():
        return code or 1
    report = json.loads(REPORT.read_text())
    for package, (covered, lines) in by_package(report["files"]).items():
        print(f"{package:50} {covered:6} of {lines:6} lines {100 * covered / lines:6.1f} %")
    total = report["totals"]
    print(f"{'total':50} {total['covered_lines']:6} of {total['num_statements']:6} lines")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
