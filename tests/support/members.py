# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short ways to write membership reports of hosts, also false ones."""

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    DesiredState,
    NodeConfig,
    SwarmConfig,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.membership import KnownNode, Member

REAL, FAKE = "real", "fake"
BARE = Member()
SILENT = Member(problem="nobody answers")
EVIL = "10.66.66.66:2377"


def listing(*managers: str, workers: str = "", addr: str = "") -> tuple[KnownNode, ...]:
    """A manager's list. ``addr``: where all managers are joined, by default each at its own address."""
    found = [
        KnownNode(
            f"id-{name}", name, "manager", reachability="reachable", manager_addr=addr or f"{name}:2377"
        )
        for name in managers
    ]
    return (*found, *(KnownNode(f"id-{name}", name) for name in workers))


def manager(name: str, nodes: tuple[KnownNode, ...], swarm: str = REAL) -> Member:
    return Member(
        hostname=name, state="active", node_id=f"id-{name}", control=True, cluster_id=swarm, nodes=nodes,
        remote_managers=tuple(node.id for node in nodes if node.reachability),
    )  # fmt: skip


def worker(name: str, managers: str) -> Member:
    ids = tuple(f"id-{other}" for other in managers)
    return Member(hostname=name, state="active", node_id=f"id-{name}", remote_managers=ids)


def liar(name: str, swarm: str = REAL, also: str = "") -> Member:
    """It says that it manages the swarm, with six others at its own address. ``also``: and with these."""
    fakes = tuple(f"{name}{number}" for number in range(6))
    return manager(name, listing(name, *fakes, *also, addr=EVIL), swarm)


def swarm_of(managers: str, workers: str = "") -> dict[str, Member]:
    nodes = listing(*managers, workers=workers)
    return {
        **{name: manager(name, nodes) for name in managers},
        **{name: worker(name, managers) for name in workers},
    }


def config(
    managers: str = "",
    workers: str = "",
    free: str = "",
    leader: str | None = None,
    cluster_id: str | None = None,
) -> DesiredState:
    roles = {
        **dict.fromkeys(managers, "manager"),
        **dict.fromkeys(workers, "worker"),
        **dict.fromkeys(free, None),
    }
    nodes = {name: NodeConfig(name, role=role) for name, role in sorted(roles.items())}
    return DesiredState(nodes=nodes, leader=leader, swarm=SwarmConfig(cluster_id=cluster_id))
