# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image with this machine's own node exporter, in place of ``prom/node-exporter``."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.lab import image


def exporter_image(name: str) -> bytes:
    """An image whose entry point is the exporter, in the format of ``docker load``."""
    program = Path(shutil.which("prometheus-node-exporter") or "/usr/bin/prometheus-node-exporter")
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    libraries = re.findall(r"(/\S+) \(0x", listing)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as layer:
        for folder in ("tmp", "etc", "proc", "sys", "dev"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            layer.addfile(entry)
        for source, target in [(program, "bin/node_exporter"), *((Path(path), path) for path in libraries)]:
            content = source.read_bytes()
            entry = tarfile.TarInfo(str(target).lstrip("/"))
            entry.size, entry.mode = len(content), 0o755
            layer.addfile(entry, io.BytesIO(content))
    return image.pack(name, buffer.getvalue(), {"Entrypoint": ["/bin/node_exporter"]})
