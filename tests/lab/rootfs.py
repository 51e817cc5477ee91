# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root file system of a host: its layers, and the files that make it a separate host."""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import shared
from tests.lab.names import base_folder, cgroup
from tests.lab.network import Cable

FILES = Path(__file__).parent / "files"

# Folders of which a host sees nothing that the machine has in them.
_OWN_FOLDERS = (
    "root", "home", "usr/local", "etc/docker", "etc/ssh", "var/log", "var/lib/docker", "var/lib/containerd",
    "var/lib/prometheus/node-exporter",
)  # fmt: skip


@dataclass(frozen=True)
class HostFiles:
    """All that goes into a host's root, besides the release itself."""

    cable: Cable
    lower: Path
    """The folder below the host's root: ``/`` or another release's."""
    addresses: dict[str, str]
    ssh_private_key: str
    ssh_public_key: str
    ssh_host_key: str
    known_hosts: str
    tls: dict[str, str] = field(default_factory=dict)
    """Names to texts of ca.pem, cert.pem and key.pem; empty without TLS."""
    bare: bool = False
    """Whether the host has no engine yet; one that is installed there finds its settings."""


def create(folder: Path, files: HostFiles) -> None:
    """Make the folders of a host: its overlay's upper layer with its files, and its engine's data folder."""
    for name in ("upper", "work", "root", "docker"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "docker").chmod(0o710)
    upper = folder / "upper"
    hidden = list(_OWN_FOLDERS)
    if base_folder().is_dir():
        hidden.append(str(base_folder()).lstrip("/"))
    for name in hidden:
        (upper / name).mkdir(parents=True, exist_ok=True)
        # "opaque": the overlay shows nothing of the layer below. Only root can set it.
        os.setxattr(upper / name, "trusted.overlay.opaque", b"y")
    (upper / "root").chmod(0o700)
    (folder / "shared").write_text("".join(f"{path}\n" for path in shared.paths()))
    for path, text, mode in _texts(files):
        target = upper / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
    (upper / "root/.ssh").chmod(0o700)
    for name in ("reboot", "poweroff", "halt", "shutdown"):
        _install(FILES / "shutdown", upper / "usr/sbin" / name)
    _install(FILES / "lab-boot", upper / "usr/local/sbin/lab-boot")
    if not files.bare:
        _install(FILES / "docker.init", upper / "etc/init.d/docker")


def _install(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _texts(files: HostFiles) -> list[tuple[str, str, int]]:
    cable = files.cable
    hosts = "".join(f"{ip} {name}\n" for name, ip in files.addresses.items())
    # No password hashes of the machine; and a locked root account (as cloud images have) keeps sshd from
    # letting the key in.
    passwd = (files.lower / "etc/passwd").read_text()
    accounts = [line.split(":")[0] for line in passwd.splitlines() if ":" in line]
    return [
        ("etc/hostname", f"{cable.host}\n", 0o644),
        ("etc/hosts", f"127.0.0.1 localhost\n{hosts}", 0o644),
        # Nothing answers there: a look-up fails at once instead of hanging until it times out.
        ("etc/resolv.conf", "nameserver 127.0.0.1\n", 0o644),
        ("etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444),
        ("etc/shadow", "".join(f"{account}:*:19000:0:99999:7:::\n" for account in accounts), 0o640),
        ("etc/default/lab", f"LAB_IP={cable.ip}\nLAB_TLS={'yes' if files.tls else ''}\n", 0o644),
        ("etc/default/docker", _engine_defaults(cable, bool(files.tls)), 0o644),
        ("etc/ssh/sshd_config", _SSHD, 0o644),
        ("etc/ssh/ssh_host_ed25519_key", files.ssh_host_key, 0o600),
        ("root/.ssh/authorized_keys", files.ssh_public_key, 0o600),
        ("root/.ssh/id_ed25519", files.ssh_private_key, 0o600),
        ("root/.ssh/id_ed25519.pub", files.ssh_public_key, 0o644),
        ("root/.ssh/known_hosts", files.known_hosts, 0o644),
        ("root/.bashrc", f"PS1='root@{cable.host}:\\w# '\n", 0o644),
        *((f"etc/docker/tls/{name}", text, 0o600) for name, text in files.tls.items()),
    ]


def _engine_defaults(cable: Cable, tls: bool) -> str:
    """What the engine's service script reads, be it the lab's or the package's."""
    options = ["-H unix:///var/run/docker.sock"]
    if tls:
        folder = "/etc/docker/tls"
        options.append(f"-H tcp://{cable.ip}:2376 --tlsverify --tlscacert={folder}/ca.pem")
        options.append(f"--tlscert={folder}/cert.pem --tlskey={folder}/key.pem")
    else:
        # Explicit, because newer engines otherwise wait 15 s before they open a port without TLS.
        options.append(f"-H tcp://{cable.ip}:2375 --tls=false")
    options.append("--exec-opt native.cgroupdriver=cgroupfs")
    options.append(f"--cgroup-parent={cgroup(cable.lab, cable.host)}")
    return f'DOCKER_OPTS="{" ".join(options)}"\n{_LIMIT}'


# Where this machine may not have as many open files as the package's script wants, it gets as many as it may.
_LIMIT = """\
ulimit() {
    command ulimit "$@" 2> /dev/null || command ulimit -n "$(command ulimit -H -n)"
}
"""

_SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxStartups 200
MaxSessions 200
AcceptEnv LANG LC_*
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Subsystem sftp internal-sftp
"""
