# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E402 - like Ansible's other plugins, the documentation comes first

from __future__ import annotations

DOCUMENTATION = r"""
---
short_description: Receive events of a Docker Swarm
description:
  - Observes a swarm through one of its managers, and sends an event for each change.
  - It only reads. Each observation takes six requests, however large the swarm is.
  - Requires the Docker SDK for Python on the host that runs ansible-rulebook.
options:
  docker_host:
    description:
      - The address of a manager's engine. The other connection options of the modules are supported too,
        with the same names and environment variables, for example V(validate_certs), V(ca_path),
        V(client_cert) and V(client_key).
    type: str
    default: The environment variable E(DOCKER_HOST), or V(unix:///var/run/docker.sock)
  interval:
    description: The time between two observations, in seconds.
    type: float
    default: 5
  existing:
    description:
      - Whether to send an event at the start for each node that is down and each service that is short of
        tasks.
    type: bool
    default: true
"""

EXAMPLES = r"""
- orcastra.swarm.swarm:
    docker_host: tcp://10.0.0.11:2376
    validate_certs: true
    ca_path: /etc/docker/ca.pem
    client_cert: /etc/docker/cert.pem
    client_key: /etc/docker/key.pem
    interval: 10
"""

import asyncio
import math
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

# ansible-rulebook runs this file without the package of the collection
_FOLDERS = Path(__file__).absolute().parents
if len(_FOLDERS) > 7 and _FOLDERS[6].name == "ansible_collections":
    sys.path.append(str(_FOLDERS[7]))

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    CONNECTION_ARGUMENT_SPEC,
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.happenings import (
    EVENT_TYPES,
    Event,
    Situation,
    happened,
    problems,
    situation,
)

TYPES = (*EVENT_TYPES, "swarm_unreachable", "swarm_reachable")
ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **CONNECTION_ARGUMENT_SPEC,
    "interval": {"type": "float", "default": 5.0},
    "existing": {"type": "bool", "default": True},
}


async def main(queue: asyncio.Queue[Event], args: dict[str, Any]) -> None:
    """Send events until the task is cancelled. Raises OrcastraError for invalid options."""
    given = {name: value for name, value in args.items() if name != "eda_feedback_queue"}
    checked = ArgumentSpecValidator(ARGUMENT_SPEC).validate(given)
    if checked.error_messages:
        raise OrcastraError(f"orcastra.swarm.swarm: {'; '.join(checked.error_messages)}")
    values = checked.validated_parameters
    interval = values["interval"]
    if not (math.isfinite(interval) and interval > 0):
        raise OrcastraError(f"orcastra.swarm.swarm: interval: expected more than 0 seconds, found {interval}")
    watch = _Watch(ConnectionOptions.from_parameters(values), existing=values["existing"])
    while True:
        for event in await asyncio.to_thread(watch.look):
            await queue.put(event)
        await asyncio.sleep(interval)


class _Watch:
    """Compares each observation with the one before it."""

    def __init__(self, options: ConnectionOptions, *, existing: bool) -> None:
        self._options = options
        self._existing = existing
        self._engine: Engine | None = None
        self._before: Situation | None = None
        self._cluster_id = ""
        self._is_reachable = True

    def look(self) -> list[Event]:
        """Observe the swarm, and return the events since the last observation."""
        try:
            if self._engine is None:
                self._engine = connect(self._options)
            seen = observe(self._engine)
        except EngineError as error:
            return self._failed(error)
        self._cluster_id = seen.cluster_id
        now = situation(seen.snapshot, seen.state, seen.engine_time or time.time())
        events: list[Event] = [] if self._is_reachable else [{"type": "swarm_reachable"}]
        if self._before is not None:
            events += happened(self._before, now)
        elif self._existing:
            events += problems(now)
        self._before, self._is_reachable = now, True
        return [self._complete(event) for event in events]

    def _failed(self, error: EngineError) -> list[Event]:
        """Report the first of several failures. The next observation uses a new connection."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        was_reachable, self._is_reachable = self._is_reachable, False
        if not was_reachable:
            return []
        return [
            self._complete(
                {
                    "type": "swarm_unreachable",
                    "error": type(error).__name__,
                    "docker_host": self._options.docker_host,
                }
            )
        ]

    def _complete(self, event: Event) -> Event:
        return {
            **event,
            "cluster_id": self._cluster_id,
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
