# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves in progress, and retries for unhealthy or misplaced services, for ``orcastra status``."""

from __future__ import annotations

from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import iso_time
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import plural


def moves_data(seen: Observation) -> list[dict[str, Any]]:
    """Return the journal, by service. Times are ISO 8601, in UTC."""
    moves = [
        {
            "service": _service(seen, service_id),
            "anchor": move.anchor,
            "to": sorted(_node(seen, node_id) for node_id in move.nodes),
            "since": iso_time(move.since),
            "scaled_from": move.replicas,
        }
        for service_id, move in seen.state.moves.items()
    ]
    return sorted(moves, key=lambda move: str(move["service"]))


def attempts_data(seen: Observation) -> list[dict[str, Any]]:
    """Return the attempts so far, by service; ``given_up`` is the reason why there are no more, or None."""
    attempts = [
        {
            "service": _service(seen, service_id),
            "reason": str(found.reason),
            "attempts": found.count,
            "since": iso_time(found.since),
            "last_attempt_at": iso_time(found.last),
            "given_up": None if found.given_up is None else str(found.given_up),
        }
        for service_id, found in seen.state.attempts.items()
    ]
    return sorted(attempts, key=lambda entry: str(entry["service"]))


def lines(moves: list[dict[str, Any]], attempts: list[dict[str, Any]]) -> list[str]:
    """Return both as text; an empty list if there are none."""
    found: list[str] = []
    if moves:
        found += ["", "Moves in progress:"]
    for move in moves:
        scaled = (
            "" if move["scaled_from"] is None else f", temporarily scaled from {move['scaled_from']} to 0"
        )
        found.append(f"  {move['service']} to {', '.join(move['to'])} since {move['since']}{scaled}")
    if attempts:
        found += ["", "Retries:"]
    for entry in attempts:
        when = f"since {entry['since']}, last at {entry['last_attempt_at']}"
        found.append(
            f"  {entry['service']}: {plural(entry['attempts'], 'attempt')} {when}: {entry['reason']}"
        )
        if entry["given_up"] is not None:
            found.append(f"  {entry['service']}: given up: {entry['given_up']}")
    return found


def _service(seen: Observation, service_id: str) -> str:
    service = seen.snapshot.service_by_id.get(service_id)
    return service.name if service is not None else service_id


def _node(seen: Observation, node_id: str) -> str:
    node = seen.snapshot.node_by_id.get(node_id)
    return node.hostname if node is not None else node_id
