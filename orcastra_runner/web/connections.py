# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is connected. Nobody keeps others out by staying: with one too many, the quietest has to go.

A container's health check comes over the same port. If it could be kept out, whoever reaches the port could
have the container replaced again and again.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

MAX_CONNECTIONS = 100
# Whoever has connected has to have asked for something by then.
FIRST_REQUEST_SECONDS = 10.0


class Connections:
    """Those that are open, by the protocol that serves each. The first has been quiet for the longest."""

    def __init__(self) -> None:
        self._open: dict[Any, asyncio.Transport] = {}
        self._silent: set[Any] = set()

    @property
    def number(self) -> int:
        return len(self._open)

    def watch(self, protocol: asyncio.Protocol) -> asyncio.Protocol:
        """The protocol for a new connection: does what ``protocol`` does, and is known here."""
        return _Watched(protocol, self)

    def asked(self, protocol: Any) -> None:
        """A request has come, whole but for its body."""
        self._silent.discard(protocol)
        if protocol in self._open:
            self._open[protocol] = self._open.pop(protocol)

    def opened(self, protocol: Any, transport: asyncio.Transport) -> None:
        self._open[protocol] = transport
        self._silent.add(protocol)
        asyncio.get_running_loop().call_later(FIRST_REQUEST_SECONDS, self._drop_if_silent, protocol)
        if len(self._open) > MAX_CONNECTIONS:
            self._drop(next(iter(self._open)))

    def closed(self, protocol: Any) -> None:
        self._open.pop(protocol, None)
        self._silent.discard(protocol)

    def _drop_if_silent(self, protocol: Any) -> None:
        if protocol in self._silent:
            self._drop(protocol)

    def _drop(self, protocol: Any) -> None:
        transport = self._open.pop(protocol)
        self._silent.discard(protocol)
        # whoever does not read would keep a connection open that is only closed
        transport.abort()


class _Watched(asyncio.Protocol):
    """Hands everything on."""

    def __init__(self, protocol: asyncio.Protocol, connections: Connections) -> None:
        self._protocol = protocol
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)
        self._connections.opened(self._protocol, cast("asyncio.Transport", transport))

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.closed(self._protocol)
        self._protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
