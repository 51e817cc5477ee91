# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of a lab: its power, network, memory, engine and commands."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.lab import engine, names, network, power
from tests.lab.errors import CommandFailed, LabError
from tests.lab.memory import Memory, show
from tests.lab.process import ProcessId
from tests.lab.state import LabState
from tests.lab.wait import wait_until

# The time limit until an engine answers, which takes about a second on an idle machine.
ENGINE_TIMEOUT = 60
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class HostProcess(subprocess.Popen[str]):
    """A process on a host. Signals reach it and its children, not only the ``nsenter`` in front of it."""

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.killpg(self.pid, sig)


class Host:
    """A host of a lab; made by :class:`tests.lab.lab.Lab`."""

    def __init__(self, state: LabState, name: str) -> None:
        self.name = name
        self.lab = state.name
        self.folder = names.host_folder(state.name, name)
        self._state = state
        self._cable = state.cable(name)

    def __repr__(self) -> str:
        return f"<host {self.name} of lab {self.lab}, {self.ip}>"

    @property
    def ip(self) -> str:
        return self._cable.ip

    @property
    def docker_host(self) -> str:
        """The engine's address without TLS."""
        return f"tcp://{self.ip}:2375"

    @property
    def docker_host_tls(self) -> str:
        """The engine's address with TLS; it answers in a lab that was made with ``tls=True``."""
        return f"tcp://{self.ip}:2376"

    @property
    def boot_id(self) -> str:
        return (self.folder / "boot_id").read_text().strip()

    # Its power

    @property
    def running(self) -> bool:
        """Whether the host is switched on."""
        first = ProcessId.read(self.folder / "init.pid")
        return bool(first and first.alive())

    def boot(self, wait: bool = True) -> None:
        """Switch the host on; ``wait`` until it is up. No change when it is on."""
        if not self._supervised():
            power.switch_on(self.lab, self.name)
        if wait:
            self.wait_until_up()

    def crash(self) -> None:
        """Cut the host's power: everything on it ends at once."""
        if first := ProcessId.read(self.folder / "init.pid"):
            first.kill()
        self._wait_until_off()

    def shutdown(self) -> None:
        """Shut the host down cleanly; it stays off until :meth:`boot`."""
        self.run(["poweroff"])
        self._wait_until_off()

    def reboot(self, wait: bool = True) -> None:
        """Reboot the host cleanly; ``wait`` until it is up again."""
        before = self.boot_id
        self.run(["reboot"])
        if wait:
            self._wait(lambda: self.boot_id not in ("", before) and self.running, 60, "the reboot")
            self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait until its engine answers, or on a host without an engine until login works."""
        if self.has_engine:
            self.wait_for_engine()
        else:
            self._wait(self._answers_ssh, ENGINE_TIMEOUT, "an answer of its SSH server")

    # Its network

    def cut(self) -> None:
        """Unplug the host's network cable, which stays unplugged across reboots."""
        (self.folder / "cut").touch()
        if self.running:
            network.set_port(self._cable, False)

    def mend(self) -> None:
        """Plug the network cable in again."""
        (self.folder / "cut").unlink(missing_ok=True)
        if self.running:
            network.set_port(self._cable, True)

    @property
    def is_cut(self) -> bool:
        return (self.folder / "cut").exists()

    # Its memory

    @property
    def memory(self) -> Memory:
        return Memory.read(self.folder)

    def set_memory(self, total_mb: int | None = None, available_mb: int | None = None) -> None:
        """Set the memory that the host reports, in MiB; omitted values stay if they still fit."""
        before = self.memory
        total = total_mb if total_mb is not None else before.total_mb
        available = available_mb if available_mb is not None else min(before.available_mb, total)
        if total <= 0 or not 0 <= available <= total:
            raise LabError(
                f"memory of {self.name}: expected 0 <= available <= total MiB, found {available} of {total}"
            )
        follow = before.follow and available_mb is None
        self._set_memory(Memory(total, available, follow))

    def follow_memory(self, follow: bool = True) -> None:
        """Derive the available memory from the real use of the host's containers, each second."""
        self._set_memory(dataclasses.replace(self.memory, follow=follow))

    def reset_memory(self) -> None:
        """Restore the memory that the host had when the lab was created."""
        fresh = Memory.fresh(self._state.memory_mb)
        if self.memory != fresh:
            self._set_memory(fresh)

    # Its engine

    @property
    def has_engine(self) -> bool:
        """Whether an engine is installed."""
        program = "usr/sbin/dockerd"
        return not self._state.bare or (self.folder / "upper" / program).exists()

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        timeout: float = 30,
    ) -> Any:
        """Send a request to the host's engine; see :func:`tests.lab.engine.request`."""
        return engine.request(self.ip, method, path, body, query, timeout)

    def engine_answers(self) -> bool:
        """Whether the engine answers. If the host is unplugged, the request is sent on the host itself."""
        try:
            if self.is_cut:
                return self.run(["docker", "version"], check=False, timeout=20).returncode == 0
            return bool(self.api("GET", "/_ping", timeout=5) == "OK")
        except (OSError, LabError):
            return False

    def wait_for_engine(self, timeout: float | None = None) -> None:
        """Wait until the engine answers. Raises ``LabError`` with its log on timeout."""
        self._wait(
            lambda: self.engine_answers() or not self._supervised(),
            timeout or ENGINE_TIMEOUT,
            "an answer of the engine",
        )
        if not self._supervised():
            raise LabError(f"{self.name} is off\n{self.log_tail()}")

    def stop_engine(self) -> None:
        """Stop the engine like a service manager, with all its containers."""
        self.run(["service", "docker", "stop"])

    def start_engine(self, wait: bool = True) -> None:
        """Start the engine; ``wait`` until it answers. Does nothing if it is running."""
        self.run(["service", "docker", "start"])
        if wait:
            self.wait_for_engine()

    def restart_engine(self, wait: bool = True) -> None:
        """Stop and start the engine; ``wait`` until it answers."""
        self.run(["service", "docker", "restart"])
        if wait:
            self.wait_for_engine()

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of the supervisor's and the engine's log, for the report of a failure."""
        found = []
        for path in (self.folder / "supervisor.log", self.folder / "upper/var/log/docker.log"):
            if path.exists():
                text = path.read_text(errors="replace").splitlines()[-lines:]
                found += [f"-- {self.name}: {path.name}", *text]
        return "\n".join(found)

    # Commands

    def run(
        self,
        arguments: Sequence[str],
        check: bool = True,
        input: str | None = None,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the host and wait for it.

        Raises ``CommandFailed`` for another status than 0 (with ``check``), ``subprocess.TimeoutExpired``
        after ``timeout`` seconds, when the command has been killed, and ``LabError`` when the host is off.
        """
        process = self.popen(
            arguments,
            env=env,
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            try:
                output, errors = process.communicate(input, timeout)
            except BaseException:
                process.kill()
                raise
        if check and process.returncode:
            raise CommandFailed(process.returncode, list(arguments), output, errors, self.name)
        return subprocess.CompletedProcess(list(arguments), process.returncode, output, errors)

    def sh(self, script: str, timeout: float = 60) -> str:
        """Run a line of shell on the host and return its output. Raises what :meth:`run` raises."""
        return self.run(["sh", "-c", script], timeout=timeout).stdout

    def popen(
        self, arguments: Sequence[str], env: Mapping[str, str] | None = None, **options: Any
    ) -> HostProcess:
        """Start a command on the host, in its own process group; ``options`` are those of ``Popen``."""
        options.setdefault("start_new_session", True)
        return HostProcess(
            self.command(arguments),
            env={**self.environment(), **(env or {})},
            text=True,
            errors="replace",
            **options,
        )

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The command of this machine that runs ``arguments`` on the host."""
        first = ProcessId.read(self.folder / "init.pid")
        if not first or not first.alive():
            raise LabError(f"{self.name} is off (lab {self.lab})")
        enter = ["nsenter", f"--target={first.pid}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        return [*enter, "--", *arguments]

    @staticmethod
    def environment() -> dict[str, str]:
        """The environment of a command on a host: of this machine's variables only those of the terminal."""
        terminal = {"TERM": os.environ["TERM"]} if "TERM" in os.environ else {}
        return {"PATH": _PATH, "HOME": "/root", "USER": "root", "LANG": "C.UTF-8", **terminal}

    def _supervised(self) -> bool:
        process = ProcessId.read(self.folder / "supervisor.pid")
        return bool(process and process.alive())

    def _answers_ssh(self) -> bool:
        try:
            socket.create_connection((self.ip, 22), timeout=5).close()
        except OSError:
            return False
        return True

    def _wait_until_off(self) -> None:
        self._wait(lambda: not self._supervised(), 60, "the host to be off")

    def _set_memory(self, memory: Memory) -> None:
        memory.write(self.folder)
        show(self.folder, names.cgroup(self.lab, self.name))

    def _wait(self, condition: Callable[[], object], timeout: float, what: str) -> None:
        try:
            wait_until(condition, timeout, f"{what} on {self.name}", 0.05)
        except LabError as error:
            raise LabError(f"{error}\n{self.log_tail()}") from None
