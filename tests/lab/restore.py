# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a lab's swarm back to how it was when it was formed, whatever a test did to it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tests.lab import swarm
from tests.lab.errors import EngineError, LabError
from tests.lab.host import Host
from tests.lab.wait import wait_until

if TYPE_CHECKING:
    from tests.lab.lab import Lab

# Hosts that were unplugged or crashed are Ready again within seconds; otherwise the swarm is formed again.
_PATIENCE = 40


def restore(lab: Lab, desired: swarm.Formation) -> None:
    """All hosts on, connected, with fresh memory; one swarm of all, formed as ``desired``, empty.

    All nodes are active and without labels; services, configs, secrets, networks, volumes and containers are
    gone. If nothing has changed, this costs only a few requests.
    """
    lab.each(_restore_host)
    if not _same_swarm(lab) or not _repair(lab, desired):
        _form_anew(lab, desired)
    _empty_swarm(lab.hosts[0])
    lab.each(_empty_engine)


def _restore_host(host: Host) -> None:
    if not host.running:
        host.boot(wait=False)
    if host.is_cut:
        host.mend()
    host.reset_memory()
    if not host.engine_answers():
        wait_until(lambda: host.running, 30, f"{host.name} to be on")
        host.start_engine()


def _same_swarm(lab: Lab) -> bool:
    infos = lab.each(swarm.swarm_info)
    known = {info.get("Cluster", {}).get("ID") for info in infos if info["ControlAvailable"]}
    return all(info["LocalNodeState"] == "active" for info in infos) and len(known) == 1


def _repair(lab: Lab, desired: swarm.Formation) -> bool:
    """Set the swarm's settings and every node's; False when the swarm isn't whole in the end."""
    try:
        manager = _some_manager(lab)
        _restore_settings(manager, desired)
        hosts = {swarm.swarm_info(host)["NodeID"]: n for n, host in enumerate(lab)}
        roles = {True: "manager", False: "worker"}
        nodes = {
            node["ID"]: roles[hosts.get(node["ID"], len(hosts)) < desired.managers]
            for node in manager.api("GET", "/nodes")
        }
        # Promotions first: there are never fewer managers than wanted, and a quorum stays.
        for node_id, role in sorted(nodes.items(), key=lambda item: item[1]):
            _restore_node(manager, node_id, role)
        for node_id in nodes.keys() - hosts.keys():
            # Left behind by a node that joined again.
            remove = functools.partial(manager.api, "DELETE", f"/nodes/{node_id}", query={"force": "1"})
            wait_until(lambda remove=remove: remove() is None, 20, "a stale node to go")  # type: ignore[misc]
        if not swarm.all_ready(lab.hosts):
            wait_until(lambda: swarm.all_ready(lab.hosts), _PATIENCE, "all nodes to be Ready")
    except (LabError, OSError):
        return False
    return True


def _restore_settings(manager: Host, desired: swarm.Formation) -> None:
    found = manager.api("GET", "/swarm")
    settings = desired.settings(found["Spec"])
    if settings != found["Spec"]:
        manager.api("POST", "/swarm/update", settings, {"version": found["Version"]["Index"]})


def _restore_node(manager: Host, node_id: str, role: str) -> None:
    desired = {"Role": role, "Availability": "active", "Labels": {}}

    def write() -> bool:
        node = manager.api("GET", f"/nodes/{node_id}")
        spec = {**node["Spec"], **desired}
        spec.pop("Name", None)
        if {"Labels": {}, **node["Spec"]} != spec:
            # Raises if another client has written it in between; then it is read again.
            manager.api("POST", f"/nodes/{node_id}/update", spec, {"version": node["Version"]["Index"]})
        return True

    wait_until(write, 20, f"node {node_id} to take its settings")


def _form_anew(lab: Lab, desired: swarm.Formation) -> None:
    lab.each(_leave)
    wait_until(
        lambda: all(swarm.swarm_info(host)["LocalNodeState"] == "inactive" for host in lab),
        30,
        "all hosts to have left the swarm",
    )
    swarm.form(lab.hosts, desired)


def _leave(host: Host) -> None:
    if not host.engine_answers():
        # the engine panics where the swarm goes on without what this host has of the Raft log
        host.run(["rm", "-rf", "/var/lib/docker/swarm"])
        host.start_engine()
    _ignore(404, lambda: host.api("POST", "/swarm/leave", query={"force": "1"}), 503, 406)
    # An engine that joins another swarm immediately may keep the gossip keys of the old one: its overlay
    # networks then reach no other node until the engine restarts (seen with 20.10).
    host.restart_engine()


def _empty_swarm(manager: Host) -> None:
    def clear() -> bool:
        left = 0
        for kind in ("services", "configs", "secrets"):
            left += _delete_all(manager, kind, manager.api("GET", f"/{kind}"))
        networks = manager.api("GET", "/networks", query={"filters": {"scope": ["swarm"]}})
        left += _delete_all(manager, "networks", (n for n in networks if not n["Ingress"]))
        tasks = manager.api("GET", "/tasks") if left else []
        return not left and not tasks

    # A config can't be removed before the last task that uses it; each round removes as much as possible.
    wait_until(clear, 60, "services, configs, secrets and networks of an earlier test to be gone")


def _delete_all(host: Host, kind: str, objects: Iterable[dict[str, Any]]) -> int:
    count = 0
    for thing in objects:
        count += 1
        name = thing.get("ID") or thing["Id"]
        _ignore(404, lambda name=name: host.api("DELETE", f"/{kind}/{name}"), 400, 403, 500)  # type: ignore[misc]
    return count


def _empty_engine(host: Host) -> None:
    def clear() -> bool:
        containers = host.api("GET", "/containers/json", query={"all": "1"})
        for container in containers:
            query = {"force": "1", "v": "1"}
            _ignore(404, lambda: host.api("DELETE", f"/containers/{container['Id']}", query=query), 409)  # noqa: B023
        volumes = host.api("GET", "/volumes")["Volumes"] or []
        for volume in volumes:
            _ignore(404, lambda: host.api("DELETE", f"/volumes/{volume['Name']}"), 409)  # noqa: B023
        networks = host.api("GET", "/networks", query={"filters": {"type": ["custom"], "scope": ["local"]}})
        own = [network for network in networks if network["Name"] != "docker_gwbridge"]
        for network in own:
            _ignore(404, lambda: host.api("DELETE", f"/networks/{network['Id']}"), 403)  # noqa: B023
        return not containers and not volumes and not own

    wait_until(clear, 60, f"containers and volumes of an earlier test to be gone on {host.name}")


def _some_manager(lab: Lab) -> Host:
    for host in lab:
        if swarm.swarm_info(host)["ControlAvailable"]:
            return host
    raise LabError("no manager answers")


def _ignore(status: int, action: Callable[[], object], *more: int) -> None:
    """Call ``action``, and take these HTTP errors for "gone already" or "not yet"."""
    try:
        action()
    except EngineError as error:
        if error.status not in (status, *more):
            raise
