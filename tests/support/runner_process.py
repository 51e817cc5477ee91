# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start ``orcastra`` from the tree as a separate process, and follow its log."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_collections.orcastra.swarm.plugins.module_utils._model.errors as a_module
from tests.lab.wait import PATIENCE
from tests.support.log_entry import sentence

_CHECKOUT = Path(__file__).resolve().parents[2]
_COLLECTIONS = Path(a_module.__file__).parents[6]


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without settings of Orcastra, plus the tree's path and ``variables``."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ORCASTRA_", "DOCKER_"))
    }
    # several run on one machine at the same time, with the same default port
    kept["ORCASTRA_HTTP_ADDRESS"] = "off"
    return {**kept, "PYTHONPATH": os.pathsep.join([str(_COLLECTIONS), str(_CHECKOUT)]), **variables}


def command(*arguments: str | Path) -> list[str]:
    """The command that runs it."""
    return [sys.executable, "-m", "orcastra_runner", *map(str, arguments)]


def orcastra(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
        check=False,
    )


class Loop:
    """A running ``orcastra run`` whose log can be waited for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.entries: list[dict[str, Any]] = []
        self._once = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._once:
                self.entries.append(json.loads(line))
                self._once.notify_all()

    def said(self, text: str) -> int:
        """How often the log has had ``text`` so far."""
        return sum(text in sentence(entry) for entry in self.entries)

    def wait_for(self, text: str, *, times: int = 1, timeout: float = 30) -> None:
        """Wait until the log has had ``text`` so many times."""
        with self._once:
            if not self._once.wait_for(lambda: self.said(text) >= times, timeout=timeout * PATIENCE):
                raise AssertionError(f"the log has no {text!r}: {self.entries}")

    def end(self, number: int) -> None:
        """Send a signal and wait for the process to end, or fail."""
        self.process.send_signal(number)
        self.process.wait(timeout=60 * PATIENCE)
        self._reader.join(timeout=60)


# runs the command line with another default folder for the configuration
_ELSEWHERE = """
import sys
from pathlib import Path
from orcastra_runner import cli, preflight
preflight.DEFAULT_CONFIG_DIR = sys.argv[sys.argv.index("--config") + 1]
sys.exit(cli.main())
"""


@contextlib.contextmanager
def running(
    config_dir: Path, docker_host: str, *, is_default: bool = False, **variables: str
) -> Iterator[Loop]:
    """``orcastra run`` on an engine, killed at the end unless it has ended by then.

    ``is_default``: it treats ``config_dir`` as the default folder.
    """
    program = [sys.executable, "-c", _ELSEWHERE] if is_default else command()
    process = subprocess.Popen(
        [*program, *map(str, ("run", "--debug", "--log-format", "json", "--config", config_dir))],
        env=environment(DOCKER_HOST=docker_host, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Loop(process)
    finally:
        process.kill()
        process.wait()
