# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a lab: for SSH to its hosts, and for engines with TLS."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.process import SYSTEM_PATH, command


@dataclass(frozen=True)
class SshFiles:
    """The paths of the lab's SSH files."""

    folder: Path

    @property
    def key(self) -> Path:
        return self.folder / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def host_key(self, host: str) -> Path:
        return self.folder / f"host_{host}"

    def environment(self) -> dict[str, str]:
        """Variables that let the ``ssh`` of any program (and paramiko's ``~/.ssh``) reach the hosts."""
        return {
            "PATH": f"{self.folder / 'bin'}:/usr/local/bin:{SYSTEM_PATH}",
            "HOME": str(self.folder / "home"),
        }


def create_ssh(files: SshFiles, addresses: Mapping[str, str]) -> None:
    """Make the lab's key, each host's key, and a configuration that knows the hosts by name and address.

    :param addresses: host names to IP addresses
    """
    (files.folder / "bin").mkdir(parents=True)
    (files.folder / "home").mkdir()
    _keygen(files.key, "lab")
    known, blocks = [], []
    for name, ip in addresses.items():
        _keygen(files.host_key(name), name)
        kind, key, _comment = files.host_key(name).with_suffix(".pub").read_text().split()
        known.append(f"{name},{ip} {kind} {key}\n")
        blocks.append(f"Host {name} {ip}\n    HostName {ip}\n    HostKeyAlias {name}\n")
    files.known_hosts.write_text("".join(known))
    files.config.write_text(
        "".join(blocks)
        + f"Host {' '.join([*addresses, *addresses.values()])}\n"
        + f"    User root\n    IdentityFile {files.key}\n    IdentitiesOnly yes\n"
        + f"    UserKnownHostsFile {files.known_hosts}\n    StrictHostKeyChecking yes\n    BatchMode yes\n"
    )
    # ssh reads the home folder from the password file, not from HOME: only -F changes its configuration.
    wrapper = files.folder / "bin/ssh"
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {shlex.quote(str(files.config))} "$@"\n')
    wrapper.chmod(0o755)
    dot_ssh = files.folder / "home/.ssh"
    dot_ssh.mkdir(mode=0o700)
    for name in ("id_ed25519", "known_hosts", "config"):
        (dot_ssh / name).symlink_to(files.folder / name)


def create_tls(folder: Path, addresses: Mapping[str, str]) -> None:
    """Make a CA with a client's and each host's certificate, and under ``other`` an unrelated CA and client.

    ``folder`` then has ca.pem, cert.pem and key.pem as the Docker client wants them, and ``hosts/NAME/`` the
    same three for each engine.
    """
    _authority(folder, "Lab CA")
    _certificate(folder, folder, "client", "extendedKeyUsage=clientAuth")
    for name, ip in addresses.items():
        names = f"subjectAltName=DNS:{name},DNS:localhost,IP:{ip},IP:127.0.0.1"
        _certificate(folder, folder / "hosts" / name, name, f"extendedKeyUsage=serverAuth\n{names}")
    _authority(folder / "other", "Another CA")
    _certificate(folder / "other", folder / "other", "client", "extendedKeyUsage=clientAuth")


def _keygen(path: Path, comment: str) -> None:
    command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def _authority(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _new_key(folder / "ca-key.pem")
    command([
        "openssl", "req", "-x509", "-new", "-sha256", "-days", "365", "-subj", f"/CN={name}",
        "-key", str(folder / "ca-key.pem"), "-out", str(folder / "ca.pem"),
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    ])  # fmt: skip


def _certificate(authority: Path, folder: Path, name: str, extensions: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _new_key(folder / "key.pem")
    request = command(
        ["openssl", "req", "-new", "-sha256", "-subj", f"/CN={name}", "-key", str(folder / "key.pem")]
    )
    (folder / "extensions").write_text(f"basicConstraints=CA:FALSE\n{extensions}\n")
    command([
        "openssl", "x509", "-req", "-sha256", "-days", "365", "-CAcreateserial",
        "-CA", str(authority / "ca.pem"), "-CAkey", str(authority / "ca-key.pem"),
        "-extfile", str(folder / "extensions"), "-out", str(folder / "cert.pem"),
    ], input=request)  # fmt: skip
    (folder / "extensions").unlink()
    if folder != authority:
        (folder / "ca.pem").write_text((authority / "ca.pem").read_text())


def _new_key(path: Path) -> None:
    command(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path)])
    path.chmod(0o600)
