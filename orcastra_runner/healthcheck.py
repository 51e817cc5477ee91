# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra healthcheck``: reports whether the loop of the instance on this host is alive. For containers.

It runs often, so it reads the single setting that it needs itself. ``cli`` calls it too if there are options.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from orcastra_runner.heartbeat import DEFAULT_STATE_DIR, STUCK_SECONDS, VARIABLE, seconds_since_beat


def check(state_dir: Path) -> tuple[bool, str]:
    """Return whether the instance with that state folder is alive, and a message."""
    seconds = seconds_since_beat(state_dir)
    if seconds is None:
        return False, f"not running: no instance writes a heartbeat to {state_dir} ({VARIABLE})"
    state = "stuck" if seconds > STUCK_SECONDS else "live"
    return state == "live", f"{state}: last heartbeat {seconds:.0f} s ago"


def main() -> int:
    """Check the instance with the state folder in the environment. Returns the exit code."""
    is_live, text = check(Path(os.environ.get(VARIABLE, "").strip() or DEFAULT_STATE_DIR))
    # the name of a folder may contain any character
    sys.stdout.write(f"{ascii(text)[1:-1]}\n")
    return 0 if is_live else 1
