# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements of the lab, and the Debian packages that provide them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.process import SYSTEM_ENVIRONMENT, SYSTEM_PATH

# A command and its package, which is only installed if the command is missing.
COMMANDS = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "tini": "tini",
    "ip": "iproute2",
    "iptables": "iptables",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "openssl": "openssl",
    "socat": "socat",
    "nsenter": "util-linux",
    "hostname": "hostname",
    "debootstrap": "debootstrap",
    "apt-ftparchive": "apt-utils",
    "logrotate": "logrotate",
    "docker-registry": "docker-registry",
    "skopeo": "skopeo",
    "umoci": "umoci",
}
_POLICY = Path("/usr/sbin/policy-rc.d")


def obstacle() -> str | None:
    """Why this machine can't run a lab, whatever is installed; None if it can."""
    if platform.system() != "Linux":
        return f"the lab needs Linux, this is {platform.system()}"
    if os.geteuid() != 0:
        return "the lab needs root (it makes namespaces, mounts and network links)"
    if not shutil.which("apt-get", path=SYSTEM_PATH) and missing():
        return f"the lab needs {', '.join(missing())}, and this is no Debian-like system to install them on"
    if "\toverlay\n" not in Path("/proc/filesystems").read_text() and not _modprobe("overlay"):
        return "the lab needs the kernel's overlay file system"
    return None


def missing() -> list[str]:
    """The packages that must be installed first."""
    found = [package for name, package in COMMANDS.items() if not shutil.which(name, path=SYSTEM_PATH)]
    # Debian has moved the client out of docker.io into a package that older releases don't have.
    if "docker.io" in found and _known("docker-cli"):
        found.append("docker-cli")
    # Its dynamic sibling has the same command, but doesn't run in an empty image.
    if not _static(Path("/bin/busybox")):
        found.append("busybox-static")
    return sorted(set(found))


def require() -> None:
    """Raise ``LabError`` if this machine can't run a lab."""
    if why := obstacle():
        raise LabError(why)
    if names := missing():
        raise LabError(f"packages are missing: {' '.join(names)} (python -m tests.lab packages --install)")


def install(say: Callable[[str], None]) -> None:
    """Install the missing packages without starting a service. Raises ``LabError``."""
    if why := obstacle():
        raise LabError(why)
    if names := missing():
        _install(names, say)
    if still := missing():
        raise LabError(f"still missing after the installation: {', '.join(still)}")


def provide(command: str, package: str) -> None:
    """Install the package of a command that only some tests need, if it is missing. Raises ``LabError``."""
    if not shutil.which(command, path=SYSTEM_PATH):
        _install([package], lambda _line: None)


def _install(names: list[str], say: Callable[[str], None]) -> None:
    say(f"Installing packages: {' '.join(names)} ...")
    with _no_services_started():
        arguments = ["install", "--yes", "--no-install-recommends", *names]
        if _apt(arguments):
            say("Reading the package lists (apt-get update) ...")
            if said := _apt(["update"]):
                raise LabError(f"apt-get update: {said}")
            if said := _apt(arguments):
                raise LabError(f"apt-get {' '.join(arguments)}: {said}")


def _apt(arguments: list[str]) -> str:
    """Run apt-get. Returns an empty text on success, or the end of its output."""
    done = subprocess.run(
        ["apt-get", "--quiet", *arguments],
        env={**os.environ, **SYSTEM_ENVIRONMENT, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return (done.stdout[-1500:].strip() or f"status {done.returncode}") if done.returncode else ""


@contextmanager
def _no_services_started() -> Iterator[None]:
    """Debian asks this script before a package starts its service. Keep an existing script."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _static(path: Path) -> bool:
    """Whether an ELF program needs no loader (has no PT_INTERP entry, which names one)."""
    try:
        return b"/ld-linux" not in path.read_bytes()[:4096]
    except OSError:
        return False


def _known(package: str) -> bool:
    """Whether the package lists have a package."""
    done = subprocess.run(
        ["apt-cache", "show", package], env=SYSTEM_ENVIRONMENT, capture_output=True, check=False
    )
    return done.returncode == 0


def _modprobe(module: str) -> bool:
    done = subprocess.run(["modprobe", module], env=SYSTEM_ENVIRONMENT, capture_output=True, check=False)
    return done.returncode == 0
