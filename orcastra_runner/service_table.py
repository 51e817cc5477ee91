# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra status --services``: a table of the services."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.memory import Memory
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import printable
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import without_doubtful
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.shortages import shortages
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import format_bytes
from orcastra_runner.report import to_text
from orcastra_runner.service_report import add_memory, services_data

HEADINGS = ("SERVICE", "TASKS", "NODES", "ROLE", "MEMORY", "PROBLEM")
# the maximum number of nodes in a row
SHOWN_NODES = 4


def table_data(seen: Observation, desired: DesiredState, memory: Memory) -> list[dict[str, Any]]:
    """Return the services by name, with their role and memory.

    ``follows``: the anchors of a follower, ``followers``: those of an anchor. ``memory_bytes``: that of one
    task on average, measured or reserved; None if unknown.
    """
    snapshot = without_doubtful(seen.snapshot, desired)
    services = services_data(seen, shortages(seen.snapshot, seen.engine_time or time.time()))
    follows: dict[str, list[str]] = {}
    followers: dict[str, list[str]] = {}
    misplaced = set()
    for group in resolve_anchor_groups(snapshot, desired):
        anchor = group.place.service
        for follower in group.followers:
            name = follower.service.name
            follows.setdefault(name, []).append(group.dependency.anchor if anchor is None else anchor.name)
            if anchor is not None:
                followers.setdefault(anchor.name, []).append(name)
            if follower.misplaced:
                misplaced.add(name)
    add_memory(services, seen, memory)
    for entry in services:
        name = entry["name"]
        entry["follows"] = follows.get(name, [])
        entry["followers"] = sorted(followers.get(name, []))
        entry["misplaced"] = name in misplaced
    return services


def table_text(services: Sequence[Mapping[str, Any]]) -> str:
    """Return the services as a table, without the columns that would be empty."""
    rows = [_row(service) for service in services]
    if not rows:
        return "There are no services."
    used = [number for number in range(len(HEADINGS)) if any(row[number] for row in rows)]
    rows = [HEADINGS, *rows]
    widths = [max(len(printable(row[number])) for row in rows) for number in used]
    lines = [
        "  ".join(
            f"{printable(row[number]):<{width}}" for number, width in zip(used, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return to_text(lines)


def _row(service: Mapping[str, Any]) -> tuple[str, ...]:
    nodes = [f"{name} ×{count}" if count > 1 else name for name, count in service["nodes"].items()]
    more = f" +{len(nodes) - SHOWN_NODES}" if len(nodes) > SHOWN_NODES else ""
    roles = [f"follows {', '.join(service['follows'])}"] if service["follows"] else []
    roles += ["misplaced"] if service["misplaced"] else []
    roles += ["anchor"] if service["followers"] else []
    memory = service["memory_bytes"]
    over = f" ({service['finished']} finished)" if service["finished"] else ""
    return (
        service["name"],
        f"{service['running']}/{service['expected']}{over}",
        f"{', '.join(nodes[:SHOWN_NODES])}{more}",
        ", ".join(roles),
        "" if memory is None else format_bytes(memory),
        service["problem"] or "",
    )
