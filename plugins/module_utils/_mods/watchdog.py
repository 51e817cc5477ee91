# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End a connection that keeps somebody waiting: a byte now and then outlives each timeout of a socket.

What is read in one call of the library (headers, the size of a chunk, trailers) may come a byte at a time and
have no end. Only another thread can end that, by shutting the connection down.
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

# how often it is checked, at most
_TICK_SECONDS = 1.0


class Line:
    """The connection below a socket, which may become a TLS socket meanwhile. To be closed."""

    def __init__(self, connection: Any) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        with contextlib.suppress(OSError, AttributeError, ValueError):
            self._socket = socket.socket(fileno=os.dup(connection.fileno()))

    def cut(self) -> None:
        """Whoever reads from it, or writes to it, gets an error or the end."""
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
    """Raises OSError where ``what``, which is done in here, takes longer than ``seconds``."""
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
    # to the library, headers that break off are all that there are
    if is_over.is_set():
        raise OSError(f"{what} took longer than {seconds:g} s")


class BodyWatch:
    """Watches over a body: over each single read, and over all of it. A context manager.

    ``reason`` says why the connection was ended, None where it was not.
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
                self.reason = f"sent nothing of its content for {self._read_seconds:g} s"
            if self.reason is not None:
                self._line.cut()
                return
