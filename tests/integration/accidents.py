# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accidents that happen to members of a swarm. Functions cause them in a lab and check the repair."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.parse import parse_time
from tests.lab import Lab
from tests.lab.errors import EngineError
from tests.lab.host import Host
from tests.lab.swarm import PORT, swarm_info
from tests.lab.wait import wait_until

SECOND = 1_000_000_000
# Options of ansible.builtin.reboot: the lab's hosts have no service manager to query.
REBOOT_OPTIONS = {"reboot_command": "busybox reboot -f", "connect_timeout": 3, "post_reboot_delay": 0}


def manager(lab: Lab) -> Host:
    """Return a host that manages the swarm."""
    return wait_until(
        lambda: next((host for host in lab if _manages(host)), None), 60, "a manager that answers"
    )


def _manages(host: Host) -> bool:
    if not host.running or not swarm_info(host)["ControlAvailable"]:
        return False
    try:
        host.api("GET", "/nodes", timeout=5)
    except EngineError:
        return False
    return True


def nodes(lab: Lab, name: str | None = None) -> list[dict[str, Any]]:
    """Return all nodes of the swarm, or those with this host name."""
    found = manager(lab).api("GET", "/nodes")
    return [node for node in found if name in (None, node["Description"].get("Hostname"))]


def members(lab: Lab) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Return host name → (role, state, labels). Duplicate names get a number as a suffix."""
    found: dict[str, tuple[str, str, dict[str, str]]] = {}
    for node in nodes(lab):
        name = node["Description"].get("Hostname", "")
        name = f"{name} ({len(found)})" if name in found else name
        reachable = node.get("ManagerStatus", {}).get("Reachability") == "reachable"
        is_sound = reachable == (node["Spec"]["Role"] == "manager")
        role = node["Spec"]["Role"] if is_sound else f"{node['Spec']['Role']}?"
        found[name] = (role, node["Status"]["State"], node["Spec"].get("Labels") or {})
    return found


def ready(lab: Lab, name: str) -> bool:
    return any(node["Status"]["State"] == "ready" for node in nodes(lab, name))


def change_node(lab: Lab, name: str, **spec: Any) -> None:
    def write() -> bool:
        # a node is briefly not ready after a role change
        node = next((node for node in nodes(lab, name) if node["Status"]["State"] == "ready"), None)
        if node is None:
            return False
        query = {"version": node["Version"]["Index"]}
        manager(lab).api("POST", f"/nodes/{node['ID']}/update", {**node["Spec"], **spec}, query)
        return True

    wait_until(write, 30, f"node {name} to take its spec")


def leave(host: Host) -> None:
    if swarm_info(host)["LocalNodeState"] != "inactive":
        host.api("POST", "/swarm/leave", query={"force": "1"})
        wait_until(lambda: swarm_info(host)["LocalNodeState"] == "inactive", 30, f"{host.name} to leave")


def make_bare(lab: Lab) -> None:
    """Remove all hosts from their swarms."""
    lab.each(leave)


def init(host: Host) -> None:
    """Create a swarm with only this host."""
    request = {"ListenAddr": f"0.0.0.0:{PORT}", "AdvertiseAddr": f"{host.ip}:{PORT}", "Spec": {}}
    host.api("POST", "/swarm/init", request)


def wipe(host: Host) -> None:
    """Reinstall the host: power off, delete its engine's data, power on."""
    host.crash()
    for path in (host.folder / "docker").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    host.boot()


def demote(lab: Lab, name: str) -> None:
    """Demote a manager, and wait until all managers know.

    With its old certificate, the node would become a manager again after an engine restart. Until the other
    managers know about the demotion, losing the node could cost the quorum.
    """
    change_node(lab, name, Role="worker")
    wait_until(lambda: not swarm_info(lab[name])["ControlAvailable"], 60, f"{name} to be a worker")
    wait_until(
        lambda: "swarm-worker" in _certificate(lab[name]), 60, f"{name} to have a worker's certificate"
    )
    wait_until(lambda: members(lab)[name][0] == "worker", 60, f"{name} to be a worker for the other managers")


def _certificate(host: Host) -> str:
    """Return the subject of the node's certificate, which contains its role."""
    path = "/var/lib/docker/swarm/certificates/swarm-node.crt"
    return host.run(["openssl", "x509", "-noout", "-subject", "-in", path]).stdout


def strike_off(lab: Lab, name: str) -> None:
    """Remove a worker from the swarm. The worker itself doesn't notice."""
    # a demoted node may try to become a manager again until it has a worker's certificate
    wait_until(lambda: "swarm-worker" in _certificate(lab[name]), 60, f"{name} to know that it is a worker")
    node = nodes(lab, name)[0]

    def remove() -> bool:
        manager(lab).api("DELETE", f"/nodes/{node['ID']}", query={"force": "1"})
        return True

    wait_until(remove, 30, f"the entry of {name} to go")


def join_again(lab: Lab, name: str) -> None:
    """Let a worker leave and join again with a new ID. Its old entry remains."""
    host = lab[name]
    leave(host)
    joined = manager(lab)
    token = joined.api("GET", "/swarm")["JoinTokens"]["Worker"]
    request = {
        "ListenAddr": f"0.0.0.0:{PORT}",
        "AdvertiseAddr": f"{host.ip}:{PORT}",
        "RemoteAddrs": [f"{joined.ip}:{PORT}"],
        "JoinToken": token,
    }
    host.api("POST", "/swarm/join", request, timeout=60)
    old_and_new = ["down", "ready"]

    def both() -> bool:
        return sorted(node["Status"]["State"] for node in nodes(lab, name)) == old_and_new

    wait_until(both, 60, f"the old entry of {name} to be down")


def lock(lab: Lab, name: str) -> str:
    """Enable autolock and restart the host's engine. Returns the unlock key."""

    def write() -> bool:
        found = manager(lab).api("GET", "/swarm")
        spec = {**found["Spec"], "EncryptionConfig": {"AutoLockManagers": True}}
        manager(lab).api("POST", "/swarm/update", spec, {"version": found["Version"]["Index"]})
        return True

    wait_until(write, 30, "the swarm to be autolocked")
    key: str = manager(lab).api("GET", "/swarm/unlockkey")["UnlockKey"]

    def locks() -> bool:
        # the manager must know about autolock before its engine restarts
        lab[name].restart_engine()
        return bool(swarm_info(lab[name])["LocalNodeState"] == "locked")

    wait_until(locks, 60, f"{name} to be locked", interval=1)
    return key


def create_service(lab: Lab, name: str, image: str, replicas: int = 2, **placement: Any) -> str:
    spec = {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {"Image": image, "Command": ["sleep", "1000000"], "Init": True},
            "Placement": placement,
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
        "UpdateConfig": {"Parallelism": 1, "FailureAction": "pause", "Monitor": SECOND},
    }
    return str(manager(lab).api("POST", "/services/create", spec)["ID"])


def service(lab: Lab, name: str) -> dict[str, Any]:
    found: dict[str, Any] = manager(lab).api("GET", f"/services/{name}")
    return found


def running(lab: Lab, name: str) -> int:
    filters = {"filters": {"service": [name], "desired-state": ["running"]}}
    tasks = manager(lab).api("GET", "/tasks", query=filters)
    return sum(task["Status"]["State"] == "running" for task in tasks)


def age(lab: Lab, name: str) -> float:
    """Return the age of a service's newest task in seconds."""
    found = manager(lab).api("GET", "/tasks", query={"filters": {"service": [name]}})
    created = max(task["CreatedAt"] for task in found)
    return time.time() - parse_time(created)


def pause_update(lab: Lab, name: str) -> None:
    """Update a service to an image that doesn't exist; Swarm pauses the update."""
    found = service(lab, name)
    spec = found["Spec"]
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = "orcastra/none"
    query = {"version": found["Version"]["Index"]}
    manager(lab).api("POST", f"/services/{found['ID']}/update", spec, query)
    paused: Callable[[], bool] = lambda: service(lab, name)["UpdateStatus"]["State"] == "paused"  # noqa: E731
    wait_until(paused, 60, f"the update of {name} to be paused")
