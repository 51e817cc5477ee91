# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that a host can install although nothing is reachable from it: a repository in its own root."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.lab.process import SYSTEM_ENVIRONMENT, command

_MIRROR = "http://deb.debian.org/debian"
# debootstrap checks its downloads with the same keys.
_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_FOLDER = "srv/packages"


def offer(root: Path, release: str, packages: Sequence[str], mirror: str | None) -> None:
    """Fetch packages and their missing dependencies, and make them the only package source of ``root``.

    The package manager has not read that source yet, as on a newly installed host.
    """
    folder = root / _FOLDER
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="packages-", dir=root.parent) as scratch:
        for package in _fetch(root, release, packages, mirror or _MIRROR, Path(scratch)):
            # "2%3a1.0" is how apt spells the version "2:1.0" in a name; in a URL it would be another one
            shutil.copyfile(package, folder / package.name.replace("%3a", "_"))
    for kind, name in (("packages", "Packages"), ("release", "Release")):
        text = command(["sh", "-c", f"cd {folder} && apt-ftparchive {kind} ."])
        (folder / name).write_text(text)
    shutil.rmtree(root / "var/lib/apt/lists")
    (root / "var/lib/apt/lists").mkdir()
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:/{_FOLDER} ./\n")
    # The hosts of a lab need not survive a power cut of the machine.
    (root / "etc/dpkg/dpkg.cfg.d/lab").write_text("force-unsafe-io\n")


def _fetch(root: Path, release: str, packages: Sequence[str], mirror: str, scratch: Path) -> list[Path]:
    """Let the machine's apt fetch for the root, so that its proxies and certificates apply."""
    for name in ("lists/partial", "archives/partial", "none"):
        (scratch / name).mkdir(parents=True)
    sources = scratch / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYS}] {mirror} {release} main\n")
    settings = {
        "APT::Sandbox::User": "root",
        "Dir::Cache": scratch,
        "Dir::Cache::Archives": scratch / "archives",
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": scratch / "none",
        "Dir::State::Lists": scratch / "lists",
        "Dir::State::Status": root / "var/lib/dpkg/status",
    }
    options = [f"--option={name}={value}" for name, value in settings.items()]
    environment = {**os.environ, **SYSTEM_ENVIRONMENT}
    command(["apt-get", *options, "update"], env=environment)
    install = ["install", "--yes", "--download-only", "--no-install-recommends", *packages]
    command(["apt-get", *options, *install], env=environment)
    return sorted((scratch / "archives").glob("*.deb"))
