# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m demo`` plays the demo; ``python -m demo down`` removes its hosts."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from demo.scenes import SCENES, down_command
from demo.screen import Screen
from demo.stage import ORCASTRA, ROOT, DemoError, Stage
from tests.lab import LabError, packages

NEEDS = "The demo needs a Debian-like Linux, root (`sudo make demo`) and Python 3.11 or newer."


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo, or remove it. Returns the exit status."""
    options = _parser().parse_args(arguments)
    screen = Screen()
    stage = Stage(options.name, screen)
    if why := packages.obstacle():
        screen.error(f"The demo can't run here: {why}. {NEEDS}")
        return 1
    if not (ROOT / ORCASTRA).exists():
        screen.error(f"{ORCASTRA} is missing. Run `make venv` to create it.")
        return 1
    try:
        if options.action == "down":
            _down(stage)
        else:
            _play(stage)
    except (DemoError, LabError, OSError, subprocess.SubprocessError) as error:
        first, _newline, rest = str(error).partition("\n")
        screen.error(first)
        if rest and options.verbose:
            screen.error(rest)
        elif rest:
            screen.error("(use --verbose for details)")
        if stage.is_up:
            screen.error(f"The hosts may still be running. Run `{down_command(stage.name)}` to remove them.")
        return 1
    except KeyboardInterrupt:
        screen.error(f"Interrupted. Run `{down_command(stage.name)}` to clean up.")
        return 130
    return 0


def _play(stage: Stage) -> None:
    for number, scene in enumerate(SCENES, start=1):
        stage.screen.title(f"{number}. {scene.title}")
        scene.play(stage)
    stage.screen.say(f"The demo took {stage.screen.seconds:.0f} seconds.")


def _down(stage: Stage) -> None:
    stage.run_lab("down", "--name", stage.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Starts a real swarm of three hosts on this machine, and lets Orcastra manage it.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("up", "down"),
        default="up",
        help="up (default) plays the demo, down removes its hosts",
    )
    parser.add_argument("--name", default="demo", help="name of the lab (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="after an error, show the engines' logs too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
