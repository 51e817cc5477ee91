# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A deadline for all network operations.

A socket timeout restarts with each byte, so a server that sends one byte at a time never triggers it: in
headers, repeated ``100 Continue`` replies, a TLS handshake or chunk sizes. A deadline shuts down the
connections themselves, which ends every operation that waits for them.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator

_lock = threading.Lock()
# Host and port → running lookup. A lookup cannot be interrupted, but several callers can share it.
_lookups: dict[tuple[str, int], _Lookup] = {}


class Deadline:
    """A deadline ``seconds`` from now. All methods are thread-safe."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._watched: set[socket.socket] = set()
        self._is_cut = False

    @property
    def is_over(self) -> bool:
        return self._is_cut or time.monotonic() >= self._end

    def left(self) -> float:
        """The remaining seconds. Raises TimeoutError if the deadline has passed."""
        left = self._end - time.monotonic()
        if left <= 0 or self._is_cut:
            raise TimeoutError
        return left

    def cut(self) -> None:
        """Shut down all connections now."""
        with self._lock:
            self._is_cut = True
            for connection in self._watched:
                _shut_down(connection)

    @contextlib.contextmanager
    def connections(self) -> Iterator[Connections]:
        """Yield an object that opens connections. At the end, shut down those that are still open."""
        opened = Connections(self)
        try:
            yield opened
        finally:
            opened.close()

    def watch(self, connection: socket.socket) -> socket.socket:
        """Shut down ``connection`` at the deadline. Returns a handle for ``release``."""
        # A separate handle stays valid when TLS takes over the original, or when its file descriptor is
        # closed and reused.
        handle = connection.dup()
        with self._lock:
            self._watched.add(handle)
            if self._is_cut:
                _shut_down(handle)
        return handle

    def release(self, handle: socket.socket) -> None:
        with self._lock:
            self._watched.discard(handle)
            _shut_down(handle)
            handle.close()


class Connections:
    """Opens connections that end with the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._handles: list[socket.socket] = []

    def open(self, address: tuple[str, int], *_options: object) -> socket.socket:
        """Connect to a host and port; a replacement for ``socket.create_connection``. Raises OSError."""
        failure = OSError(f"{address[0]} has no address")
        for family, target in _resolve(*address, self._deadline):
            connection = socket.socket(family, socket.SOCK_STREAM)
            handle = self._deadline.watch(connection)
            try:
                connection.settimeout(self._deadline.left())
                connection.connect(target)
            except OSError as error:
                failure = error
                connection.close()
                self._deadline.release(handle)
            else:
                self._handles.append(handle)
                return connection
        raise failure

    def close(self) -> None:
        for handle in self._handles:
            self._deadline.release(handle)


class _Lookup:
    """A DNS lookup in its own thread."""

    def __init__(self, host: str, port: int) -> None:
        self._question = (host, port)
        self._is_done = threading.Event()
        self._found: list[tuple[int, tuple[object, ...]]] = []
        self._failure: OSError | None = None
        # a daemon thread, so that the process can end during a lookup
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self, seconds: float) -> list[tuple[int, tuple[object, ...]]]:
        if not self._is_done.wait(seconds):
            raise TimeoutError
        if self._failure is not None:
            raise OSError(self._failure.errno, self._failure.strerror)
        return self._found

    def _run(self) -> None:
        try:
            found = socket.getaddrinfo(*self._question, type=socket.SOCK_STREAM)
            self._found = [(entry[0], entry[4]) for entry in found]
        except OSError as error:
            self._failure = error
        except UnicodeError:
            self._failure = OSError(None, "invalid host name")
        finally:
            with _lock:
                del _lookups[self._question]
            self._is_done.set()


def _resolve(host: str, port: int, deadline: Deadline) -> list[tuple[int, tuple[object, ...]]]:
    """The addresses of a host: the family, and the argument for ``connect``. Raises OSError."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        pass
    else:
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, port))]
    with _lock:
        lookup = _lookups.get((host, port))
        if lookup is None:
            lookup = _lookups[host, port] = _Lookup(host, port)
    return lookup.wait(deadline.left())


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is not connected
        connection.shutdown(socket.SHUT_RDWR)
