# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engine versions, and the root folders of the Debian releases that have them: made once and kept."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.locks import exclusive
from tests.lab.names import PREFIX, base_folder
from tests.lab.offer import offer
from tests.lab.process import SYSTEM_ENVIRONMENT, command
from tests.lab.state import LabState, all_labs


@dataclass(frozen=True)
class Release:
    """A Debian release: its name, and packages of its engine that other releases don't have."""

    name: str
    more_packages: tuple[str, ...] = ()
    script: str = ""
    """The release whose script debootstrap uses, if it may be older than this release."""
    bare: bool = False
    """Whether the engine is not installed, but can be, from packages in the root."""

    @property
    def packages(self) -> tuple[str, ...]:
        return _BARE_PACKAGES if self.bare else (*_PACKAGES, *self.more_packages)

    @property
    def offered(self) -> tuple[str, ...]:
        """The packages that can be installed later."""
        return (*_OFFERED_PACKAGES, *self.more_packages) if self.bare else ()

    @property
    def title(self) -> str:
        return f"bare-{self.name}" if self.bare else self.name

    @property
    def folder(self) -> Path:
        """Where its root is kept; another list of packages makes another root."""
        mark = hashlib.sha256(" ".join((*self.packages, *self.offered)).encode()).hexdigest()[:8]
        return base_folder() / "roots" / f"{self.title}-{mark}"


# Engine version to the release whose docker.io package has it.
ENGINES = {
    "20.10": Release("bookworm"),
    "26.1": Release("trixie", ("docker-cli",)),
    "28.5": Release("forky", ("docker-cli",), script="sid"),
}
# Instead of a version: the hosts of a lab have all of them in turn.
MIXED = "mixed"
_BARE_ENGINE = "20.10"

_PACKAGES = (
    "docker.io", "iptables", "openssh-server", "openssh-client", "prometheus-node-exporter", "python3",
    "iproute2", "procps", "tini", "busybox-static", "socat", "hostname", "iputils-ping", "ca-certificates",
)  # fmt: skip
# What a host of the lab needs to boot and to be shut down, and what Ansible needs to get in.
_BARE_PACKAGES = ("openssh-server", "python3", "tini", "busybox-static")
_OFFERED_PACKAGES = ("docker.io", "ca-certificates", "python3-apt", "python3-docker")

_PHASES = {
    "Retrieving": "fetching",
    "Extracting": "extracting",
    "Unpacking": "unpacking",
    "Configuring": "setting up",
}


def engine_root(
    engine: str | None, root: Path | None, bare: bool = False, say: Callable[[str], None] = lambda line: None
) -> tuple[Path, str]:
    """The folder to put below the hosts' roots, and the version of the engine in it.

    Without ``engine`` and ``root``, or if this machine's own engine has that version, the folder is ``/``.
    Otherwise it is the root of the release with that version, which takes a minute to create the first time.
    With ``bare`` it is the root of the release without its engine, and the version is empty.
    Raises ``LabError``.
    """
    if root and (engine or bare):
        raise LabError("root: expected neither engine nor bare")
    if bare and engine == MIXED:
        engine = None
    if engine and engine not in ENGINES:
        raise LabError(f"engine: expected one of {', '.join((*ENGINES, MIXED))}, found {engine!r}")
    if bare:
        return release_root(replace(ENGINES[engine or _BARE_ENGINE], bare=True), say), ""
    if not root:
        own = _version(Path("/"))
        if not engine or own.startswith(f"{engine}."):
            return Path("/"), own
        root = release_root(ENGINES[engine], say)
    elif not root.is_absolute() or re.search(r"[:,\\\s]", str(root)):
        raise LabError(f"root: expected an absolute path without spaces, ':' or ',', found {str(root)!r}")
    return root, _version(root)


def mixed_roots(
    hosts: Sequence[str], say: Callable[[str], None] = lambda line: None
) -> dict[str, tuple[Path, str]]:
    """For each host the folder below its root, and the version of the engine in it: all versions in turn."""
    found = [engine_root(engine, None, say=say) for engine in ENGINES]
    return {host: found[number % len(found)] for number, host in enumerate(hosts)}


def release_root(release: Release, say: Callable[[str], None] = lambda line: None) -> Path:
    """The root folder of a Debian release with all that a host needs; made when it isn't there."""
    target = release.folder
    if target.exists():
        return target
    with exclusive(f"{PREFIX}-root-{release.title}"):
        if target.exists():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        # No other process builds this release now, so an existing folder is the leftover of a killed run.
        building = target.with_name(f"{target.name}.new")
        _remove(building)
        say(f"Making a root folder of Debian {release.name}, once (about a minute) ...")
        _debootstrap(release, building, say)
        for package in (building / "var/cache/apt/archives").glob("*.deb"):
            package.unlink()
        if release.offered:
            say("  fetching the packages of its engine")
            offer(building, release.name, release.offered, mirror())
        building.rename(target)
        for old in target.parent.glob(f"{release.title}-*"):
            if old != target and str(old) not in _roots_in_use():
                _remove(old)
    return target


def _roots_in_use() -> set[str]:
    states = [LabState.load(name) for name in all_labs()]
    return {state.root_of(host) for state in states for host in state.hosts}


def mirror() -> str | None:
    """The Debian mirror that this machine's package manager uses; None when it names none."""
    lines: list[str] = []
    folder = Path("/etc/apt")
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]:
        if path.suffix in (".list", ".sources") and path.is_file():
            lines += path.read_text(errors="replace").splitlines()
    for line in lines:
        match = re.match(r"\s*(?:URIs:|deb\s+(?:\[[^]]*\]\s*)?)\s*(\S+/debian)/?(?:\s|$)", line)
        if match and match[1].startswith(("http:", "https:", "file:")):
            return match[1]
    return None


def _debootstrap(release: Release, folder: Path, say: Callable[[str], None]) -> None:
    include = f"--include={','.join(release.packages)}"
    arguments = ["debootstrap", "--variant=minbase", include, release.name, str(folder)]
    if source := mirror():
        arguments.append(source)
        script = Path("/usr/share/debootstrap/scripts")
        if release.script and not (script / release.name).exists():
            arguments.append(str(script / release.script))
    environment = {**os.environ, **SYSTEM_ENVIRONMENT}
    said: list[str] = []
    phases: set[str] = set()
    with subprocess.Popen(
        arguments,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout
        for line in process.stdout:
            said.append(line)
            # Lines are "I: Retrieving NAME VERSION" and the like, hundreds of them: say each kind once.
            phase = line.removeprefix("I: ").split(" ")[0].rstrip(".")
            if phase in _PHASES and phase not in phases:
                phases.add(phase)
                say(f"  {_PHASES[phase]} packages")
    if process.returncode:
        _remove(folder)
        raise LabError(f"debootstrap {release.name} ended with {process.returncode}: {''.join(said[-15:])}")


def _remove(folder: Path) -> None:
    """Remove a folder that may have been left with something mounted in it."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        command(["umount", mount])
    if folder.exists():
        shutil.rmtree(folder)


def _version(root: Path) -> str:
    where = [] if root == Path("/") else ["chroot", str(root)]
    try:
        text = command([*where, "/usr/sbin/dockerd", "--version"])
    except FileNotFoundError:
        text = command(["dockerd", "--version"])
    match = re.search(r"version (\d+\.\d+\.\d+)", text)
    if not match:
        raise LabError(f"no version in what dockerd of {root} says: {text.strip()!r}")
    return match[1]
