# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A point in time at which everything that waits for the network ends.

The timeout of a socket counts from one byte to the next, so a server that drips outlasts it: with headers,
with ``100 Continue`` again and again, in the handshake of TLS, with the sizes of chunks. Here the connections
themselves are shut down, which ends whatever waits for them.
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
# Host and port → the lookup that is under way. A lookup can't be interrupted, but it needn't be begun twice.
_lookups: dict[tuple[str, int], _Lookup] = {}


class Deadline:
    """So many ``seconds`` from now. All methods may be called from any thread."""

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
        """The seconds until then. Raises TimeoutError if there are none."""
        left = self._end - time.monotonic()
        if left <= 0 or self._is_cut:
            raise TimeoutError
        return left

    def cut(self) -> None:
        """Shut down all connections, now."""
        with self._lock:
            self._is_cut = True
            for connection in self._watched:
                _shut_down(connection)

    @contextlib.contextmanager
    def connections(self) -> Iterator[Connections]:
        """What opens connections; whatever is still open at the end is shut down."""
        opened = Connections(self)
        try:
            yield opened
        finally:
            opened.close()

    def watch(self, connection: socket.socket) -> socket.socket:
        """Shut ``connection`` down when time is up. Returns what ``release`` takes."""
        # A handle of our own: it stays what it is, while TLS takes over the other, or its number goes to a
        # file that somebody opens next.
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
        """Connect to a host and port; stands in for ``socket.create_connection``. Raises OSError."""
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
    """One question to the name servers, in a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        self._question = (host, port)
        self._is_done = threading.Event()
        self._found: list[tuple[int, tuple[object, ...]]] = []
        self._failure: OSError | None = None
        # a daemon: the process must be able to end while a name server keeps it waiting
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
            self._failure = OSError(None, "not the name of a host")
        finally:
            with _lock:
                del _lookups[self._question]
            self._is_done.set()


def _resolve(host: str, port: int, deadline: Deadline) -> list[tuple[int, tuple[object, ...]]]:
    """The addresses of a host: family and what ``connect`` takes. Raises OSError."""
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
    with contextlib.suppress(OSError):  # it isn't connected, or no longer
        connection.shutdown(socket.SHUT_RDWR)
