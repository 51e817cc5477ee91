# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the project's own image with a real engine, from its Dockerfile, without an image registry.

The base image is made with debootstrap, once, and kept beside the lab's roots. An engine of its own, in the
machine's own network (packages are fetched), builds on it and is ended with its folder afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.lab.errors import CommandFailed, LabError
from tests.lab.locks import exclusive
from tests.lab.names import PREFIX, base_folder
from tests.lab.process import SYSTEM_ENVIRONMENT, command
from tests.lab.releases import mirror
from tests.lab.wait import wait_until

NAME = "orcastra/orcastra:test"
RELEASE = "bookworm"
ROOT = Path(__file__).parents[1]
# how this machine reaches its package sources; the base image has to do so, too
_MACHINE_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")


def built_image(say: Callable[[str], None] = lambda line: None) -> bytes:
    """Build the image. Returns what ``docker load`` reads; raises ``LabError`` with what the build said."""
    # several test processes may want it: one builds, the others then find the layers of the first
    with exclusive(f"{PREFIX}-image"), tempfile.TemporaryDirectory(prefix=f"{PREFIX}-build-") as folder:
        engine = _BuildEngine(Path(folder))
        try:
            engine.start()
            engine.docker("import", str(_base(say)), "orcastra-base:latest")
            say("Building the image (about a minute) ...")
            engine.docker(
                "build", "--network", "host", "--build-arg", "BASE=orcastra-base:latest", "--tag", NAME,
                str(ROOT), timeout=900,
            )  # fmt: skip
            archive = Path(folder) / "image.tar"
            engine.docker("save", "--output", str(archive), NAME)
            return archive.read_bytes()
        finally:
            engine.stop()


def _base(say: Callable[[str], None]) -> Path:
    """A tar archive of the smallest Debian; made when it isn't there."""
    target = base_folder() / "roots" / f"base-{RELEASE}.tar"
    if not target.exists():
        say(f"Making a base image of Debian {RELEASE}, once (about half a minute) ...")
        target.parent.mkdir(parents=True, exist_ok=True)
        root = target.with_suffix(".new")
        shutil.rmtree(root, ignore_errors=True)
        arguments = ["debootstrap", "--variant=minbase", "--include=ca-certificates", RELEASE, str(root)]
        command([*arguments, *([source] if (source := mirror()) else [])], timeout=600)
        for path in map(Path, _MACHINE_FILES):
            if path.exists():
                inside = root / path.relative_to("/")
                inside.unlink(missing_ok=True)
                shutil.copy(path, inside)
        for folder in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / folder)
            (root / folder / "partial").mkdir(parents=True)
        unfinished = target.with_suffix(".part")
        command(
            ["tar", "--create", "--one-file-system", "--file", str(unfinished), "--directory", str(root), "."]
        )
        unfinished.rename(target)
        shutil.rmtree(root)
    return target


class _BuildEngine:
    """An engine in the machine's own network, with all that it has in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.folder / "dockerd.log").open("wb")
        self.process = subprocess.Popen(
            [
                "dockerd", "--host", self.host, "--data-root", str(self.folder / "data"),
                "--exec-root", str(self.folder / "run"), "--pidfile", str(self.folder / "pid"),
                "--bridge=none", "--iptables=false",
            ],
            env=SYSTEM_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            wait_until(lambda: self.docker("version"), 60, "the engine that builds images")
        except LabError as error:
            raise LabError(f"{error}\n{(self.folder / 'dockerd.log').read_text()[-2000:]}") from None

    def docker(self, *arguments: str, timeout: float = 300) -> str:
        environment = {**SYSTEM_ENVIRONMENT, "DOCKER_BUILDKIT": "0", "DOCKER_HOST": self.host}
        environment["HOME"] = str(self.folder)
        try:
            return command(["docker", *arguments], env=environment, timeout=timeout)
        except CommandFailed as error:
            raise LabError(str(error)[-3000:]) from None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            # what was mounted by an engine that had to be killed would keep the folder from being removed
            for line in reversed(Path("/proc/mounts").read_text().splitlines()):
                mount = line.split()[1]
                if mount.startswith(f"{self.folder}{os.sep}"):
                    command(["umount", "--lazy", mount], check=False)
