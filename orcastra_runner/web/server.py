# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP server's thread. What goes wrong with it is told once and never stops the loop."""

from __future__ import annotations

import asyncio
import logging
import threading

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from orcastra_runner.log import first_line, get_logger
from orcastra_runner.web.site import Site

# addresses that stand for all of them
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - to be recognised
START_SECONDS = 10.0
STOP_SECONDS = 2.0
IDLE_SECONDS = 30.0
# how long the rest of a request is read that is refused already, so that its sender sees why
LINGER_SECONDS = 1.0

log = get_logger()


class WebServer:
    """Serves the site at a host (None: all addresses) and a port (0: any that is free)."""

    def __init__(self, site: Site, host: str | None, port: int) -> None:
        self.port = port
        self._site = site
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)
        self._runner = web.AppRunner(
            site.application(),
            access_log=None,
            handle_signals=False,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            logger=_http_log(),
            shutdown_timeout=0.5,
        )

    def start(self) -> bool:
        """Begin to serve. Returns whether that was possible; if not, says so in one line of the log."""
        self._thread.start()
        where = f"{self._host or ''}:{self.port}"
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(START_SECONDS)
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            log.warning("no page and no metrics: HTTP cannot be served", address=where, error=reason)
            self.stop()
            return False
        host = self._host or ""
        if host in EVERYWHERE:
            here = "[::1]" if host == "::" else "127.0.0.1"
            log.info(
                "page and metrics", what=f"port {self.port} at all addresses, here http://{here}:{self.port}/"
            )
            return True
        shown = f"[{host}]" if ":" in host else host
        log.info("page and metrics", what=f"http://{shown}:{self.port}/")
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
        await self._runner.setup()
        self._server = await self._loop.create_server(self._protocol, self._host, self.port, backlog=64)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        return self._site.connections.watch(server())


def _http_log() -> logging.Logger:
    """What aiohttp complains to. Anybody can send what is no HTTP: that is not worth an error each time."""
    logger = logging.getLogger("orcastra.http")
    logger.filters = [_is_worth_telling]
    return logger


def _is_worth_telling(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, HttpProcessingError):
        return True
    log.debug("a request could not be understood", error=first_line(error.message))
    return False
