# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The upstream project's label sync, as an algorithm, to compare reaction times on the same swarm.

Once per interval: set the anchor's label on the node of its running task and remove it elsewhere, then force
an update of each follower that runs on another node, with its retry intervals. Its default interval is 60 s,
and it has no event mode.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.lab.errors import LabError
from tests.lab.host import Host

INTERVAL_SECONDS = 60.0
RETRY_SECONDS = (2, 10, 60, 300, 900)

SetLabel = Callable[[Host, str, bool], None]


class UpstreamLoop:
    """``set_label`` gets the manager, a node's ID, and whether the node should have the label."""

    def __init__(
        self, manager: Host, anchor: str, followers: Sequence[str], label: str, set_label: SetLabel
    ) -> None:
        self._manager = manager
        self._anchor = anchor
        self._followers = followers
        self._label = label
        self._set_label = set_label
        self._retries: dict[str, tuple[int, float]] = {}

    @contextlib.contextmanager
    def running(self, interval: float = INTERVAL_SECONDS) -> Iterator[None]:
        over = threading.Event()

        def loop() -> None:
            while not over.is_set():
                # the next round tries again, like the original
                with contextlib.suppress(LabError, OSError):
                    self.sync()
                over.wait(interval)

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def sync(self) -> None:
        """Do one round."""
        home = self._node_of(self._anchor)
        if home is None:
            return
        for node in self._manager.api("GET", "/nodes"):
            is_labelled = self._label in (node["Spec"]["Labels"] or {})
            if is_labelled != (node["ID"] == home):
                self._set_label(self._manager, node["ID"], node["ID"] == home)
        for name in self._followers:
            node_id = self._node_of(name)
            if node_id == home:
                self._retries.pop(name, None)
            elif node_id is not None and self._may_retry(name):
                self._force_update(name)

    def _node_of(self, name: str) -> str | None:
        filters = {"filters": {"service": [name], "desired-state": ["running"]}}
        for task in self._manager.api("GET", "/tasks", query=filters):
            if task["Status"]["State"] == "running":
                return str(task["NodeID"])
        return None

    def _may_retry(self, name: str) -> bool:
        number, last = self._retries.get(name, (0, 0.0))
        if time.monotonic() - last < (
            RETRY_SECONDS[min(number - 1, len(RETRY_SECONDS) - 1)] if number else 0
        ):
            return False
        self._retries[name] = (number + 1, time.monotonic())
        return True

    def _force_update(self, name: str) -> None:
        service: dict[str, Any] = self._manager.api("GET", f"/services/{name}")
        template = service["Spec"]["TaskTemplate"]
        template["ForceUpdate"] = template.get("ForceUpdate", 0) + 1
        query = {"version": service["Version"]["Index"]}
        self._manager.api("POST", f"/services/{service['ID']}/update", service["Spec"], query)
