# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines and node exporters of all nodes, over real HTTP, at one port of this machine.

Every node has its own address in 127.0.0.0/8. One socket listens on all of them, and the address of a
connection identifies the node.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from aiohttp import web

from tests.sim.faults import Fault
from tests.sim.filters import Filters, event_matches, parse
from tests.sim.objects import Json, SimNode
from tests.sim.replies import Refusal, Reply

START_SECONDS = 10.0
EVENT_FILTERS = ("type", "event", "node", "service", "config", "scope", "network", "secret", "container")

Answer = Callable[[SimNode, str, str, dict[str, str], bytes, list[Fault]], Reply]
Meet = Callable[[SimNode, str, str], list[Fault]]


class Server:
    """The server, in its own thread. ``find``: returns the node with an address. ``past_events``: subscribes
    its argument, and returns earlier events.
    """

    def __init__(
        self,
        find: Callable[[str], SimNode | None],
        meet: Meet,
        answer: Answer,
        page: Callable[[SimNode], str],
        past_events: Callable[[Callable[[], None]], list[Json]],
    ) -> None:
        self.port = 0
        self._find = find
        self._meet = meet
        self._answer = answer
        self._page = page
        self._past_events = past_events
        self._loop = asyncio.new_event_loop()
        self._streams: dict[asyncio.Queue[Json | None], str] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="sim-server", daemon=True)
        self._runner: web.AppRunner | None = None

    def start(self) -> None:
        self._thread.start()
        self._call(self._start())

    def stop(self) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    def send_event(self, event: Json) -> None:
        if self._streams:
            self._loop.call_soon_threadsafe(self._spread, event)

    def hang_up(self, node: SimNode) -> None:
        """End the event streams of the node's engine, which is gone."""
        self._loop.call_soon_threadsafe(self._end_streams, node.id)

    def _call(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(START_SECONDS)

    async def _start(self) -> None:
        app = web.Application(client_max_size=16 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        # all addresses, because one socket can't listen on 127.0.0.0/8 only; others are refused below
        site = web.TCPSite(self._runner, "0.0.0.0", 0, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        self._end_streams(None)
        if self._runner is not None:
            await self._runner.cleanup()

    def _spread(self, event: Json) -> None:
        for queue in self._streams:
            queue.put_nowait(event)

    def _end_streams(self, node_id: str | None) -> None:
        for queue, served_by in self._streams.items():
            if node_id in (None, served_by):
                queue.put_nowait(None)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        address = request.transport.get_extra_info("sockname")[0] if request.transport else ""
        node = self._find(address) if ipaddress.ip_address(address).is_loopback else None
        if node is None or not node.reachable:
            return _hang_up(request)
        path = request.path
        if path == "/metrics":
            faults = self._meet(node, "GET", path)
            await _delay(faults)
            if any(fault.drop or fault.status for fault in faults):
                return _hang_up(request)
            return web.Response(text=self._page(node), content_type="text/plain")
        bare = path if not path.startswith("/v1.") else "/" + path[1:].partition("/")[2]
        faults = self._meet(node, request.method, bare)
        await _delay(faults)
        if any(fault.drop == "before" for fault in faults):
            return _hang_up(request)
        refused = next((fault for fault in faults if fault.status is not None), None)
        if refused is not None:
            reply = Refusal(refused.status or 500, refused.message).reply()
        elif bare == "/events":
            return await self._stream(request, node)
        else:
            body = await request.read()
            reply = self._answer(node, request.method, path, dict(request.query), body, faults)
        if any(fault.drop == "after" for fault in faults):
            return _hang_up(request)
        return web.Response(
            status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type}
        )

    async def _stream(self, request: web.Request, node: SimNode) -> web.StreamResponse:
        """Serve the event stream: the events since ``since``, then new ones."""
        try:
            filters = parse(request.query.get("filters"), EVENT_FILTERS)
        except Refusal as refusal:
            reply = refusal.reply()
            return web.Response(status=reply.status, body=reply.body, content_type="application/json")
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            await response.prepare(request)
            since = float(request.query.get("since") or "inf")
            past = self._past_events(lambda: self._streams.update({queue: node.id}))
            for event in past:
                if event["timeNano"] / 1e9 >= since:
                    await _send(response, event, filters)
            told = {id(event) for event in past}
            until = float(request.query.get("until") or "inf")
            while until == float("inf"):
                news = await queue.get()
                if news is None:
                    return _hang_up(request)
                if id(news) not in told:
                    await _send(response, news, filters)
        except (ConnectionError, asyncio.CancelledError):
            return response
        finally:
            self._streams.pop(queue, None)
        return response


async def _send(response: web.StreamResponse, event: Json, filters: Filters) -> None:
    if event_matches(event, filters):
        await response.write(json.dumps(event).encode() + b"\n")


async def _delay(faults: list[Fault]) -> None:
    seconds = sum(fault.delay_seconds for fault in faults)
    if seconds:
        await asyncio.sleep(seconds)


def _hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
