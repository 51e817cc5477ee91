# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the targets of ansible-test in a lab: ``python -m tests.targets [--lab-engine VERSION] [TARGET…]``.

Without a target, it runs all. Returns the exit status of ansible-test.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.lab import Lab
from tests.lab.releases import ENGINES, MIXED
from tests.targets.run import run_targets

IMAGE = "orcastra/app"


def main(arguments: list[str]) -> int:
    """Start a lab, run the targets, and remove the lab."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.targets", description="Run targets on real engines."
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="such as test_prune (default: all)")
    parser.add_argument("--lab-engine", choices=[*ENGINES, MIXED], help="version (default: this machine's)")
    options = parser.parse_args(arguments)
    with (
        Lab(f"targets-{os.getpid()}", engine=options.lab_engine) as lab,
        tempfile.TemporaryDirectory(prefix="orcastra-targets-") as folder,
    ):
        lab.form_swarm(managers=3, heartbeat_s=2)
        lab.load_image(IMAGE)
        return run_targets(lab, Path(folder), options.targets).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
