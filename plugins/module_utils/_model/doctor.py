# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts that `doctor` judges, and its findings."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .compat import dataclass
from .reasons import Reason

OK = "ok"
WARNING = "warning"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One prerequisite: whether it is met, and how to meet it. ``status`` is OK, WARNING or FAILED."""

    status: str
    reason: Reason
    fix: Reason | None = None

    def to_data(self) -> dict[str, Any]:
        """``status``, ``reason`` and ``fix``, as results and JSON hold them."""
        fix = None if self.fix is None else self.fix.to_data()
        return {"status": self.status, "reason": self.reason.to_data(), "fix": fix}


@dataclass(frozen=True, slots=True)
class ClosedPort:
    """A port of another host that can't be reached over TCP. ``error`` is the system's text."""

    name: str
    address: str
    port: int
    error: str


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host and its engine.

    ``python``: its version. ``libraries``: name → version, None for one that is missing. ``engine``: its
    version, None if it doesn't answer; then ``engine_fault`` (``missing_socket``, ``no_permission`` or
    ``unreachable``) and ``engine_error`` say why. ``socket_group``: the group that may use the socket.
    ``membership``: ``manager``, ``worker``, or ``none``. ``skew_seconds``: how far its clock is ahead; None
    if that isn't known. ``unlimited_logs``: containers whose log files may grow without a limit.
    """

    python: tuple[int, ...]
    libraries: Mapping[str, str | None]
    docker_host: str
    engine: str | None = None
    engine_fault: str = ""
    engine_error: str = ""
    socket_group: str = ""
    membership: str = "none"
    skew_seconds: float | None = None
    closed: tuple[ClosedPort, ...] = ()
    open_ports: int = 0
    unlimited_logs: tuple[str, ...] = ()
