# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is served over HTTP: the page, the API, the metrics. It shows what is on record and asks no engine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
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
from orcastra_runner.records import Records
from orcastra_runner.signals import Signals
from orcastra_runner.web.connections import Connections
from orcastra_runner.web.data import DOCUMENTS, Documents
from orcastra_runner.web.guard import Guard, Refusal

MAX_BODY_BYTES = 16 * 1024
BODY_SECONDS = 5.0
# An answer has to be read by then, but for what fits into the buffers.
SEND_SECONDS = 20.0
# A command that waits for longer, because a playbook takes its time or another node leads now, is not run.
COMMAND_SECONDS = 300.0

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
# what machines ask for, under whatever name they know us by, and what has nothing in it but numbers
FOR_MACHINES = ("/healthz", "/readyz", "/metrics")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = get_logger()


@dataclass(frozen=True)
class Site:
    """What answers. ``signals`` wake the loop, ``commands`` are what it is asked to carry out.

    ``ask_for_mods`` has all nodes refresh their mods where we don't act; None: our own has nothing to do with
    them.
    """

    records: Records
    signals: Signals
    commands: CommandRequests
    guard: Guard
    ask_for_mods: Callable[[], None] | None = None
    clock: Callable[[], float] = time.time
    connections: Connections = field(default_factory=Connections)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._middleware()], client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        documents = Documents(self.records)
        for name in DOCUMENTS:
            app.router.add_get(f"/api/{name}", partial(_send_document, documents, name))
        app.router.add_post("/sync", self._sync)
        app.router.add_post("/refresh_mods", self._refresh_mods)
        app.router.add_post("/commands", self._commands)
        folder = resources.files("orcastra_runner.web") / "page"
        for path, (name, content_type) in PAGE.items():
            app.router.add_get(path, partial(_send_file, (folder / name).read_bytes(), content_type))
        return app

    def _middleware(self) -> Any:
        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.connections.asked(request.protocol)
            response = await self._answer(request, handler)
            response.headers.update({key: HEADERS[key] for key in HEADERS if key not in response.headers})
            resource = request.match_info.route.resource
            path = "other" if resource is None else resource.canonical
            self.records.metrics.requests.labels(path, str(response.status)).inc()
            await _send(request, response)
            return response

        return middleware

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = None if request.path in FOR_MACHINES else self.guard.check_host(request.headers)
        if refusal is None and request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            refusal = self.guard.check_write(request.headers, request.remote)
        if refusal is not None:
            return _refuse(refusal)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await handler(request)
        except web.HTTPException as error:
            response = _json({"error": error.reason}, error.status)
            if hdrs.ALLOW in error.headers:
                response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
            return response
        except TimeoutError:
            return _refuse(Refusal(408, "the request took too long"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are answered
            log.error(  # noqa: TRY400 - one line for each thing that happens
                "a request could not be answered", what=f"{type(error).__name__}: {error}"
            )
            return _refuse(Refusal(500, "internal error; the log says which"))

    async def _healthz(self, _request: web.Request) -> web.Response:
        seconds = round(self.records.seconds_since_beat(), 1)
        if self.records.is_stuck():
            running = [job.name for job in self.records.view().jobs.values() if job.is_running]
            return _json({"status": "stuck", "idle_seconds": seconds, "running": running}, 503)
        # what is wrong, in one word each: the rest is for those who may see it
        problems = sorted(self.records.view().troubles)
        return _json({"status": "live", "idle_seconds": seconds, "problems": problems})

    async def _readyz(self, _request: web.Request) -> web.Response:
        view = self.records.view()
        is_ready = view.answers and not self.records.is_stuck()
        status = "ready" if is_ready else "not ready"
        return _json({"status": status, "role": view.role}, 200 if is_ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = self.records.metrics.text(self.records.seconds_since_beat())
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST})

    async def _sync(self, request: web.Request) -> web.Response:
        await _read_json(request)
        self.signals.sync()
        view = self.records.view()
        return _json({"status": "accepted", "role": view.role, "acts": view.acts}, 202)

    async def _refresh_mods(self, request: web.Request) -> web.Response:
        await _read_json(request)
        view = self.records.view()
        if view.acts or view.dry_run or self.ask_for_mods is None:
            return self._take({"command": REFRESH_MODS})
        log.info("asked for over HTTP", what=REFRESH_MODS)
        self.ask_for_mods()
        return _json({"command": REFRESH_MODS, "status": "accepted"}, 202)

    async def _commands(self, request: web.Request) -> web.Response:
        return self._take(await _read_json(request))

    def _take(self, asked: Any) -> web.Response:
        """Have the loop carry a command out: once, however often it is sent with the same id."""
        if not isinstance(asked, dict):
            return _refuse(Refusal(400, 'expected one command, such as {"command": "relabel_all"}'))
        content = parse(YamlDocument([{**asked, "id": asked.get("id", f"http-{uuid4().hex[:12]}")}]))
        if content.problems:
            return _refuse(Refusal(400, "; ".join(map(str, content.problems))))
        (entry,) = content.entries
        view = self.records.view()
        known = view.seen.state.commands.get(entry.key) if view.seen is not None else None
        if known is not None:
            if known.command != entry.words:
                return _refuse(Refusal(409, f"the id {entry.id} was used for {known.command}"))
            return _json({"id": entry.id, **record_data(known)})
        now = self.clock()
        if entry.has_expired(now):
            return _refuse(Refusal(409, "the command has expired"))
        if view.dry_run:
            return _refuse(Refusal(409, "nothing is carried out: plan only (DRY_RUN)"))
        if not view.acts:
            return _refuse(Refusal(409, f"nothing is carried out here: {view.role}"))
        latest = now + COMMAND_SECONDS
        try:
            waiting = self.commands.add(replace(entry, expires=min(entry.expires or latest, latest)))
        except TooMany:
            return _refuse(Refusal(429, "too many commands wait; try again later"))
        if waiting.words != entry.words:
            return _refuse(Refusal(409, f"the id {entry.id} was used for {waiting.words}"))
        log.info("asked for over HTTP", what=entry.words, id=entry.id)
        self.signals.asked()
        return _json({"id": entry.id, "command": entry.words, "status": "accepted"}, 202)


async def _send(request: web.Request, response: web.StreamResponse) -> None:
    """Send the answer here, where it can be seen to that this comes to an end."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # aiohttp finds out by itself


async def _read_json(request: web.Request) -> Any:
    """The body, None where there is none. Anything but JSON is refused: a form of another site is none."""
    if not request.can_read_body:
        return None
    body = await request.read()
    if not body.strip():
        return None
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="expected Content-Type: application/json")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(reason="expected JSON") from None


async def _send_document(documents: Documents, name: str, request: web.Request) -> web.Response:
    # a large swarm takes a moment, and /healthz is not to wait for it
    document = await asyncio.to_thread(documents.get, name)
    headers = {hdrs.ETAG: document.etag, hdrs.VARY: "Accept-Encoding"}
    if document.etag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return web.Response(status=304, headers=headers)
    body = document.body
    if document.compressed is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body = document.compressed
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)


async def _send_file(body: bytes, content_type: str, _request: web.Request) -> web.Response:
    return web.Response(body=body, content_type=content_type, charset="utf-8")


def _json(data: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(data, status=status, headers={hdrs.CACHE_CONTROL: "no-store"})


def _refuse(refusal: Refusal) -> web.Response:
    response = _json({"error": refusal.text}, refusal.status)
    if refusal.status == 401:
        response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    # the rest of the body is not worth reading
    response.force_close()
    return response
