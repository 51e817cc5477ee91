# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run Python programs, Ansible among them, without the cost of starting and importing each time.

A warm process runs a preparation, mostly imports, and then forks for each program. A program gets its own
arguments, environment, working directory, stdout and stderr, as ``subprocess.run`` would give them.

Ansible reads its configuration at import, so each set of ``ANSIBLE_*`` variables gets its own warm process.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CHECKOUT = Path(__file__).resolve().parents[2]
ANSIBLE_INVENTORY = """
import sys
from ansible.cli.inventory import InventoryCLI
InventoryCLI.cli_executor(sys.argv)
"""
ANSIBLE_PLAYBOOK = """
import sys
from ansible.cli.playbook import PlaybookCLI
PlaybookCLI.cli_executor(sys.argv)
"""
# Loading the plugins of ansible.builtin and of this collection takes longer than most of the programs.
_ANSIBLE = """
import ansible.cli, ansible.cli.inventory, ansible.cli.playbook, ansible.executor.playbook_executor
import docker
from ansible.plugins import loader
loader.init_plugin_loader()
ansible.cli.init_plugin_loader = loader.init_plugin_loader = lambda *_prefixes: None
import ansible_collections.ansible.builtin
import ansible_collections.orcastra.swarm.plugins.inventory.swarm
"""


def run_ansible(
    program: str, *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``ANSIBLE_INVENTORY``, ``ANSIBLE_PLAYBOOK`` or another program that uses Ansible."""
    return run_warm(program, *arguments, prepare=_ANSIBLE, cwd=cwd, env=env)


def run_warm(
    program: str,
    *arguments: str | Path,
    prepare: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the source text ``program`` in a fork of a process that has already run ``prepare``."""
    variables = dict(os.environ if env is None else env)
    at_import = {name: value for name, value in variables.items() if name.startswith(("ANSIBLE_", "LC_"))}
    server = _server(prepare, tuple(sorted(at_import.items())))
    with tempfile.TemporaryDirectory() as folder:
        request = {
            "program": program,
            "argv": ["program", *map(str, arguments)],
            "cwd": str(cwd or Path.cwd()),
            "env": variables,
            "folder": folder,
        }
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        assert answer, "the warm process ended"
        out, err = ((Path(folder) / name).read_text(errors="replace") for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(request["argv"], int(answer), out, err)


@functools.cache
def _server(prepare: str, at_import: tuple[tuple[str, str], ...]) -> subprocess.Popen[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "DOCKER_", "LC_", "ORCASTRA_"))
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.warm_python", prepare],
        cwd=_CHECKOUT,
        env={**kept, **dict(at_import), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_stop, process)
    return process


def _stop(process: subprocess.Popen[str]) -> None:
    process.communicate()


def _serve() -> None:
    exec(compile(sys.argv[1], "prepare", "exec"), {})
    # Programs print, too: the replies go to a file that they don't know.
    with os.fdopen(os.dup(1), "w") as replies:
        for line in sys.stdin:
            child = os.fork()
            if child == 0:
                _run(json.loads(line))
            _child, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), file=replies, flush=True)


def _run(request: dict[str, Any]) -> None:
    """Run the program and end this process, without what the warm process does at its end."""
    code = 1
    try:
        _redirect(Path(request["folder"]))
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv = request["argv"]
        exec(compile(request["program"], "program", "exec"), {"__name__": "__main__"})
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(folder: Path) -> None:
    streams = {0: os.devnull, 1: str(folder / "stdout"), 2: str(folder / "stderr")}
    for descriptor, path in streams.items():
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)


if __name__ == "__main__":
    _serve()
