# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The name of this host's time zone, with the standard library alone."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_FOLDER = "/zoneinfo/"


def host_zone(environment: Mapping[str, str] | None = None, root: Path = Path("/")) -> str | None:
    """What TZ says, where /etc/localtime leads to, or what /etc/timezone holds; None if none is a name."""
    environment = os.environ if environment is None else environment
    given = environment.get("TZ", "").strip().lstrip(":")
    if given and _is_name(given, root):
        return given
    # another name of the same zone would be as right, but this is the one that people know it by
    target = os.path.realpath(root / "etc" / "localtime")
    if _FOLDER in target:
        name = target.rpartition(_FOLDER)[2]
        if _is_name(name, root):
            return name
    try:
        name = (root / "etc" / "timezone").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if _NAME.fullmatch(name) else None


def _is_name(text: str, root: Path) -> bool:
    if not _NAME.fullmatch(text):
        return False
    zones = root / "usr" / "share" / "zoneinfo"
    # without the zones nobody can tell
    return not zones.is_dir() or (zones / text).is_file()
