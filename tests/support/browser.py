# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Headless Chromium for tests of the page, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium")
START_SECONDS = 60.0
REPLY_SECONDS = 60.0

FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class Browser:
    """One Chromium with one page. ``messages`` are the errors of the page: console and CSP."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self._folder = Path(tempfile.mkdtemp(prefix="chromium-"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._number = 0

    def __enter__(self) -> Browser:
        assert PROGRAM is not None
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [PROGRAM, *FLAGS, *sandbox, f"--user-data-dir={self._folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._thread.start()
        self._wait(self._connect(), START_SECONDS + 5)
        return self

    def __exit__(self, *_: object) -> None:
        self._wait(self._close(), REPLY_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            # its helper processes may live a little longer, and write into its folder
            os.killpg(self._process.pid, signal.SIGKILL)
        for _ in range(20):
            shutil.rmtree(self._folder, ignore_errors=True)
            if not self._folder.exists():
                return
            time.sleep(0.05)

    def look_at(
        self, url: str, *, width: int = 1280, height: int = 900, scale: float = 1, dark: bool = False
    ) -> None:
        """Open a page on a screen of that size, in CSS pixels; below 600 wide it is a phone's.

        ``scale``: how many of the screen's pixels are one of CSS, across and down.
        """
        is_phone = width < 600
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone}
        self.ask("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Page.navigate", url=url)
        self.wait_for(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Evaluate a JavaScript expression in the page."""
        reply = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in reply, reply
        return reply["result"].get("value")

    def wait_for(self, script: str, seconds: float = 60.0) -> Any:
        """Wait until an expression is true in the page."""
        deadline = time.monotonic() + seconds
        while not (found := self.run(script)):
            assert time.monotonic() < deadline, f"{script} never was true; {self.text()}"
            time.sleep(0.05)
        return found

    def text(self) -> str:
        """All visible text."""
        return str(self.run("document.body ? document.body.innerText : ''"))

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Save a screenshot as a PNG file: of the full page or of the visible part."""
        reply = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(reply["data"]))

    def ask(self, method: str, **parameters: Any) -> Any:
        return self._wait(self._ask(method, parameters), REPLY_SECONDS)

    def _wait(self, coroutine: Any, seconds: float) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    async def _connect(self) -> None:
        port_file = self._folder / "DevToolsActivePort"
        async with asyncio.timeout(START_SECONDS):
            while not port_file.exists() or len(port_file.read_text().splitlines()) < 2:
                await asyncio.sleep(0.05)
            port = int(port_file.read_text().splitlines()[0])
            self._session = aiohttp.ClientSession()
            while True:
                async with self._session.get(f"http://127.0.0.1:{port}/json/list") as reply:
                    pages = [one for one in await reply.json(content_type=None) if one["type"] == "page"]
                if pages:
                    break
                await asyncio.sleep(0.05)
            address = pages[0]["webSocketDebuggerUrl"]
            self._socket = await self._session.ws_connect(address, max_msg_size=0)
        self._reader = asyncio.create_task(self._read())
        for domain in ("Page", "Runtime", "Log"):
            await self._ask(f"{domain}.enable", {})

    async def _read(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._replies.pop(data["id"]).set_result(data)
            elif data.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.messages.append(json.dumps(data["params"]))

    async def _ask(self, method: str, parameters: dict[str, Any]) -> Any:
        assert self._socket is not None
        self._number += 1
        future = self._replies[self._number] = self._loop.create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        reply = await future
        if "error" in reply:
            raise AssertionError(f"{method}: {reply['error']}")
        return reply["result"]

    async def _close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        if self._socket is not None:
            await self._socket.close()
        if self._session is not None:
            await self._session.close()
