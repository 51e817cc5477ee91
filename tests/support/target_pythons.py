# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the interpreters that managed hosts may have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TARGET_VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")


@cache
def find_python(version: str) -> str | None:
    """Return the path of an interpreter of this version, or None.

    Searches this interpreter, PATH, and the versions installed by pyenv.
    """
    for candidate in _candidates(version):
        probe = "import sys; print('%d.%d' % sys.version_info[:2])"
        # pyenv also puts shims of inactive versions on PATH, which fail
        found = subprocess.run([candidate, "-c", probe], capture_output=True, text=True, check=False)
        if found.stdout.strip() == version:
            return candidate
    return None


def _candidates(version: str) -> Iterator[str]:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield on_path
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for python in sorted(root.glob(f"versions/{version}.*/bin/python")):
        yield str(python)
