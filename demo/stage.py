# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's lab, and a shell that shows its commands and their output."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from demo.screen import Screen
from tests.lab import Host, Lab
from tests.lab.state import all_labs

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ".venv/bin/python"
LAB = f"{PYTHON} -m tests.lab"
ORCASTRA = ".venv/bin/orcastra"
CONFIG = ("--config", "demo/config")
# The runner ends within this many seconds of a SIGTERM.
STOP_SECONDS = 15
# Other variables could direct commands to another swarm or another configuration.
_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|NO_COLOR|TZ|TMPDIR|LANG|LC_\w+|ORCASTRA_LAB_DIR"
    r"|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy"
)
_COLORS = re.compile(r"\033\[[0-9;]*m")


class DemoError(Exception):
    """The demo failed; the first line of the text is the reason, the others are details."""


class Stage:
    """The lab with this name, and a shell in the checkout."""

    def __init__(self, name: str, screen: Screen) -> None:
        self.name = name
        self.screen = screen
        self.environment = {**clean_environment(os.environ), **screen.variables}
        self._lab: Lab | None = None

    @property
    def is_up(self) -> bool:
        return self.name in all_labs()

    @property
    def lab(self) -> Lab:
        """The lab, which must be up."""
        if self._lab is None:
            self._lab = Lab.attach(self.name)
        return self._lab

    @property
    def manager(self) -> Host:
        """The host of the swarm leader."""
        return self.lab.leader()

    def export(self, name: str, value: str) -> None:
        """Set a variable for all later commands."""
        self.screen.command(f"export {name}={shlex.quote(value)}")
        self.environment[name] = value

    def run(self, *arguments: str) -> str:
        """Run a command, and show it with its output. Returns the output as plain text on one line.

        Raises ``DemoError`` if it ends with another status than 0.
        """
        self.screen.command(shlex.join(arguments))
        lines: list[str] = []
        with self._popen(arguments) as process:
            for line in process.stdout or ():
                lines.append(line.rstrip("\n"))
                self.screen.output(lines[-1])
        self.screen.gap()
        if process.returncode:
            raise DemoError(f"`{shlex.join(arguments)}` ended with status {process.returncode}.")
        return plain(" ".join(lines))

    def run_lab(self, *arguments: str) -> None:
        """Run a command of the lab like :meth:`run`, but raise its errors instead of showing them."""
        command = (PYTHON, "-m", "tests.lab", *arguments)
        self.screen.command(shlex.join(command))
        with tempfile.TemporaryFile("w+") as errors, self._popen(command, stderr=errors) as process:
            for line in process.stdout or ():
                self.screen.output(line.rstrip("\n"))
            status = process.wait()
            errors.seek(0)
            text = errors.read().strip()
        self.screen.gap()
        if status:
            ended = f"`{shlex.join(command)}` ended with status {status}."
            raise DemoError(text.removeprefix("lab: ") or ended)

    @contextmanager
    def background(self, *arguments: str, **variables: str) -> Iterator[Background]:
        """Run a command with additional variables during the ``with`` block; SIGTERM ends it."""
        settings = "".join(f"{name}={shlex.quote(value)} " for name, value in variables.items())
        self.screen.command(f"{settings}{shlex.join(arguments)} &")
        with self._popen(arguments, variables) as process:
            background = Background(process, self.screen)
            try:
                yield background
            except BaseException:
                process.kill()
                raise
            self.screen.command("kill %1")
            background.stop()
        self.screen.gap()

    def _popen(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str] | None = None,
        stderr: int | IO[str] = subprocess.STDOUT,
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            arguments,
            cwd=ROOT,
            env={**self.environment, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            errors="replace",
        )


class Background:
    """A command in the background; its output is shown immediately."""

    def __init__(self, process: subprocess.Popen[str], screen: Screen) -> None:
        self._process = process
        self._screen = screen
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def has_printed(self, text: str) -> bool:
        """Whether the command has printed ``text``. Raises ``DemoError`` if it ended without that."""
        runs = self._process.poll() is None
        if not runs:
            self._reader.join()
        if text in plain(" ".join(list(self._lines))):
            return True
        if not runs:
            raise DemoError(f"The loop ended with status {self._process.returncode}.")
        return False

    def stop(self) -> None:
        """Stop the command with SIGTERM. Raises ``DemoError`` if it fails or doesn't end."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise DemoError(f"The loop didn't end within {STOP_SECONDS} seconds.") from None
        self._reader.join()
        if self._process.returncode:
            raise DemoError(f"The loop ended with status {self._process.returncode}.")

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.append(line.rstrip("\n"))
            self._screen.output(self._lines[-1])


def plain(output: str) -> str:
    """Return output without colors, and with single spaces, so that wrapped text can be found in it."""
    return " ".join(_COLORS.sub("", output).split())


def clean_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for commands: paths, the user, the terminal and the proxies."""
    return {name: value for name, value in variables.items() if _PASSED_ON.fullmatch(name)}
