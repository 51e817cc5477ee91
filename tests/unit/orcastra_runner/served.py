# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server of page, API and metrics on a free port, with a recorded status."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner.command.requests import CommandRequests
from orcastra_runner.signals import Signals
from orcastra_runner.status import StatusStore
from orcastra_runner.swarm import plan_all
from orcastra_runner.web.guard import Guard
from orcastra_runner.web.server import WebServer
from orcastra_runner.web.site import Site
from tests.support.builders import desired, node, service, snapshot, task
from tests.unit.orcastra_runner.conftest import Clock

JSON = {"Content-Type": "application/json"}
TOKEN = "the right one"
WANTED = desired(nodes={"alpha": {"ssd": "true"}}, anchors={"db": ("app",)})


def observation(**changes: Any) -> Observation:
    fields: dict[str, Any] = {
        "snapshot": snapshot(
            node("alpha", role="manager", leader=True),
            node("bravo", state="down"),
            service("shop_db"),
            service("shop_app", replicas=2),
            task("shop_db", "alpha"),
            task("shop_app", "alpha"),
        ),
        "state": State(),
        "damage": (),
        "local_node_id": "id-alpha",
        "cluster_id": "cluster",
        "requests": 5,
    }
    return Observation(**{**fields, **changes})


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A running server, and its environment."""

    site: Site
    server: WebServer
    clock: Clock

    @property
    def status(self) -> StatusStore:
        return self.site.status

    def ask(self, method: str, path: str, body: Any = None, /, **headers: str) -> Reply:
        """``body``: bytes are sent unchanged, anything else as JSON. ``_`` in a header name becomes ``-``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body, sent = json.dumps(body).encode(), {**JSON, **sent}
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, /, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, /, **headers: str) -> Reply:
        """Send the token, unless ``headers`` overrides it."""
        return self.ask("POST", path, body, **{"Authorization": f"Bearer {TOKEN}", **headers})


def serve(clock: Clock, token: bytes | None = TOKEN.encode(), **options: Any) -> Served:
    status = StatusStore(monotonic=clock, **options)
    site = Site(status, Signals(), CommandRequests(), Guard(token, ("swarm.example",)))
    server = WebServer(site, "127.0.0.1", 0)
    assert server.start()
    return Served(site, server, clock)


@contextmanager
def acting(clock: Clock) -> Iterator[Served]:
    """A server of an active instance with pending changes."""
    served = serve(clock)
    seen = observation()
    served.status.configured(WANTED)
    served.status.observed(seen, 0.02)
    served.status.decided("acting: this node is the swarm leader", leads=True, acts=True)
    served.status.planned("sync", plan_all(seen, WANTED))
    try:
        yield served
    finally:
        served.server.stop()
