# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the name of this host's time zone, using only the standard library."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_FOLDER = "/zoneinfo/"


def host_zone(environment: Mapping[str, str] | None = None, root: Path = Path("/")) -> str | None:
    """The time zone in TZ, the target of /etc/localtime, or /etc/timezone; None if none is a valid name."""
    environment = os.environ if environment is None else environment
    given = environment.get("TZ", "").strip().lstrip(":")
    if given and _is_name(given, root):
        return given
    # follow all links: the final name is the canonical one
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
    # without the zone files, the name cannot be checked
    return not zones.is_dir() or (zones / text).is_file()
