# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the collection's tarball from exactly the files that belong to it: ``build_collection.py FOLDER``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hatch_build import collection_files

ROOT = Path(__file__).resolve().parents[1]


def main(target: Path) -> int:
    """Build into ``target``. Returns the exit status of ansible-galaxy."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="orcastra-build-") as scratch:
        for name in ["galaxy.yml", *collection_files(ROOT)]:
            (Path(scratch) / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, Path(scratch) / name)
        galaxy = Path(sys.executable).parent / "ansible-galaxy"
        build = [galaxy, "collection", "build", "--force", "--output-path", target.resolve(), scratch]
        return subprocess.run(build, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
