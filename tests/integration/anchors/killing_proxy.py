# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy for an engine that kills its client immediately before or after the N-th write."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from types import TracebackType


class KillingProxy:
    """Forwards connections to an engine, and kills the client with SIGKILL at its ``nth`` POST.

    ``before``: the engine never receives that request. Otherwise, the client never receives the response.
    """

    def __init__(self, ip: str, nth: int, *, before: bool) -> None:
        self._ip = ip
        self._nth = nth
        self._before = before
        self._lock = threading.Lock()
        self._victim: subprocess.Popen[str] | None = None
        self._known = threading.Event()
        self.posts: list[str] = []
        self.killed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> KillingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    @property
    def docker_host(self) -> str:
        return f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def watch(self, process: subprocess.Popen[str]) -> None:
        """Set the process to kill. Writes block until then."""
        self._victim = process
        self._known.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Serve one connection. A client sends its next request only after the previous response."""
        with contextlib.suppress(OSError), client, socket.create_connection((self._ip, 2375)) as engine:
            dies = threading.Event()
            threading.Thread(target=self._return, args=[engine, client, dies], daemon=True).start()
            while data := client.recv(65536):
                if data.startswith(b"POST ") and self._is_its_turn(data):
                    if self._before:
                        self._kill()
                        return
                    dies.set()
                engine.sendall(data)

    def _is_its_turn(self, request: bytes) -> bool:
        self._known.wait(10)
        with self._lock:
            self.posts.append(request.split(b" ")[1].split(b"?")[0].decode())
            return len(self.posts) == self._nth

    def _return(self, engine: socket.socket, client: socket.socket, dies: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := engine.recv(65536):
                if dies.is_set():
                    self._kill()
                    return
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def _kill(self) -> None:
        if self._victim is not None:
            self._victim.kill()
            self._victim.wait()
            self.killed.set()
