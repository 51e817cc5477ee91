# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m demo`` starts and shows everything; ``python -m demo down`` removes what it left running."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from demo.scenes import SCENES, down_command
from demo.screen import Screen
from demo.stage import ORCASTRA, ROOT, DemoError, Stage
from tests.lab import LabError, packages

NEEDS = "It needs a Debian-like Linux, root (`sudo make demo`) and Python 3.11 or newer."


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo, or remove it. Returns the exit status."""
    options = _parser().parse_args(arguments)
    screen = Screen()
    stage = Stage(options.name, screen)
    if why := packages.obstacle():
        screen.error(f"It can't run here: {why}. {NEEDS}")
        return 1
    if not (ROOT / ORCASTRA).exists():
        screen.error(f"There is no {ORCASTRA}: `make venv` makes it.")
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
            screen.error("(--verbose shows more)")
        if stage.is_up:
            screen.error(f"The hosts may still run; `{down_command(stage.name)}` removes them.")
        return 1
    except KeyboardInterrupt:
        screen.error(f"Interrupted. `{down_command(stage.name)}` removes what is left.")
        return 130
    return 0


def _play(stage: Stage) -> None:
    for number, scene in enumerate(SCENES, start=1):
        stage.screen.title(f"{number}. {scene.title}")
        scene.play(stage)
    stage.screen.say(f"That was all, in {stage.screen.seconds:.0f} seconds.")


def _down(stage: Stage) -> None:
    stage.run_lab("down", "--name", stage.name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="A real swarm of three hosts on this machine, and Orcastra looking after it.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("up", "down"),
        default="up",
        help="up (default) starts and shows all, down removes it",
    )
    parser.add_argument("--name", default="demo", help="name of the lab (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="with an error, also show the engines' logs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
