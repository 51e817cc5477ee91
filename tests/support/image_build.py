# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the project's own image, and one with HAProxy, on a real engine, without an image registry.

The base image consists of Debian packages. A temporary engine without a bridge runs the Dockerfile.
Images are kept and reused until the sources change.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.locks import exclusive
from tests.lab.names import PREFIX, base_folder
from tests.lab.process import SYSTEM_ENVIRONMENT, command
from tests.lab.releases import mirror
from tests.lab.wait import wait_until

ROOT = Path(__file__).resolve().parents[2]
NAME = "orcastra:test"
VERSION = "test"
HAPROXY_NAME = "haproxy:test"
_HAPROXY_CONTEXT = ROOT / "tests" / "haproxy"
_OTHER_FOLDERS = ("changelogs/", "demo/", "docs/", "monitoring/", "tests/", "tools/lint")
_BASE = "orcastra-lab-base"
_RELEASE = "bookworm"
_INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
# The variables of this machine that the build needs to reach its package sources.
_MACHINE_FILES = ("etc/ssl/certs/ca-certificates.crt", "etc/pip.conf", "etc/apt/apt.conf.d/99*")


def image_archive(say: Callable[[str], None] = lambda line: None) -> Path:
    """The image ``NAME`` in the format of ``docker load``. Raises ``LabError``."""
    indexes = {name: value for name, value in os.environ.items() if name in _INDEXES}
    return _archive("orcastra", NAME, ROOT, _digest(), {"VERSION": VERSION, **indexes}, say)


def haproxy_archive(say: Callable[[str], None] = lambda line: None) -> Path:
    """Debian's HAProxy as ``HAPROXY_NAME``, in place of the official image. Raises ``LabError``."""
    digest = hashlib.sha256((_HAPROXY_CONTEXT / "Dockerfile").read_bytes()).hexdigest()[:16]
    return _archive("haproxy", HAPROXY_NAME, _HAPROXY_CONTEXT, digest, {}, say)


def _archive(
    stem: str,
    name: str,
    context: Path,
    digest: str,
    arguments: Mapping[str, str],
    say: Callable[[str], None],
) -> Path:
    """Build an image from a folder, and keep it until the digest of the folder changes."""
    folder = base_folder() / "images"
    with exclusive(f"{PREFIX}-image"):
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / f"{stem}-{digest}.tar"
        if not archive.exists():
            base = _base_archive(folder, say)
            say(f"Building {name} ...")
            with tempfile.TemporaryDirectory(prefix="orcastra-image-") as scratch:
                _build(base, archive, Path(scratch), name, context, arguments)
            for old in folder.glob(f"{stem}-*.tar"):
                if old != archive:
                    old.unlink()
        return archive


def _digest() -> str:
    """A digest of the files that the image depends on: those that git tracks or would add."""
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    digest = hashlib.sha256()
    for name in sorted(set(command(listing, env={**os.environ}).split("\0"))):
        path = ROOT / name
        is_ours = name and not name.startswith(_OTHER_FOLDERS) and not name.endswith(".md")
        if is_ours and path.is_file():
            digest.update(f"{name}\0{path.stat().st_mode & 0o111}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _base_archive(folder: Path, say: Callable[[str], None]) -> Path:
    """A small Debian as a tar archive; made once."""
    archive = folder / f"base-{_RELEASE}.tar"
    if archive.exists():
        return archive
    say(f"Making a base image of Debian {_RELEASE}, once (half a minute) ...")
    with tempfile.TemporaryDirectory(prefix="orcastra-base-") as scratch:
        root = Path(scratch) / "root"
        arguments = ["debootstrap", "--variant=minbase", "--include=ca-certificates", _RELEASE, str(root)]
        if source := mirror():
            arguments.append(source)
        command(arguments, env={**os.environ, **SYSTEM_ENVIRONMENT}, timeout=240)
        for package in (root / "var/cache/apt/archives").glob("*.deb"):
            package.unlink()
        # as the published slim images have it
        for folder_name in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/lib/apt/lists"):
            shutil.rmtree(root / folder_name)
            (root / folder_name).mkdir()
        for pattern in _MACHINE_FILES:
            for file in Path("/").glob(pattern):
                shutil.copyfile(file, root / file.relative_to("/"))
        part = archive.with_suffix(".part")
        command(["tar", "-C", str(root), "--exclude=./dev/*", "-cf", str(part), "."])
        part.rename(archive)
    return archive


def _build(
    base: Path, archive: Path, scratch: Path, name: str, context: Path, arguments: Mapping[str, str]
) -> None:
    with _engine(scratch) as docker_host:
        environment = {**SYSTEM_ENVIRONMENT, "DOCKER_HOST": docker_host, "DOCKER_BUILDKIT": "0"}
        command(["docker", "import", str(base), _BASE], env=environment)
        given = {"BASE": _BASE, **arguments}
        options = [part for key, value in given.items() for part in ("--build-arg", f"{key}={value}")]
        done = subprocess.run(
            ["docker", "build", "--network", "host", "--tag", name, *options, str(context)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise LabError(f"{name} cannot be built:\n{done.stdout[-4000:]}")
        part = archive.with_suffix(".part")
        command(["docker", "save", "--output", str(part), name], env=environment)
        part.rename(archive)


@contextmanager
def _engine(scratch: Path) -> Iterator[str]:
    """An engine in the machine's own network, with nothing of its own that stays. Yields its address."""
    socket = scratch / "docker.sock"
    log = scratch / "dockerd.log"
    arguments = [
        "dockerd", "--bridge=none", "--iptables=false", f"--host=unix://{socket}",
        f"--data-root={scratch / 'data'}", f"--exec-root={scratch / 'exec'}",
        f"--pidfile={scratch / 'dockerd.pid'}", f"--cgroup-parent=/{PREFIX}-image",
    ]  # fmt: skip
    # Its mounts are in a namespace, and go with it.
    enclosed = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", *arguments]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            enclosed,
            env=SYSTEM_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            wait_until(lambda: socket.exists() or process.poll() is not None, 60, "the engine that builds")
            if process.poll() is not None:
                raise LabError(f"the engine that builds doesn't start:\n{log.read_text()[-2000:]}")
            yield f"unix://{socket}"
        finally:
            process.kill()  # --kill-child: and all that is in there
