# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The open connections. If there are too many, the longest idle one is closed, so that none can block others.

A connection that sends more bytes than a request may have is closed before they are parsed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from orcastra_runner.log import get_logger

MAX_CONNECTIONS = 100
# Above that limit, connections are closed only after this delay, because most end on their own by then. Up to
# MOST_CONNECTIONS times as many are allowed meanwhile.
TRIM_SECONDS = 0.1
MOST_CONNECTIONS = 4
# A client must send its first request within this time.
FIRST_REQUEST_SECONDS = 10.0
# Every valid request is smaller, and a client sends the next one only after the response.
MAX_UNANSWERED_BYTES = 48 * 1024

log = get_logger()


@dataclass(slots=True)
class _Open:
    """A connection. ``unanswered``: the number of bytes received since the last response."""

    silence: asyncio.TimerHandle
    is_heard: bool = False
    unanswered: int = 0


class Connections:
    """The open connections, by transport."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Transport, _Open] = {}
        # Connections that have sent nothing are closed first, the longest idle of them before the others.
        self._queues: dict[bool, dict[asyncio.Transport, None]] = {False: {}, True: {}}
        self._is_trimming = False

    @property
    def number(self) -> int:
        return len(self._open)

    def watch(self, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """Return the protocol for a new connection, which wraps the one that ``make`` returns."""
        return _Watched(make, self)

    def asked(self, transport: asyncio.Transport | None) -> None:
        """Note that the head of a request was received."""
        found = self._open.get(transport) if transport is not None else None
        if found is not None and transport is not None:
            found.silence.cancel()
            queue = self._queues[found.is_heard]
            del queue[transport]
            queue[transport] = None

    def answered(self, transport: asyncio.Transport | None) -> None:
        """Note that the response was sent, so that another request may follow."""
        if transport is not None and transport in self._open:
            self._open[transport].unanswered = 0

    def received(self, transport: asyncio.Transport, size: int) -> bool:
        """Note received bytes.

        Returns whether they are within the limit; if not, the connection is closed.
        """
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
        """Close a connection at once."""
        self.closed(transport)
        # close() would wait for a client that does not read
        transport.abort()

    def _trim(self) -> None:
        self._is_trimming = False
        while len(self._open) > MAX_CONNECTIONS:
            self._drop_quietest()

    def _drop_quietest(self) -> None:
        self.drop(next(transport for queue in self._queues.values() for transport in queue))


class _Watched(asyncio.Protocol):
    """Passes data on to the real protocol, created with the first data: connecting alone costs almost
    nothing.
    """

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
        except Exception as error:  # noqa: BLE001 - a parser error must not affect other connections
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
