# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End connections that are too slow: a byte now and then is enough to never reach a socket's timeout.

Parts that the library reads in one call (headers, the size of a chunk, trailers) may arrive byte by byte,
without end. Only another thread can end that, by shutting the connection down.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

# the longest interval between two checks
_TICK_SECONDS = 1.0


class Line:
    """The connection below a socket, which may become a TLS socket later. Must be closed."""

    def __init__(self, connection: Any) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        with contextlib.suppress(OSError, AttributeError, ValueError):
            self._socket = socket.socket(fileno=os.dup(connection.fileno()))

    def cut(self) -> None:
        """End the connection: reads and writes then fail or reach the end."""
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None


@contextlib.contextmanager
def deadline(connection: Any, seconds: float, what: str) -> Iterator[None]:
    """Raise OSError if the block, described by ``what``, takes longer than ``seconds``."""
    is_over = threading.Event()
    line = Line(connection)

    def end() -> None:
        is_over.set()
        line.cut()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if is_over.is_set():
            raise OSError(f"{what} took longer than {seconds:g} s") from error
        raise
    finally:
        timer.cancel()
        line.close()
    # the library treats interrupted headers as complete
    if is_over.is_set():
        raise OSError(f"{what} took longer than {seconds:g} s")


class BodyWatch:
    """Limits the time of each read of a body, and of the complete body. A context manager.

    ``reason`` says why the connection was ended, or is None.
    """

    def __init__(self, connection: Any, read_seconds: float, body_seconds: float) -> None:
        self.reason: str | None = None
        self._read_seconds = read_seconds
        self._body_seconds = body_seconds
        self._line = Line(connection)
        self._began = time.monotonic()
        self._reading_since: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="mods watchdog", daemon=True)

    def __enter__(self) -> BodyWatch:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._done.set()
        self._thread.join()
        self._line.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        self._reading_since = time.monotonic()
        try:
            yield
        finally:
            self._reading_since = None

    def _watch(self) -> None:
        tick = min(_TICK_SECONDS, self._read_seconds / 10, self._body_seconds / 10)
        while not self._done.wait(tick):
            now, since = time.monotonic(), self._reading_since
            if now - self._began > self._body_seconds:
                self.reason = f"took longer than {self._body_seconds:.0f} s"
            elif since is not None and now - since > self._read_seconds:
                self.reason = f"sent no data for {self._read_seconds:g} s"
            if self.reason is not None:
                self._line.cut()
                return
