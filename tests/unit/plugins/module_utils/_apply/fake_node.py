# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An engine in memory, with the containers, images and volumes that healing and pruning need."""

from __future__ import annotations

from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import Conflict, NotFound

NOW = "2026-11-23T12:00:00Z"
SERVICE = {"com.docker.swarm.service.id": "s1", "com.docker.swarm.service.name": "web"}


def container(name: str, status: str = "running", health: str = "unhealthy", **labels: str) -> dict[str, Any]:
    """A container that has been unhealthy for half an hour or ended ten minutes ago with 0."""
    check = {"Status": health, "FailingStreak": 3, "Log": [{"End": "2026-11-23T11:30:00Z"}] * 3}
    return {
        "Id": name,
        "Name": f"/{name}",
        "Created": "2026-11-23T08:00:00Z",
        "Image": "i1",
        "SizeRw": 7,
        "State": {
            "Status": status,
            "ExitCode": 0,
            "StartedAt": "2026-11-23T08:00:01Z",
            "FinishedAt": "2026-11-23T11:50:00Z",
            "Health": check,
        },
        "Config": {"Labels": labels, "Healthcheck": {"Retries": 3}},
    }


class FakeNode:
    """``calls`` records the writes. Objects in ``stubborn`` are in use (HTTP 409)."""

    api_version = "1.45"
    docker_host = "fake"
    requests = 0

    def __init__(self, *containers: dict[str, Any], is_manager: bool = False) -> None:
        self.containers = {raw["Id"]: raw for raw in containers}
        self.images: list[dict[str, Any]] = []
        self.volumes: list[str] = []
        self.nodes = {"n1"}
        self.stubborn: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.is_manager = is_manager
        self.layers = 1000
        self.volumes_busy = False

    def info(self) -> dict[str, Any]:
        swarm = {"NodeID": "n1", "LocalNodeState": "active", "ControlAvailable": self.is_manager}
        return {"ID": "E1", "Name": "alpha", "SystemTime": NOW, "Swarm": swarm}

    def list_containers(self, filters: Any = None) -> list[dict[str, Any]]:
        rows = []
        for raw in self.containers.values():
            row = {"Id": raw["Id"], "Names": [raw["Name"]], "State": raw["State"]["Status"], "Created": 1}
            rows.append({**row, "ImageID": raw["Image"], "Labels": raw["Config"]["Labels"]})
        return rows

    def get_container(self, container_id: str, *, size: bool = False) -> dict[str, Any]:
        if container_id not in self.containers:
            raise NotFound("gone")
        return self.containers[container_id]

    def stop_container(self, container_id: str, timeout_seconds: int) -> None:
        self.calls.append(("stop", container_id))

    def restart_container(self, container_id: str, timeout_seconds: int) -> None:
        self.calls.append(("restart", container_id))

    def delete_container(self, container_id: str, *, volumes: bool, force: bool) -> None:
        self._delete("container", container_id)
        raw = self.containers.pop(container_id)
        if volumes:
            self.volumes = [v for v in self.volumes if v not in [m["Name"] for m in raw.get("Mounts") or ()]]

    def list_images(self) -> list[dict[str, Any]]:
        return self.images

    def delete_image(self, reference: str) -> None:
        self._delete("image", reference)
        self.layers -= 100

    def image_layers_size(self) -> int | None:
        return self.layers

    def list_volumes(self, filters: Any = None) -> list[dict[str, Any]]:
        used = {mount["Name"] for raw in self.containers.values() for mount in raw.get("Mounts") or ()}
        return [{"Name": name} for name in self.volumes if filters is None or name not in used]

    def volume_sizes(self) -> dict[str, int]:
        if self.volumes_busy:
            raise Conflict("a disk usage operation is already running")
        return dict.fromkeys(self.volumes, 1_000_000)

    def delete_volume(self, name: str) -> None:
        self._delete("volume", name)
        self.volumes.remove(name)

    def list_services(self) -> list[dict[str, Any]]:
        return []

    def list_tasks(self) -> list[dict[str, Any]]:
        return []

    def list_nodes(self) -> list[dict[str, Any]]:
        return []

    def find_config(self, _name: str) -> None:
        return None

    def get_node(self, node_id: str) -> dict[str, Any]:
        if node_id not in self.nodes:
            raise NotFound(node_id)
        return {}

    def _delete(self, kind: str, name: str) -> None:
        if name in self.stubborn:
            raise Conflict("it is being used")
        self.calls.append((kind, name))
