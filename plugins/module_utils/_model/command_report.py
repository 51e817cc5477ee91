# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of commands as plain data, for `swarm_info`, `orcastra status` and the API."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

from .state import CommandRecord, State
from .state_values import MAX_TIME


def record_data(record: CommandRecord) -> dict[str, Any]:
    """A record without its empty fields. Times are ISO 8601 in UTC."""
    data = {
        "command": record.command,
        "status": record.status,
        "message": record.message or None,
        "by": record.by,
        "started_at": iso_time(record.started),
        "finished_at": None if record.finished is None else iso_time(record.finished),
    }
    return {key: value for key, value in data.items() if value is not None}


def commands_data(state: State) -> list[dict[str, Any]]:
    """All saved commands, newest first."""
    records = sorted(state.commands.items(), key=lambda item: (-item[1].started, item[0]))
    return [
        {
            **record_data(record),
            "source": record.source,
            **({"id": key.removeprefix("id:")} if key.startswith("id:") else {}),
        }
        for key, record in records
    ]


def iso_time(seconds: float) -> str:
    """Seconds since the epoch as ``2026-03-01T12:00:00Z``, clamped to the years 1970 to 9999."""
    within = min(max(seconds, 0.0), MAX_TIME) if not math.isnan(seconds) else 0.0
    return datetime.fromtimestamp(within, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
