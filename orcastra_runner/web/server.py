# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server's thread. Its errors are logged once and never stop the loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from functools import partial

from aiohttp import web

from orcastra_runner.log import get_logger
from orcastra_runner.web.guard import Refusal
from orcastra_runner.web.site import Site, refusal

# addresses that mean all interfaces
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - only compared
START_SECONDS = 10.0
STOP_SECONDS = 2.0
IDLE_SECONDS = 30.0
# how long the rest of a refused request is read, so that the client receives the response
LINGER_SECONDS = 1.0
SHUTDOWN_SECONDS = 0.5
# Connections that may wait to be accepted; the client's kernel retries the others after a second.
BACKLOG = 200

log = get_logger()


class WebServer:
    """Serves the site at a host (None: all addresses) and a port (0: any free one)."""

    def __init__(self, site: Site, host: str | None, port: int) -> None:
        self.port = port
        self._site = site
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._listener: asyncio.Server | None = None
        self._http: web.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)

    def start(self) -> bool:
        """Start serving. Returns whether that was possible; if not, logs the reason."""
        self._thread.start()
        where = f"{self._host or ''}:{self.port}"
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(START_SECONDS)
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            log.warning("http server could not start", address=where, error=reason)
            self.stop()
            return False
        host = self._host or ""
        if host in EVERYWHERE:
            here = "[::1]" if host == "::" else "127.0.0.1"
            log.info(
                "http server started",
                summary=f"port {self.port} on all addresses, locally http://{here}:{self.port}/",
            )
            return True
        shown = f"[{host}]" if ":" in host else host
        log.info("http server started", summary=f"http://{shown}:{self.port}/")
        return True

    def stop(self) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(STOP_SECONDS)
        except TimeoutError:
            return  # the thread ends with the process
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()

    async def _start(self) -> None:
        # not an aiohttp application, which would answer some requests itself
        self._http = web.Server(self._site.handler())
        self._listener = await self._loop.create_server(
            partial(self._site.connections.watch, self._protocol), self._host, self.port, backlog=BACKLOG
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    def _protocol(self) -> asyncio.Protocol:
        assert self._http is not None
        return _Protocol(
            self._http,
            loop=self._loop,
            access_log=None,  # type: ignore[arg-type]
            # a small compressed body can be huge once decompressed, and no client needs compression
            auto_decompress=False,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            logger=_http_log(),
        )

    async def _stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._http is not None:
            self._http.pre_shutdown()
            await self._http.shutdown(SHUTDOWN_SECONDS)
        # handlers of disconnected clients may still wait for the rest of a request
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Return the response to data that isn't HTTP, which the library would answer with a page of its
        own.
        """
        if status >= 500:
            log.error("request failed", summary=type(exc).__name__)
            return refusal(Refusal(status, "internal error; see the log"))
        log.debug("malformed request", error=type(exc).__name__)
        return refusal(Refusal(status, "expected HTTP, found something else"))


def _http_log() -> logging.Logger:
    """Return the logger for aiohttp.

    Its exceptions are always about a malformed or incomplete request, which anyone can send: the site itself
    reports the errors in valid ones.
    """
    logger = logging.getLogger("orcastra.http")
    logger.filters = [_is_about_the_server]
    return logger


def _is_about_the_server(record: logging.LogRecord) -> bool:
    if not record.exc_info:
        return True
    log.debug("malformed request", error=type(record.exc_info[1]).__name__)
    return False
