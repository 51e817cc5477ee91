# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP handlers: the page, the API and the metrics.

They serve the recorded status and never ask the engine.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import resources
from typing import Any
from uuid import uuid4

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST

from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document as YamlDocument
from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import record_data
from orcastra_runner.command.file import parse
from orcastra_runner.command.requests import CommandRequests, TooMany
from orcastra_runner.command.table import REFRESH_MODS
from orcastra_runner.log import get_logger
from orcastra_runner.settings import UsageError
from orcastra_runner.signals import Signals
from orcastra_runner.status import StatusStore
from orcastra_runner.web.connections import Connections
from orcastra_runner.web.data import DOCUMENTS, Document, Documents, prepare, what_if_data
from orcastra_runner.web.guard import Guard, Refusal

MAX_BODY_BYTES = 16 * 1024
_LENGTH_DIGITS = 10
BODY_SECONDS = 5.0
# The client must have read the response by then, except for the part that fits into the buffers.
SEND_SECONDS = 20.0
# A command expires if it waits longer than this, for a playbook to end or because another node became leader.
COMMAND_SECONDS = 300.0
# How many nodes one forecast may lose.
MAX_LOST = 20

PAGE = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Server": "orcastra",
}
# Requested by machines under any host name; the responses contain nothing confidential.
FOR_MACHINES = ("/healthz", "/readyz", "/metrics")

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

log = get_logger()


@dataclass(frozen=True)
class Site:
    """Handles requests. ``signals`` wake the loop, ``commands`` passes commands to it.

    ``ask_for_mods`` makes all nodes refresh their mods if this instance is on standby; None if mods are off
    here.
    """

    status: StatusStore
    signals: Signals
    commands: CommandRequests
    guard: Guard
    ask_for_mods: Callable[[], None] | None = None
    clock: Callable[[], float] = time.time
    connections: Connections = field(default_factory=Connections)
    forecasting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def handler(self) -> Handler:
        """Return the handler for all requests."""
        routes = self._routes()

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            self.connections.asked(request.transport)
            response = await self._answer(request, routes)
            _complete(response)
            path = request.path if request.path in routes else "other"
            self.status.metrics.requests.labels(path, str(response.status)).inc()
            await _send(request, response)
            self.connections.answered(request.transport)
            return response

        return handle

    def _routes(self) -> dict[str, dict[str, Handler]]:
        """Return the handlers by path and method."""
        documents = Documents(self.status)
        folder = resources.files("orcastra_runner.web") / "page"
        reads: dict[str, Handler] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
            "/api/what-if": self._what_if,
            **{f"/api/{name}": partial(_send_document, documents, name) for name in DOCUMENTS},
            **{
                path: partial(_send_file, prepare((folder / name).read_bytes(), level=9), content_type)
                for path, (name, content_type) in PAGE.items()
            },
        }
        writes: dict[str, Handler] = {
            "/sync": self._sync,
            "/refresh_mods": self._refresh_mods,
            "/commands": self._commands,
        }
        return {
            **{path: {hdrs.METH_GET: read, hdrs.METH_HEAD: read} for path, read in reads.items()},
            **{path: {hdrs.METH_POST: write} for path, write in writes.items()},
        }

    async def _answer(
        self, request: web.BaseRequest, routes: Mapping[str, Mapping[str, Handler]]
    ) -> web.StreamResponse:
        refusal = None if request.path in FOR_MACHINES else self.guard.check_host(request.headers)
        if refusal is None and request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            refusal = self.guard.check_write(request.headers)
        if refusal is not None:
            return _refuse(refusal)
        methods = routes.get(request.path)
        if methods is None:
            return _json({"error": "Not Found"}, 404)
        if request.method not in methods:
            response = _json({"error": "Method Not Allowed"}, 405)
            response.headers[hdrs.ALLOW] = ",".join(sorted(methods))
            return response
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await methods[request.method](request)
        except _Refused as error:
            return _refuse(error.refusal)
        except TimeoutError:
            return _refuse(Refusal(408, "timed out while reading the request"))
        except Exception as error:  # noqa: BLE001 - an error in one request must not affect others
            log.error(  # noqa: TRY400 - one line per event
                "request failed", summary=f"{type(error).__name__}: {error}"
            )
            return _refuse(Refusal(500, "internal error; see the log"))

    async def _healthz(self, _request: web.BaseRequest) -> web.Response:
        seconds = round(self.status.seconds_since_heartbeat(), 1)
        if self.status.is_stuck():
            running = [job.name for job in self.status.view().jobs.values() if job.is_running]
            return _json({"status": "stuck", "idle_seconds": seconds, "running": running}, 503)
        # only the topics: the details are for those who may read the API
        problems = sorted(self.status.view().problems)
        return _json({"status": "live", "idle_seconds": seconds, "problems": problems})

    async def _readyz(self, _request: web.BaseRequest) -> web.Response:
        view = self.status.view()
        is_ready = view.answers and not self.status.is_stuck()
        status = "ready" if is_ready else "not ready"
        return _json({"status": status, "role": view.role}, 200 if is_ready else 503)

    async def _metrics(self, _request: web.BaseRequest) -> web.Response:
        body = self.status.metrics.text(self.status.seconds_since_heartbeat())
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})

    async def _what_if(self, request: web.BaseRequest) -> web.Response:
        lose = request.query.getall("lose", [])
        if not lose or len(lose) > MAX_LOST:
            return _refuse(Refusal(400, f"expected 1 to {MAX_LOST} times lose=NODE, found {len(lose)}"))
        try:
            # in a thread, like the documents, and one at a time, because it may take a moment
            async with self.forecasting:
                data = await asyncio.to_thread(what_if_data, self.status.view(), lose)
        except UsageError as error:
            return _refuse(Refusal(400, str(error)))
        return _refuse(Refusal(503, "the swarm has not been observed yet")) if data is None else _json(data)

    async def _sync(self, request: web.BaseRequest) -> web.Response:
        await _read_json(request)
        self.signals.sync()
        view = self.status.view()
        return _json({"status": "accepted", "role": view.role, "acts": view.acts}, 202)

    async def _refresh_mods(self, request: web.BaseRequest) -> web.Response:
        await _read_json(request)
        view = self.status.view()
        if view.acts or view.dry_run or view.read_only or self.ask_for_mods is None:
            return self._take({"command": REFRESH_MODS})
        log.info("command received over http", summary=REFRESH_MODS)
        self.ask_for_mods()
        return _json({"command": REFRESH_MODS, "status": "accepted"}, 202)

    async def _commands(self, request: web.BaseRequest) -> web.Response:
        return self._take(await _read_json(request))

    def _take(self, asked: Any) -> web.Response:
        """Pass a command to the loop, which runs it once for each ID, however often it is sent."""
        if not isinstance(asked, dict):
            return _refuse(Refusal(400, 'expected one command, such as {"command": "relabel_all"}'))
        content = parse(YamlDocument([{**asked, "id": asked.get("id", f"http-{uuid4().hex[:12]}")}]))
        if content.problems:
            return _refuse(Refusal(400, "; ".join(map(str, content.problems))))
        (entry,) = content.entries
        view = self.status.view()
        known = view.seen.state.commands.get(entry.key) if view.seen is not None else None
        if known is not None:
            if known.command != entry.words:
                return _refuse(Refusal(409, f"the id {entry.id} was used for {known.command}"))
            return _json({"id": entry.id, **record_data(known)})
        now = self.clock()
        if entry.has_expired(now):
            return _refuse(Refusal(409, "the command has expired"))
        if view.read_only:
            return _refuse(Refusal(409, "this instance runs no commands: there is no configuration"))
        if view.dry_run:
            return _refuse(Refusal(409, "this instance runs no commands: dry run (DRY_RUN)"))
        if not view.acts:
            return _refuse(Refusal(409, f"this instance runs no commands: {view.role}"))
        latest = now + COMMAND_SECONDS
        try:
            waiting = self.commands.add(replace(entry, expires=min(entry.expires or latest, latest)))
        except TooMany:
            return _refuse(Refusal(429, "too many pending commands; try again later"))
        if waiting.words != entry.words:
            return _refuse(Refusal(409, f"the id {entry.id} was used for {waiting.words}"))
        log.info("command received over http", summary=entry.words, id=entry.id)
        self.signals.command_requested()
        return _json({"id": entry.id, "command": entry.words, "status": "accepted"}, 202)


async def _send(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Send the response here, with a time limit."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # aiohttp handles it


class _Refused(Exception):
    """The request must be refused."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.refusal = Refusal(status, text)


async def _read_json(request: web.BaseRequest) -> Any:
    """Return the body; None if it is empty.

    Refuses anything but JSON, which a form on another site can't send.
    """
    body = await _read(request)
    if not body.strip():
        return None
    content_type = request.headers.get(hdrs.CONTENT_TYPE, "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise _Refused(415, "expected Content-Type: application/json")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _Refused(400, "expected JSON") from None


async def _read(request: web.BaseRequest) -> bytes:
    """Return the raw body. Raises _Refused if it is too long, compressed or incomplete."""
    if not request.can_read_body:
        return b""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise _Refused(415, "expected an uncompressed body")
    too_long = _Refused(413, f"expected a body of at most {MAX_BODY_BYTES} bytes")
    length = request.headers.get(hdrs.CONTENT_LENGTH, "")
    if length.isdecimal() and (len(length) > _LENGTH_DIGITS or int(length) > MAX_BODY_BYTES):
        raise too_long
    if request.headers.get(hdrs.EXPECT, "").strip().lower() == "100-continue" and request.transport:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = bytearray()
    try:
        while len(body) <= MAX_BODY_BYTES and (part := await request.content.readany()):
            body += part
    except TimeoutError:
        raise
    except Exception as error:  # noqa: BLE001 - errors in a body have no common class
        log.debug("malformed request", error=type(error).__name__)
        raise _Refused(400, "expected a complete body") from None
    if len(body) > MAX_BODY_BYTES:
        raise too_long
    return bytes(body)


async def _send_document(documents: Documents, name: str, request: web.BaseRequest) -> web.Response:
    # in a thread, because a large swarm takes a moment and /healthz must not wait for it
    return _reply(await asyncio.to_thread(documents.get, name), "application/json", request)


def _reply(document: Document, content_type: str, request: web.BaseRequest) -> web.Response:
    headers = {hdrs.ETAG: document.etag, hdrs.VARY: "Accept-Encoding"}
    if document.etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return web.Response(status=304, headers=headers)
    body = document.body
    if document.compressed is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body = document.compressed
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)


async def _send_file(document: Document, content_type: str, request: web.BaseRequest) -> web.Response:
    return _reply(document, content_type, request)


def refusal(reason: Refusal) -> web.StreamResponse:
    """Return the complete response to a refused request."""
    response = _refuse(reason)
    _complete(response)
    return response


def _complete(response: web.StreamResponse) -> None:
    """Add the headers of every response."""
    response.headers.update({key: HEADERS[key] for key in HEADERS if key not in response.headers})


def _json(data: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(data, status=status, headers={hdrs.CACHE_CONTROL: "no-store"})


def _refuse(reason: Refusal) -> web.Response:
    response = _json({"error": reason.text}, reason.status)
    if reason.status == 401:
        response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    # don't read the rest of the body
    response.force_close()
    return response
