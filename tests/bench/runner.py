# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the real runner as a process, with a proxy that counts its requests to the engine."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.bench.swarms import STACK
from tests.lab.wait import wait_until

_REQUEST = re.compile(rb"^(?:GET|POST|DELETE|HEAD|PUT) /\S* HTTP/1\.1\r$", re.MULTILINE)
_PROGRAM = Path(sys.executable).parent / "orcastra"
_MOST_CYCLES = 10
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """CPU seconds of the process and of the playbooks that it ran."""

    own: float
    playbooks: float

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.own - other.own, self.playbooks - other.playbooks)


class Runner:
    """A running ``orcastra run``."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, proxy: CountingProxy) -> None:
        self._process = process
        self._log = log
        self._proxy = proxy

    @property
    def requests(self) -> int:
        """Number of requests sent so far."""
        return self._proxy.requests

    def log(self) -> list[dict[str, Any]]:
        """Return the log entries so far."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def is_alive(self) -> bool:
        """Return True. Raises RuntimeError if the process has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(
                f"orcastra ended with status {self._process.returncode}:\n{self._log.read_text()}"
            )
        return True

    def cpu(self) -> Cpu:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        own, system, children, children_system = (int(field) / _TICKS for field in fields[11:15])
        return Cpu(own + system, children + children_system)

    def memory_mib(self) -> tuple[float, float]:
        """Return the current and the peak resident set in MiB."""
        fields = dict(
            line.split(":", 1) for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        )
        now, highest = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
        return now, highest


@contextmanager
def running(
    ip: str, desired: dict[str, Any], relabel_time: float, folder: Path, **variables: str
) -> Iterator[Runner]:
    """Start ``orcastra run`` against the leader's engine at ``ip``, and wait for its first observation.

    :param desired: the configuration, as in swarm.yml
    :param folder: folder for the configuration and the log
    :param variables: additional environment variables
    """
    (folder / "swarm.yml").write_text(yaml.safe_dump(desired))
    log = folder / f"orcastra-{relabel_time:g}.log"
    with CountingProxy(ip) as proxy, log.open("wb") as output:
        environment = _environment(f"tcp://127.0.0.1:{proxy.port}")
        with subprocess.Popen(
            [_PROGRAM, "run", "--config", folder, "--log-format", "json"],
            env={**environment, "RELABEL_TIME": f"{relabel_time:g}", **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process:
            runner = Runner(process, log, proxy)
            try:
                wait_until(
                    lambda: runner.is_alive() and runner.requests >= 5, 30, "the runner's first observation"
                )
                yield runner
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


def apply_configuration(docker_host: str, desired: dict[str, Any], folder: Path) -> None:
    """Repeat ``orcastra run --once`` until no changes are pending. Raises RuntimeError after 10 cycles."""
    (folder / "swarm.yml").write_text(yaml.safe_dump(desired))
    for _ in range(_MOST_CYCLES):
        done = _orcastra(docker_host, "run", "--once", "--config", folder)
        plan = _orcastra(docker_host, "plan", "--detailed-exitcode", "--config", folder)
        if done.returncode == plan.returncode == 0:
            return
    raise RuntimeError(
        f"expected no pending changes after {_MOST_CYCLES} cycles, found:\n{done.stdout}{plan.stdout}"
    )


def _orcastra(docker_host: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_PROGRAM, *arguments],
        env=_environment(docker_host),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _environment(docker_host: str) -> dict[str, str]:
    names = ("DOCKER", "ORCASTRA", "ANSIBLE")
    own = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    return {**own, "DOCKER_HOST": docker_host, "STACK_NAME": STACK}


class CountingProxy:
    """Forwards connections to an engine's port 2375 and counts the requests."""

    def __init__(self, ip: str) -> None:
        self.requests = 0
        self._ip = ip
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def __enter__(self) -> CountingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        for end in (self._server, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._server.accept()
                engine = socket.create_connection((self._ip, 2375))
            except OSError:
                return
            self._open += [client, engine]
            for source, target, counts in ((client, engine, True), (engine, client, False)):
                threading.Thread(target=self._forward, args=(source, target, counts), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                if counts:
                    self.requests += len(_REQUEST.findall(chunk))
                target.sendall(chunk)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
