# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the socket proxy is to let through and to refuse: Orcastra's own calls, and those of others.

``Engine`` is the only part of Orcastra that asks an engine, so its methods are all calls that there are.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import BaseAdapter

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import STATE_NAME
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from orcastra_runner.watch import EVENT_TYPES

# of the form that such IDs have, and of nothing that exists
SWARM_ID = "zzzz" + "y1" * 10 + "z"
CONTAINER_ID = "ab" * 32
DIGEST = "sha256:" + "cd" * 32
FILTERS = {"service": [SWARM_ID, SWARM_ID], "desired-state": ["running"]}

Call = Callable[[Engine], Any]

# By the method: in every form in which the runner, and the modules that it starts, call it.
ALLOWED: dict[str, list[Call]] = {
    "negotiate_api_version": [lambda engine: engine.negotiate_api_version()],
    "info": [lambda engine: engine.info()],
    "get_cluster": [lambda engine: engine.get_cluster()],
    "list_nodes": [lambda engine: engine.list_nodes()],
    "list_services": [lambda engine: engine.list_services()],
    "list_tasks": [lambda engine: engine.list_tasks(), lambda engine: engine.list_tasks(FILTERS)],
    "find_config": [lambda engine: engine.find_config(STATE_NAME)],
    "get_node": [lambda engine: engine.get_node(SWARM_ID)],
    "get_service": [lambda engine: engine.get_service(SWARM_ID)],
    "update_swarm": [lambda engine: engine.update_swarm(7, {})],
    "update_node": [lambda engine: engine.update_node(SWARM_ID, 7, {})],
    "delete_node": [lambda engine: engine.delete_node(SWARM_ID, force=True)],
    "update_service": [lambda engine: engine.update_service(SWARM_ID, 7, {})],
    "roll_back_service": [lambda engine: engine.roll_back_service(SWARM_ID, 7, {})],
    "create_config": [lambda engine: engine.create_config({})],
    "update_config": [lambda engine: engine.update_config(SWARM_ID, 7, {})],
    "list_containers": [
        lambda engine: engine.list_containers(),
        lambda engine: engine.list_containers({"health": ["unhealthy"]}),
    ],
    "get_container": [
        lambda engine: engine.get_container(CONTAINER_ID),
        lambda engine: engine.get_container(CONTAINER_ID, size=True),
    ],
    "stop_container": [lambda engine: engine.stop_container(CONTAINER_ID, 10)],
    "restart_container": [lambda engine: engine.restart_container(CONTAINER_ID, 0)],
    "delete_container": [
        lambda engine: engine.delete_container(CONTAINER_ID, volumes=False, force=False),
        lambda engine: engine.delete_container(CONTAINER_ID, volumes=True, force=False),
        lambda engine: engine.delete_container(CONTAINER_ID, volumes=False, force=True),
        lambda engine: engine.delete_container(CONTAINER_ID, volumes=True, force=True),
    ],
    "list_images": [lambda engine: engine.list_images()],
    "delete_image": [
        lambda engine: engine.delete_image(DIGEST),
        lambda engine: engine.delete_image("busybox:1.2_3-rc.4"),
        lambda engine: engine.delete_image("registry.example.org:5000/a/b_c/d-e:latest"),
        lambda engine: engine.delete_image(f"example.org/app@{DIGEST}"),
    ],
    "image_layers_size": [lambda engine: engine.image_layers_size()],
    "list_volumes": [
        lambda engine: engine.list_volumes(),
        lambda engine: engine.list_volumes({"dangling": ["true"]}),
    ],
    "volume_sizes": [lambda engine: engine.volume_sizes()],
    "delete_volume": [lambda engine: engine.delete_volume("ef" * 32)],
    "events": [lambda engine: list(engine.events(EVENT_TYPES, 1764300000.25, 1))],
}

# What only modules do that somebody starts elsewhere, such as on the hosts themselves.
REFUSED: dict[str, Call] = {
    "get_swarm": lambda engine: engine.get_swarm(),
    "init_swarm": lambda engine: engine.init_swarm({}),
    "join_swarm": lambda engine: engine.join_swarm({}),
    "leave_swarm": lambda engine: engine.leave_swarm(force=True),
    "unlock_swarm": lambda engine: engine.unlock_swarm("key"),
    "create_service": lambda engine: engine.create_service({}),
    "swarm_network_id": lambda engine: engine.swarm_network_id("host"),
    "swarm_networks": lambda engine: engine.swarm_networks(),
    "get_config": lambda engine: engine.get_config(SWARM_ID),
    "delete_config": lambda engine: engine.delete_config(SWARM_ID),
    # its name is somebody's choice: there may be data in it
    "delete_volume": lambda engine: engine.delete_volume("data"),
}

# What others might ask for, as it stands in the request, the ways around a list of paths among it.
_FILTER = "filters=%7B%22name%22%3A+%5B%22orcastra.state%22%5D%7D"
FOREIGN = [
    ("GET", "/secrets"),
    ("GET", "/configs"),
    # this would show others whose names begin so
    ("GET", f"/configs?{_FILTER}"),
    ("GET", "/configs/"),
    ("GET", "/configs/orcastra.state.damaged-20260101T000000.000000Z"),
    ("GET", "/configs/orcastra.stat"),
    ("GET", "/configs/orcastraXstate"),
    ("GET", "/configs/other"),
    ("GET", "/configs/orcastra.state/../other"),
    ("GET", "/configs/other/../orcastra.state"),
    ("GET", "/configs//orcastra.state"),
    ("GET", "/configs/orcastra%2Estate"),
    ("GET", "/configs/orcastra.state?a=b"),
    ("GET", f"/configs/orcastra.state?{_FILTER}"),
    ("GET", "/swarm"),
    ("GET", "//swarm"),
    ("GET", "/./swarm"),
    ("GET", "/nodes/../swarm"),
    ("GET", "/nodes/%2e%2e/swarm"),
    ("GET", "/v1.41/v1.41/info"),
    ("GET", "/swarm/unlockkey"),
    ("GET", "/events"),
    ("GET", f"/containers/{CONTAINER_ID}/archive?path=/"),
    ("GET", f"/containers/{CONTAINER_ID}/logs?stdout=1"),
    ("GET", f"/containers/{CONTAINER_ID}/export"),
    ("GET", "/images/get?names=app"),
    ("GET", f"/services/{SWARM_ID}/logs?stdout=1"),
    ("HEAD", "/info"),
    ("PUT", f"/containers/{CONTAINER_ID}/archive?path=/"),
    ("POST", "/containers/create"),
    ("POST", f"/containers/{CONTAINER_ID}/start"),
    ("POST", f"/containers/{CONTAINER_ID}/exec"),
    ("POST", f"/containers/{CONTAINER_ID}/attach?stream=1&stdin=1"),
    ("POST", f"/containers/{CONTAINER_ID}/update"),
    ("POST", f"/containers/{CONTAINER_ID}/kill"),
    ("POST", f"/exec/{CONTAINER_ID}/start"),
    ("POST", "/commit?container=app"),
    ("POST", "/build"),
    ("POST", "/images/create?fromImage=app"),
    ("POST", "/images/load"),
    ("POST", "/images/app/push"),
    ("POST", "/services/create"),
    ("POST", "/secrets/create"),
    ("POST", "/networks/create"),
    ("POST", "/volumes/create"),
    ("POST", "/plugins/pull?remote=app"),
    ("POST", "/swarm/update?version=7&rotateManagerToken=true"),
    ("POST", "/session"),
    ("POST", "/grpc"),
    ("POST", "/containers/prune"),
    ("POST", "/images/prune"),
    ("POST", "/volumes/prune"),
    ("DELETE", f"/services/{SWARM_ID}"),
    ("DELETE", f"/secrets/{SWARM_ID}"),
    ("DELETE", f"/networks/{CONTAINER_ID}"),
    ("DELETE", "/images/app?force=true"),
    ("DELETE", "/images/../containers/app"),
    ("DELETE", f"/volumes/{'ef' * 32}?force=true"),
]


# enough for each of the calls
_ANSWER = {
    "ID": "x",
    "Id": "x",
    "ApiVersion": "1.45",
    "Swarm": {"Cluster": {"ID": "x"}},
    "Spec": {"Name": STATE_NAME},
}


class _Recorder(BaseAdapter):
    """Answers everything, and writes down what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str]] = []

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        self.calls.append((str(request.method), request.path_url))
        response = requests.Response()
        response.status_code = 200
        response.raw = io.BytesIO(json.dumps(_ANSWER).encode())
        return response

    def close(self) -> None:
        pass


def requests_of(*calls: Call) -> list[tuple[str, str]]:
    """Method and path with query of what an engine is asked for, just as it would be sent."""
    session, recorder = requests.Session(), _Recorder()
    session.mount("http://", recorder)
    session.base_url, session.timeout = "http://engine", 1  # type: ignore[attr-defined]
    engine = Engine(session, "http://engine")
    engine.api_version = "1.45"
    for call in calls:
        call(engine)
    return recorder.calls
