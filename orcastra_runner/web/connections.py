# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The open connections. None keeps others out by staying: with one too many, the quietest is closed.

A connection that sends more than a request can be is closed before anything is made of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from orcastra_runner.log import get_logger

MAX_CONNECTIONS = 100
# With more than that, all are heard first, for so many seconds: most have been answered or are gone by then.
# Until then there may be so many times as many.
TRIM_SECONDS = 0.1
MOST_CONNECTIONS = 4
# Whoever has connected has to have asked for something by then.
FIRST_REQUEST_SECONDS = 10.0
# A request with all that belongs to it is smaller; a client sends the next one after the answer.
MAX_UNANSWERED_BYTES = 48 * 1024

log = get_logger()


@dataclass(slots=True)
class _Open:
    """A connection. ``unanswered``: how many bytes have come since the last answer."""

    silence: asyncio.TimerHandle
    is_heard: bool = False
    unanswered: int = 0


class Connections:
    """Those that are open, by their transports."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Transport, _Open] = {}
        # Those that have not sent anything go first, and of them the one that was quiet for the longest.
        self._queues: dict[bool, dict[asyncio.Transport, None]] = {False: {}, True: {}}
        self._is_trimming = False

    @property
    def number(self) -> int:
        return len(self._open)

    def watch(self, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """The protocol for a new connection: it does what the one that ``make`` returns does."""
        return _Watched(make, self)

    def asked(self, transport: asyncio.Transport | None) -> None:
        """A request has come, whole but for its body."""
        found = self._open.get(transport) if transport is not None else None
        if found is not None and transport is not None:
            found.silence.cancel()
            queue = self._queues[found.is_heard]
            del queue[transport]
            queue[transport] = None

    def answered(self, transport: asyncio.Transport | None) -> None:
        """The answer was sent, so there may be another request."""
        if transport is not None and transport in self._open:
            self._open[transport].unanswered = 0

    def received(self, transport: asyncio.Transport, size: int) -> bool:
        """So many bytes have come. Returns whether that is all right; if not, the connection is ended."""
        found = self._open.get(transport)
        if found is None:
            return False
        if not found.is_heard:
            del self._queues[found.is_heard][transport]
            found.is_heard = True
            self._queues[found.is_heard][transport] = None
        found.unanswered += size
        if found.unanswered <= MAX_UNANSWERED_BYTES:
            return True
        self.drop(transport)
        return False

    def opened(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        silence = loop.call_later(FIRST_REQUEST_SECONDS, self.drop, transport)
        found = self._open[transport] = _Open(silence)
        self._queues[found.is_heard][transport] = None
        if len(self._open) > MOST_CONNECTIONS * MAX_CONNECTIONS:
            self._drop_quietest()
        elif len(self._open) > MAX_CONNECTIONS and not self._is_trimming:
            self._is_trimming = True
            loop.call_later(TRIM_SECONDS, self._trim)

    def closed(self, transport: asyncio.Transport) -> None:
        found = self._open.pop(transport, None)
        if found is not None:
            found.silence.cancel()
            del self._queues[found.is_heard][transport]

    def drop(self, transport: asyncio.Transport) -> None:
        """End a connection at once."""
        self.closed(transport)
        # whoever does not read would keep a connection open that is only closed
        transport.abort()

    def _trim(self) -> None:
        self._is_trimming = False
        while len(self._open) > MAX_CONNECTIONS:
            self._drop_quietest()

    def _drop_quietest(self) -> None:
        self.drop(next(transport for queue in self._queues.values() for transport in queue))


class _Watched(asyncio.Protocol):
    """Hands everything on, once there is anything: to connect and to leave costs next to nothing."""

    def __init__(self, make: Callable[[], asyncio.Protocol], connections: Connections) -> None:
        self._make = make
        self._connections = connections
        self._protocol: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._connections.opened(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._connections.closed(self._transport)
        if self._protocol is not None:
            self._protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or not self._connections.received(transport, len(data)):
            return
        try:
            if self._protocol is None:
                self._protocol = self._make()
                self._protocol.connection_made(transport)
            self._protocol.data_received(data)
        except Exception as error:  # noqa: BLE001 - whatever a parser stumbles over, others go on
            log.debug("malformed request", error=type(error).__name__)
            self._connections.drop(transport)

    def eof_received(self) -> bool | None:
        return None if self._protocol is None else self._protocol.eof_received()

    def pause_writing(self) -> None:
        if self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._protocol is not None:
            self._protocol.resume_writing()
