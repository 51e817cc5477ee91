# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The only module that sends requests to a Docker engine: raw JSON in, raw JSON out.

The low-level client of the SDK transports the requests (sockets, TLS, ssh). Its typed methods are not used:
they rebuild specs from the fields that they know and lose the others, and some request inserted defaults.
Source: the Engine API (https://docs.docker.com/reference/api/engine/).
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .errors import (
    AccessDenied,
    Conflict,
    EngineError,
    EngineTimeout,
    EngineUnreachable,
    LateConsensus,
    NameInUse,
    NoLeader,
    NotAManager,
    NotFound,
    OutOfSequence,
    TlsMismatch,
)

# connect() reports a missing library; without it, there is no client
with contextlib.suppress(ImportError):
    import requests.exceptions
    import urllib3.exceptions

Json = dict[str, Any]

# moby answers a version conflict with HTTP 500 and this text
_LATE_CONSENSUS = "context deadline exceeded"
_OUT_OF_SEQUENCE = "update out of sequence"

# the status codes of a proxy if the engine behind it does not answer
_NO_ANSWER = (502, 503, 504)

# the error messages if only one side uses TLS
_TLS_WORDS = ("wrong version number", "http request to an https server", "record layer failure")


class Engine:
    """A connection to one engine. ``requests`` is the number of requests so far.

    ``client`` is a ``docker.APIClient``. Only its ``base_url``, ``timeout`` and the parts inherited from
    ``requests.Session`` are used. All methods that send a request raise EngineError or one of its subclasses.
    """

    def __init__(self, client: Any, docker_host: str) -> None:
        self.docker_host = docker_host
        self.api_version: str | None = None
        self.requests = 0
        self._client = client

    @property
    def is_local(self) -> bool:
        """Whether it has a local socket: it is the engine of this host, or of this container's host."""
        return self.docker_host.startswith("unix://")

    def close(self) -> None:
        self._client.close()

    @contextlib.contextmanager
    def impatient(self, seconds: float) -> Iterator[None]:
        """Within this context, wait at most ``seconds`` for each answer, if that is less than the timeout."""
        usual = self._client.timeout
        self._client.timeout = min(usual, seconds)
        try:
            yield
        finally:
            self._client.timeout = usual

    def negotiate_api_version(self) -> None:
        """Use the engine's newest API version: an older one hides fields, so that writes would drop them."""
        try:
            self.api_version = str(self.get("/version")["ApiVersion"])
        except EngineUnreachable:
            raise
        except (EngineError, TypeError, KeyError) as error:
            found = str(error).removeprefix(f"{self.docker_host}: ")
            raise EngineUnreachable(
                f"{self.docker_host}: expected a Docker engine, found another server: {found}"
            ) from error

    def info(self) -> Json:
        """``GET /info`` of the engine itself. ``Swarm`` is its membership."""
        return self._get_one("/info")

    def list_nodes(self) -> list[Json]:
        return self._get_list("/nodes")

    def list_services(self) -> list[Json]:
        return self._get_list("/services")

    def list_tasks(self, filters: Mapping[str, list[str]] | None = None) -> list[Json]:
        return self._get_list("/tasks", filters=filters)

    def find_config(self, name: str) -> Json | None:
        """The config with exactly this name, or None. (The filter of a list only matches prefixes.)

        Raises NameInUse if there is a config whose name differs only in case, because Swarm treats both as
        the same name.
        """
        try:
            found = self._get_one(f"/configs/{quote(name, safe='')}")
        except NotFound:
            return None
        if found["Spec"]["Name"] != name:
            raise NameInUse(f"{self.docker_host}: expected a config {name}, found {found['Spec']['Name']}")
        return found

    def get_node(self, node_id: str) -> Json:
        return self._get_one(f"/nodes/{quote(node_id, safe='')}")

    def get_service(self, service_id: str) -> Json:
        return self._get_one(f"/services/{quote(service_id, safe='')}")

    def get_config(self, config_id: str) -> Json:
        return self._get_one(f"/configs/{quote(config_id, safe='')}")

    def get_swarm(self) -> Json:
        """The swarm itself, with its join tokens."""
        return self._get_one("/swarm")

    def get_cluster(self) -> Json:
        """The same without the join tokens, so that no permission to read them is needed."""
        swarm = self.info().get("Swarm") or {}
        cluster: Json = swarm.get("Cluster") or {}
        if not cluster.get("ID"):
            why = swarm.get("Error") or "this node is not a swarm manager"
            raise self._refusal(503, json.dumps({"message": why}), "GET /info")
        return cluster

    def update_swarm(self, version: int, spec: Json) -> None:
        self.post("/swarm/update", spec, version=version)

    def init_swarm(self, request: Json) -> None:
        self.post("/swarm/init", request)

    def join_swarm(self, request: Json) -> None:
        """Join a swarm. Raises EngineError also if the engine continues to join in the background."""
        self.post("/swarm/join", request)

    def leave_swarm(self, *, force: bool) -> None:
        self._request("POST", "/swarm/leave", None, {"force": "1" if force else None})

    def unlock_swarm(self, key: str) -> None:
        self.post("/swarm/unlock", {"UnlockKey": key})

    def delete_node(self, node_id: str, *, force: bool) -> None:
        self._request("DELETE", f"/nodes/{quote(node_id, safe='')}", None, {"force": "1" if force else None})

    def update_node(self, node_id: str, version: int, spec: Json) -> None:
        self.post(f"/nodes/{quote(node_id, safe='')}/update", spec, version=version)

    def update_service(self, service_id: str, version: int, spec: Json) -> None:
        """Update a service. The engine keeps its registry credentials if the request has none."""
        self.post(f"/services/{quote(service_id, safe='')}/update", spec, version=version)

    def roll_back_service(self, service_id: str, version: int, spec: Json) -> None:
        """Restore the spec from before the last update. Swarm ignores ``spec``."""
        self.post(
            f"/services/{quote(service_id, safe='')}/update", spec, version=version, rollback="previous"
        )

    def create_service(self, spec: Json) -> str:
        """Create a service, and return its ID. Raises NameInUse."""
        return str(self.post("/services/create", spec)["ID"])

    def swarm_network_id(self, name: str) -> str:
        """The ID of the swarm network ``name``, such as ``host``. Raises NotFound."""
        found: Json = self.get(f"/networks/{quote(name, safe='')}", scope="swarm")
        return str(found["Id"])

    def swarm_networks(self) -> list[Json]:
        """The networks of the swarm, including ``ingress``."""
        return self._get_list("/networks", filters={"scope": ["swarm"]})

    def create_config(self, spec: Json) -> str:
        """Create a config, and return its ID. Raises NameInUse."""
        return str(self.post("/configs/create", spec)["ID"])

    def update_config(self, config_id: str, version: int, spec: Json) -> None:
        self.post(f"/configs/{quote(config_id, safe='')}/update", spec, version=version)

    def delete_config(self, config_id: str) -> None:
        self._request("DELETE", f"/configs/{quote(config_id, safe='')}", None, {})

    def list_containers(self, filters: Mapping[str, list[str]] | None = None) -> list[Json]:
        """The containers of this engine, including those that have ended."""
        return self._get_list("/containers/json", all="true", filters=filters)

    def get_container(self, container_id: str, *, size: bool = False) -> Json:
        """A container. ``size`` adds ``SizeRw``, the bytes that it has written, which takes a while."""
        found: Json = self.get(
            f"/containers/{quote(container_id, safe='')}/json", size="true" if size else None
        )
        return found

    def stop_container(self, container_id: str, timeout_seconds: int) -> None:
        """Stop a container, and wait until it has ended. It is killed after ``timeout_seconds``."""
        self._end_container("stop", container_id, timeout_seconds)

    def restart_container(self, container_id: str, timeout_seconds: int) -> None:
        """Stop a container in the same way, and start it again."""
        self._end_container("restart", container_id, timeout_seconds)

    def _end_container(self, verb: str, container_id: str, timeout_seconds: int) -> None:
        path = f"/containers/{quote(container_id, safe='')}/{verb}"
        self._request("POST", path, None, {"t": timeout_seconds}, extra_seconds=timeout_seconds)

    def delete_container(self, container_id: str, *, volumes: bool, force: bool) -> None:
        """Remove a container, and its anonymous volumes if ``volumes`` is True.

        Raises Conflict if it is running or already being removed.
        """
        path = f"/containers/{quote(container_id, safe='')}"
        self._request(
            "DELETE", path, None, {"v": "true" if volumes else None, "force": "true" if force else None}
        )

    def list_images(self) -> list[Json]:
        """The images of this engine, without intermediate layers."""
        return self._get_list("/images/json")

    def delete_image(self, reference: str) -> None:
        """Remove a name of an image, or the image with its last name. Raises Conflict if it is in use."""
        self._request("DELETE", f"/images/{quote(reference, safe='/:@')}", None, {})

    def image_layers_size(self) -> int | None:
        """The bytes of all image layers; None for engines before 23.0, which cannot report only that."""
        if _version(self.api_version) < (1, 42):
            return None
        found: Json = self.get("/system/df", type="image")
        return int(found.get("LayersSize") or 0)

    def volume_sizes(self) -> dict[str, int]:
        """Name → bytes of the local volumes. The engine reads all of them, which may take a while."""
        kind = None if _version(self.api_version) < (1, 42) else "volume"
        found: Json = self.get("/system/df", type=kind)
        sizes = {raw["Name"]: (raw.get("UsageData") or {}).get("Size") for raw in found.get("Volumes") or ()}
        # -1 means that the engine cannot measure the volume
        return {name: int(size) for name, size in sizes.items() if size is not None and size >= 0}

    def list_volumes(self, filters: Mapping[str, list[str]] | None = None) -> list[Json]:
        found: Json = self.get("/volumes", filters=filters)
        return found.get("Volumes") or []

    def delete_volume(self, name: str) -> None:
        """Remove a volume. Raises Conflict if a container mounts it."""
        self._request("DELETE", f"/volumes/{quote(name, safe='')}", None, {})

    def get(self, path: str, **params: Any) -> Any:
        """GET ``path``. ``params`` that are None are omitted; mappings are sent as JSON."""
        return self._request("GET", path, None, params)

    def post(self, path: str, body: Any, **params: Any) -> Any:
        """POST ``body`` as JSON, unchanged, including nulls."""
        return self._request("POST", path, json.dumps(body), params)

    def events(
        self,
        types: Sequence[str],
        since: float,
        idle_seconds: float,
        on_open: Callable[[], object] = lambda: None,
    ) -> Iterator[Json]:
        """Follow the engine's events of ``types`` from ``since`` on (seconds since the epoch).

        Ends without an error after ``idle_seconds`` without an event, so that the caller notices a dead
        connection. ``on_open`` is called when the engine starts to answer, before the first event. Raises
        EngineError if the stream cannot be opened or breaks.
        """
        try:
            with self._open_events(types, since, idle_seconds) as response:
                on_open()
                for line in response.iter_lines(chunk_size=None):
                    if line:
                        yield json.loads(line)
        except EngineError:
            raise
        except Exception as error:
            translated = translate_error(error, self.docker_host)
            if not isinstance(translated, EngineTimeout):
                raise translated from error

    def _open_events(self, types: Sequence[str], since: float, idle_seconds: float) -> Any:
        response = self._client.request(
            "GET",
            self._url("/events"),
            params={"since": f"{since:.9f}", "filters": json.dumps({"type": list(types)})},
            stream=True,
            timeout=(self._client.timeout, idle_seconds),
            verify=self._client.verify,
        )
        if response.status_code >= 400:
            raise self._refusal(response.status_code, response.text, "GET /events")
        return response

    def _url(self, path: str) -> str:
        version = f"/v{self.api_version}" if self.api_version is not None else ""
        return f"{self._client.base_url}{version}{path}"

    def _get_one(self, path: str) -> Json:
        found: Json = self.get(path)
        return found

    def _get_list(self, path: str, **params: Any) -> list[Json]:
        found: list[Json] = self.get(path, **params)
        return found

    def _request(
        self,
        method: str,
        path: str,
        body: str | None,
        params: Mapping[str, Any],
        extra_seconds: float = 0,
    ) -> Any:
        """Send a request. ``extra_seconds`` are added to the timeout."""
        query = {
            name: json.dumps(value) if isinstance(value, Mapping) else value
            for name, value in params.items()
            if value is not None
        }
        self.requests += 1
        try:
            response = self._client.request(
                method,
                self._url(path),
                params=query,
                data=body,
                headers={"Content-Type": "application/json"} if body is not None else None,
                timeout=self._client.timeout + extra_seconds,
                # repeated here, because REQUESTS_CA_BUNDLE overrides the setting of the session
                verify=self._client.verify,
            )
        except Exception as error:  # requests, urllib3 and paramiko have no base class in common
            raise translate_error(error, self.docker_host) from error
        if response.status_code >= 400:
            raise self._refusal(response.status_code, response.text, f"{method} {path}")
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise EngineError(
                f"{self.docker_host}: {method} {path}: expected JSON, found another reply"
            ) from error

    def _refusal(self, status: int, text: str, request: str) -> EngineError:
        where = f"{self.docker_host}: {request}"
        try:
            message = json.loads(text)["message"]
        except (ValueError, TypeError, KeyError):
            # without JSON, the answer comes from a proxy, whose own page is less helpful than these messages
            if status in _NO_ANSWER:
                found = f"a proxy in front of it answers HTTP {status}"
                return EngineUnreachable(f"{self.docker_host}: the engine cannot be reached: {found}")
            if status == 403:
                return AccessDenied(f"{where}: denied by a proxy in front of the engine")
            message = text.strip()[:200] or f"HTTP {status}"
        if _OUT_OF_SEQUENCE in message:
            return OutOfSequence(f"{where}: {message}")
        if any(words in message.lower() for words in _TLS_WORDS):
            return TlsMismatch(f"{self.docker_host}: the engine expects TLS: {message}")
        if "does not have a leader" in message:
            return NoLeader(
                f"{self.docker_host}: the swarm does not have a leader: more than half of its managers must "
                f"be "
                f"online. Bring them back. Only if they are lost for good, run the playbook "
                f"orcastra.swarm.heal "
                f"with -e orcastra_force_new_cluster=HOST, where HOST is a remaining manager"
            )
        if _LATE_CONSENSUS in message and (request.startswith("GET ") or request.endswith("/update")):
            return LateConsensus(f"{where}: {message}")
        if status == 404:
            return NotFound(f"{where}: {message}")
        if status == 409:
            kind = NameInUse if request.endswith("/create") else Conflict
            return kind(f"{where}: {message}")
        if status == 503 and ("not a swarm manager" in message or "locked" in message):
            return NotAManager(f"{self.docker_host}: {message}")
        return EngineError(f"{where}: {message}")


def _version(text: str | None) -> tuple[int, ...]:
    """``1.41`` as ``(1, 41)``."""
    return tuple(int(part) for part in (text or "0").split(".") if part.isdigit())


def translate_error(error: BaseException, docker_host: str) -> EngineError:
    """Translate an error of the underlying libraries to EngineUnreachable or TlsMismatch."""
    causes = list(_causes(error))
    text = str(causes[-1]) or type(causes[-1]).__name__
    is_tls = any(isinstance(cause, requests.exceptions.SSLError) for cause in causes)
    if is_tls or any(words in str(error).lower() for words in _TLS_WORDS):
        return TlsMismatch(f"{docker_host}: TLS with the engine failed: {text}")
    other = next((cause for cause in causes if _is_no_http(cause)), None)
    if other is not None:
        return EngineUnreachable(
            f"{docker_host}: expected a Docker engine, found {_other_server(str(other))}"
        )
    timeouts = (requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)
    if any(isinstance(cause, timeouts) for cause in causes):
        return EngineTimeout(f"{docker_host}: the engine did not answer in time: {text}")
    return EngineUnreachable(f"{docker_host}: the engine cannot be reached: {text}")


def _other_server(line: str) -> str:
    """Identify a server that is not an engine by the first line it sends, which is not HTTP."""
    greeting = "".join(char if char.isprintable() else " " for char in line.strip("'\""))
    greeting = " ".join(greeting.split())[:60]
    if greeting.startswith("SSH-"):
        return (
            f"an SSH server ({greeting}). Use ssh://USER@HOST to reach the engine through it, or the port of "
            f"the engine itself"
        )
    return f"a server that does not speak HTTP{f' ({greeting})' if greeting else ''}; is the port correct?"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, outermost first. requests and urllib3 also nest causes as arguments."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        nested = [arg for arg in current.args if isinstance(arg, BaseException)]
        current = getattr(current, "reason", None) or current.__cause__ or (nested[-1] if nested else None)
        if not isinstance(current, BaseException):
            current = None


def _is_no_http(error: BaseException) -> bool:
    """Whether there was an answer that is not HTTP. (The library uses a subclass if there was no answer.)"""
    ended = isinstance(error, http.client.RemoteDisconnected)
    return isinstance(error, http.client.BadStatusLine) and not ended
