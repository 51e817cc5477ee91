# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Form a swarm of a lab's hosts over the API, so that join tokens are never on a command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.lab.errors import LabError
from tests.lab.host import Host
from tests.lab.wait import wait_until

PORT = 2377


@dataclass(frozen=True)
class Formation:
    """How a swarm is formed: the first ``managers`` hosts are managers, nodes report each ``heartbeat_s``."""

    managers: int = 3
    heartbeat_s: float = 5

    def settings(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """A swarm's spec with what a formation sets, and without a lock."""
        heartbeat = {"HeartbeatPeriod": int(self.heartbeat_s * 1e9)}
        unlocked = {"AutoLockManagers": False}
        # Swarm's own default; a test may have changed it
        history = {"TaskHistoryRetentionLimit": 5}
        return {
            **spec,
            "Labels": {},
            "Orchestration": history,
            "Dispatcher": heartbeat,
            "EncryptionConfig": unlocked,
        }


def form(hosts: Sequence[Host], desired: Formation) -> None:
    """Make one swarm of ``hosts``; wait until all are Ready."""
    managers = desired.managers
    if not 1 <= managers <= len(hosts):
        raise LabError(f"managers: expected 1 to {len(hosts)}, found {managers}")
    first = hosts[0]
    settings = {
        "ListenAddr": f"0.0.0.0:{PORT}",
        "AdvertiseAddr": f"{first.ip}:{PORT}",
        "Spec": desired.settings({}),
    }
    first.api("POST", "/swarm/init", settings)
    # One after the other: the managers' Raft takes one new member at a time.
    for host in hosts[1:managers]:
        join(host, first, "Manager")
    if workers := hosts[managers:]:
        with ThreadPoolExecutor(len(workers)) as pool:
            list(pool.map(lambda host: join(host, first, "Worker"), workers))
    wait_until(lambda: all_ready(hosts), 60, "all nodes to be Ready")


def join(host: Host, manager: Host, role: str) -> None:
    """Let a host join a manager's swarm as ``Manager`` or ``Worker``."""
    token = manager.api("GET", "/swarm")["JoinTokens"][role]
    host.api(
        "POST",
        "/swarm/join",
        {
            "ListenAddr": f"0.0.0.0:{PORT}",
            "AdvertiseAddr": f"{host.ip}:{PORT}",
            "RemoteAddrs": [f"{manager.ip}:{PORT}"],
            "JoinToken": token,
        },
        timeout=60,
    )


def all_ready(hosts: Sequence[Host]) -> bool:
    """Whether each manager sees all hosts Ready and all managers reachable, and no other node."""
    desired = sorted(host.name for host in hosts)
    seen_by_a_manager = False
    for host in hosts:
        info = swarm_info(host)
        if info["LocalNodeState"] != "active":
            return False
        if not info["ControlAvailable"]:
            continue
        nodes = host.api("GET", "/nodes")
        if sorted(node["Description"]["Hostname"] for node in nodes) != desired:
            return False
        if any(not is_ready(node) for node in nodes):
            return False
        seen_by_a_manager = True
    return seen_by_a_manager


def leader(hosts: Sequence[Host]) -> str:
    """The name of the node that leads the swarm, as the first manager that answers sees it."""
    for host in hosts:
        if host.is_cut or not host.running:
            continue
        try:
            # While the managers have no leader, they hold requests back.
            for node in host.api("GET", "/nodes", timeout=5):
                if node.get("ManagerStatus", {}).get("Leader"):
                    return str(node["Description"]["Hostname"])
        except (OSError, LabError):
            # A worker, or a manager without a quorum: the next one may know.
            continue
    raise LabError("no manager knows a leader")


def is_ready(node: dict[str, Any]) -> bool:
    reachable = node.get("ManagerStatus", {}).get("Reachability", "reachable") == "reachable"
    as_wanted = ("ManagerStatus" in node) == (node["Spec"].get("Role") == "manager")
    return bool(node["Status"]["State"] == "ready" and reachable and as_wanted)


def swarm_info(host: Host) -> dict[str, Any]:
    """The ``Swarm`` part of the engine's own description."""
    return dict(host.api("GET", "/info")["Swarm"])
