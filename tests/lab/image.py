# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build container images without a registry, in the format of ``docker load``."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.errors import LabError
from tests.lab.process import SYSTEM_ENVIRONMENT

if TYPE_CHECKING:
    from tests.lab.host import Host

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}

# The first process of a container has no default reaction to SIGTERM; this one has, so that the container is
# gone at once. Its status is the program's own if that ends by itself.
_ENTRY = """\
#!/bin/sh
trap 'kill "$program" 2>/dev/null; exit 143' TERM INT
# Without this, a program in the background has no stdin.
exec 3<&0
"$@" <&3 3<&- &
program=$!
wait "$program"
"""


def busybox_image(name: str, files: Mapping[str, str] | None = None) -> bytes:
    """An image with a static busybox: all its commands (sh, sleep, httpd, nc ...), and ``/www`` to serve.

    :param name: repository, with a tag or not: ``orcastra/app`` or ``orcastra/app:2``
    :param files: additional files, path to text; those under ``/bin`` are executable

    Its entry point, ``/entry``, runs the container's arguments and ends at once on SIGTERM; without arguments
    it sleeps. A service that should take its time overrides it (``Command``). The same arguments give the
    same image ID on all hosts, as a pull from a registry would. Returns what ``docker load`` reads.
    """
    busybox = Path("/bin/busybox")
    applets = subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True, env=SYSTEM_ENVIRONMENT
    ).stdout.split()
    layer = _Tar()
    for folder in ("bin", "etc", "root", "tmp", "var", "www", "proc", "sys", "dev", "run"):
        layer.folder(folder, 0o1777 if folder == "tmp" else 0o755)
    layer.file("bin/busybox", busybox.read_bytes(), 0o755)
    for applet in sorted(set(applets) - {"busybox"}):
        layer.link(f"bin/{applet}", "busybox")
    layer.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n", 0o644)
    layer.file("etc/group", b"root:x:0:\nnobody:x:65534:\n", 0o644)
    layer.file("www/index.html", f"{name}\n".encode(), 0o644)
    layer.file("entry", _ENTRY.encode(), 0o755)
    for path, text in (files or {}).items():
        relative = path.lstrip("/")
        layer.file(relative, text.encode(), 0o755 if relative.startswith("bin/") else 0o644)
    settings = {"Env": ["PATH=/bin"], "Entrypoint": ["/entry"], "Cmd": ["sleep", "1000000"]}
    return pack(name, layer.bytes(), settings)


def pack(name: str, layer: bytes, settings: Mapping[str, Any]) -> bytes:
    """An image of one layer.

    :param layer: an uncompressed tar archive
    :param settings: the image's configuration as in ``docker inspect``: Env, Entrypoint, Cmd, Labels ...
    """
    machine = platform.machine()
    config = json.dumps(
        {
            "architecture": _ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": dict(settings),
            "created": "2020-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "the lab"}],
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    tag = name if ":" in name else f"{name}:latest"
    manifest = [{"Config": config_name, "RepoTags": [tag], "Layers": ["layer.tar"]}]
    image = _Tar()
    image.file(config_name, config, 0o644)
    image.file("layer.tar", layer, 0o644)
    image.file("manifest.json", json.dumps(manifest).encode(), 0o644)
    return image.bytes()


def load(host: Host, archive: bytes) -> None:
    """Put an image on a host. Raises ``LabError``."""
    answer = str(host.api("POST", "/images/load", archive, {"quiet": "1"}, timeout=120))
    if "Loaded image" not in answer:
        raise LabError(f"{host.name} doesn't load the image: {answer.strip()}")


class _Tar:
    """A tar archive whose bytes depend only on its content."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115

    def file(self, path: str, content: bytes, mode: int) -> None:
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(content), mode
        self._tar.addfile(entry, io.BytesIO(content))

    def folder(self, path: str, mode: int) -> None:
        entry = tarfile.TarInfo(path)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(entry)

    def link(self, path: str, target: str) -> None:
        entry = tarfile.TarInfo(path)
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
        self._tar.addfile(entry)

    def bytes(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()
