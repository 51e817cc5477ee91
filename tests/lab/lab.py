# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab: several hosts on this machine, in one network, each with its own engine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from tests.lab import image, keys, leftovers, memory, names, network, packages, restore, rootfs, swarm, wait
from tests.lab.errors import LabError
from tests.lab.host import Host
from tests.lab.process import ProcessId
from tests.lab.releases import MIXED, engine_root, mixed_roots
from tests.lab.state import LabState, all_labs

T = TypeVar("T")


class LabIsUp(LabError):
    """A lab of this name without an owner is running."""


class Lab:
    """A lab with hosts, not yet up; use it in a ``with`` block, or call :meth:`up` and :meth:`down`.

    :param name: letters a-z, digits and ``-``; labs of different names run independently
    :param hosts: names of the hosts
    :param engine: version of the engine (see ``releases.ENGINES``), or ``mixed`` for hosts with different
        versions; without it, the one this machine has
    :param root: a folder with another root file system to use instead of ``engine``
    :param bare: hosts have no engine and no Docker SDK, but can install those of ``engine``'s release
    :param tls: engines also answer at port 2376 with TLS, see :attr:`certs`
    :param memory_mb: MiB of memory that each host believes it has
    :param keep: the lab stays when this process ends
    """

    def __init__(
        self,
        name: str,
        hosts: Sequence[str] = ("alpha", "bravo", "charlie"),
        engine: str | None = None,
        root: str | Path | None = None,
        tls: bool = False,
        memory_mb: int = 2048,
        keep: bool = False,
        bare: bool = False,
    ) -> None:
        if bare and tls:
            raise LabError("bare: expected no tls, which needs installed engines")
        self.name = names.check_lab_name(name)
        self._names = names.check_host_names(tuple(hosts))
        self._engine = engine
        self._root = Path(root) if root else None
        self._tls = tls
        self._memory_mb = memory_mb
        self._keep = keep
        self._bare = bare
        self._lock = leftovers.lab_lock(name)
        self._state: LabState | None = None
        self._hosts: dict[str, Host] = {}
        self._formation = swarm.Formation()
        self._images: dict[str, bytes] = {}

    @classmethod
    def attach(cls, name: str) -> Lab:
        """A lab that is up already. Raises ``LabError`` if there is none of that name."""
        state = LabState.load(name)
        lab = cls(name, state.hosts, tls=state.tls, memory_mb=state.memory_mb, bare=state.bare)
        lab._use(state)
        return lab

    # Up and down

    def up(self, say: Callable[[str], None] = lambda line: None) -> Lab:
        """Remove leftovers of an earlier lab of this name, start all hosts, and wait until they are up.

        :param say: called with lines about the progress

        Raises ``LabError`` if this machine can't run a lab, the name is in use, or a host doesn't start.
        """
        packages.require()
        if self._engine == MIXED and not self._root and not self._bare:
            mixed = mixed_roots(self._names, say)
            roots = {name: str(found) for name, (found, _version) in mixed.items()}
            root, engine = Path("/"), ", ".join(version for _found, version in mixed.values())
        else:
            roots = {}
            root, engine = engine_root(self._engine, self._root, self._bare, say)
        leftovers.remove_abandoned()
        if not self._lock.acquire():
            raise LabError(f"lab {self.name!r} is in use by process {self._lock.holder()}")
        try:
            self._refuse_if_up()
            leftovers.remove(self.name)
        except BaseException:
            self._lock.release()
            raise
        try:
            self._start(root, engine, roots, say)
        except BaseException:
            with contextlib.suppress(Exception):
                leftovers.remove(self.name)
            self._lock.release()
            raise
        if self._keep:
            self._lock.release()
        return self

    def down(self) -> None:
        """Remove the lab and everything that belongs to it."""
        if not self._lock.acquire():
            raise LabError(f"lab {self.name!r} is in use by process {self._lock.holder()}")
        try:
            leftovers.remove(self.name)
        finally:
            self._lock.release()
        self._state = None
        self._hosts = {}

    def __enter__(self) -> Lab:
        return self if self._state else self.up()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.down()

    # Its hosts and files

    def __getitem__(self, name: str) -> Host:
        try:
            return self._hosts[name]
        except KeyError:
            raise LabError(
                f"lab {self.name!r} has no host {name!r}, it has {', '.join(self._hosts)}"
            ) from None

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts.values())

    def __len__(self) -> int:
        return len(self._hosts)

    @property
    def hosts(self) -> list[Host]:
        return list(self._hosts.values())

    @property
    def state(self) -> LabState:
        if not self._state:
            raise LabError(f"lab {self.name!r} is not up")
        return self._state

    @property
    def folder(self) -> Path:
        return names.lab_folder(self.name)

    @property
    def certs(self) -> Path:
        """With TLS: a client's ca.pem, cert.pem and key.pem; in ``other`` those of an unrelated CA."""
        return self.folder / "certs"

    @property
    def ssh(self) -> keys.SshFiles:
        """The lab's SSH files; ``ssh.config`` knows the hosts by name and address."""
        return keys.SshFiles(self.folder / "ssh")

    @property
    def ssh_config(self) -> Path:
        return self.ssh.config

    def ssh_environment(self) -> dict[str, str]:
        """This process's variables, changed so that programs that call ``ssh`` reach the hosts."""
        own = self.ssh.environment()
        return {
            **os.environ,
            **own,
            "PATH": f"{self.ssh.folder / 'bin'}:{os.environ.get('PATH', own['PATH'])}",
        }

    # All hosts at once

    def form_swarm(self, managers: int = 3, heartbeat_s: float = 5) -> None:
        """Form a swarm of all hosts, the first ``managers`` of them as managers; wait until all are Ready.

        :param heartbeat_s: how often nodes report; a lost one is seen Down after about three times as long
        """
        self._formation = swarm.Formation(managers, heartbeat_s)
        swarm.form(self.hosts, self._formation)

    def leader(self) -> Host:
        """The host whose engine is the current Swarm leader. Raises ``LabError`` if there is none."""
        return self[swarm.leader(self.hosts)]

    def load_image(self, name: str, files: Mapping[str, str] | None = None) -> None:
        """Put an image with busybox on every host; see :func:`tests.lab.image.busybox_image`."""
        self._images[name] = image.busybox_image(name, files)
        self.each(lambda host: image.load(host, self._images[name]))

    def each(self, action: Callable[[Host], T]) -> list[T]:
        """Call ``action`` for all hosts in parallel. Returns the results, or raises the first error."""
        with ThreadPoolExecutor(len(self._hosts)) as pool:
            return list(pool.map(action, self.hosts))

    def log_tail(self, lines: int = 30) -> str:
        """The end of all engines' logs."""
        return "\n".join(host.log_tail(lines) for host in self)

    def restore(self) -> None:
        """Undo all changes to hosts and swarm since it was formed; see :mod:`tests.lab.restore`.

        Hosts that have lost images loaded through the lab get them again.
        """
        restore.restore(self, self._formation)
        self.each(self._restore_images)

    wait_until = staticmethod(wait.wait_until)

    # Inside

    def _restore_images(self, host: Host) -> None:
        present = {tag for found in host.api("GET", "/images/json") for tag in found["RepoTags"] or ()}
        for name, archive in self._images.items():
            if (name if ":" in name else f"{name}:latest") not in present:
                image.load(host, archive)

    def _refuse_if_up(self) -> None:
        if self.name not in all_labs():
            return
        try:
            found = LabState.load(self.name)
        except LabError:
            # It has no state, so these are leftovers.
            return
        if not found.owner and any(Host(found, name).running for name in found.hosts):
            raise LabIsUp(f"lab {self.name!r} is up already")

    def _start(self, root: Path, engine: str, roots: dict[str, str], say: Callable[[str], None]) -> None:
        has = f"with Docker Engine {engine}" if engine else "without an engine"
        say(f"Starting {len(self._names)} hosts {has} ...")
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o700)
        subnet = network.create_switch(self.name)
        owner = ProcessId.of(os.getpid())
        state = LabState(
            self.name,
            self._names,
            subnet,
            str(root),
            engine,
            self._tls,
            self._memory_mb,
            owner,
            self._bare,
            roots,
        )
        state.save()
        keys.create_ssh(self.ssh, state.addresses())
        if self._tls:
            keys.create_tls(self.certs, state.addresses())
        for name in self._names:
            folder = names.host_folder(self.name, name)
            rootfs.create(folder, self._files(state, name))
            memory.Memory.fresh(self._memory_mb).write(folder)
        if self._keep:
            # Supervisors end with the owner; a lab that stays has none once it is complete.
            state = LabState(**{**vars(state), "owner": None})
        self._use(state)
        try:
            self.each(lambda host: host.boot())
        except LabError as error:
            raise LabError(f"lab {self.name!r} doesn't start: {error}") from None
        state.save()

    def _files(self, state: LabState, name: str) -> rootfs.HostFiles:
        certificates = self.certs / "hosts" / name
        return rootfs.HostFiles(
            cable=state.cable(name),
            lower=Path(state.root_of(name)),
            addresses=state.addresses(),
            ssh_private_key=self.ssh.key.read_text(),
            ssh_public_key=self.ssh.key.with_suffix(".pub").read_text(),
            ssh_host_key=self.ssh.host_key(name).read_text(),
            known_hosts=self.ssh.known_hosts.read_text(),
            tls={file: (certificates / file).read_text() for file in ("ca.pem", "cert.pem", "key.pem")}
            if state.tls
            else {},
            bare=state.bare,
        )

    def _use(self, state: LabState) -> None:
        self._state = state
        self._hosts = {name: Host(state, name) for name in state.hosts}
