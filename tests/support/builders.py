# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short ways to write a snapshot by hand."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    Dependency,
    DesiredState,
    NodeConfig,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.ownership import CONSTRAINTS_LABEL
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import (
    Node,
    Service,
    SwarmSnapshot,
    Task,
)


def node(name: str, **fields: Any) -> Node:
    """A ready worker whose ID is ``id-<name>``."""
    return Node(**{"id": f"id-{name}", "hostname": name, **fields})


def service(name: str, **fields: Any) -> Service:
    return Service(**{"id": f"id-{name}", "name": name, **fields})


def ours(*constraints: str, user_constraints: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of a service with managed ``constraints``; ``users`` are the user's own."""
    return {
        "constraints": (*user_constraints, *constraints),
        "labels": {CONSTRAINTS_LABEL: json.dumps(constraints)},
    }


def task(service_name: str, node_name: str | None, **fields: Any) -> Task:
    """A running task of the service on the node."""
    node_id = None if node_name is None else f"id-{node_name}"
    defaults = {"state": "running", "desired_state": "running", "slot": 1}
    name = f"{service_name}-{fields.get('slot', 1)}-{node_name}-{fields.get('state', 'running')}"
    return Task(**{"id": name, "service_id": f"id-{service_name}", "node_id": node_id, **defaults, **fields})


def snapshot(*parts: Node | Service | Task) -> SwarmSnapshot:
    return SwarmSnapshot(
        nodes=tuple(part for part in parts if isinstance(part, Node)),
        services=tuple(part for part in parts if isinstance(part, Service)),
        tasks=tuple(part for part in parts if isinstance(part, Task)),
    )


def desired(
    nodes: dict[str, dict[str, str]] | None = None,
    anchors: dict[str, tuple[str, ...]] | None = None,
    stack: str = "shop",
    **fields: Any,
) -> DesiredState:
    """``nodes``: name → labels; ``anchors``: anchor → followers, all of one stack."""
    return DesiredState(
        nodes={name: NodeConfig(name, labels) for name, labels in (nodes or {}).items()},
        dependencies={
            anchor: Dependency(anchor=anchor, stack=stack, label=anchor, followers=followers)
            for anchor, followers in (anchors or {}).items()
        },
        **fields,
    )
