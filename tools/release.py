# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that the tree can be released, and write the release notes: ``tools/release.py [TAG]``.

Exit status 0 if it can, 1 if not; the output names each problem. The notes are the section of CHANGELOG.rst
for the version in galaxy.yml, in ``build/release-notes.md``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def problems(root: Path, tag: str | None) -> list[str]:
    """Return what prevents a release of the version in galaxy.yml."""
    version = _version(root)
    found = []
    if tag and tag != f"v{version}":
        found.append(f"tag: expected v{version}, the version in galaxy.yml, found {tag}")
    fragments = sorted(path.name for path in (root / "changelogs" / "fragments").glob("*.yml"))
    if fragments:
        found.append(
            f"changelogs/fragments: expected none after `make changelog`, found {', '.join(fragments)}"
        )
    if not notes(root):
        found.append(f"CHANGELOG.rst: expected a section v{version}, found none")
    return found


def notes(root: Path) -> str:
    """Return the section of CHANGELOG.rst for the version in galaxy.yml as Markdown; empty if missing."""
    text = (root / "CHANGELOG.rst").read_text(encoding="utf-8")
    sections = re.split(r"^v(\S+)\n=+\n", text, flags=re.MULTILINE)
    for name, body in zip(sections[1::2], sections[2::2], strict=True):
        if name == _version(root):
            titled = re.sub(r"^(.+)\n-{3,}$", r"## \1", body.strip(), flags=re.MULTILINE)
            return titled.replace("``", "`") + "\n"
    return ""


def _version(root: Path) -> str:
    return str(yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))["version"])


def main(arguments: list[str]) -> int:
    """Print the problems, or write the notes; returns the exit status."""
    found = problems(ROOT, arguments[0] if arguments else None)
    if found:
        print("\n".join(found))
        return 1
    target = ROOT / "build" / "release-notes.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(notes(ROOT), encoding="utf-8")
    print(f"version {_version(ROOT)} can be released; its notes are in {target.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
