# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers and error responses of the engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    content_type: str = "application/json"


class Refusal(Exception):
    """The engine refuses: an HTTP status and its ``message``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def reply(self) -> Reply:
        return Reply(self.status, json.dumps({"message": self.message}).encode() + b"\n")


def reply(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode() + b"\n")


def not_found(kind: str, name: str) -> Refusal:
    return Refusal(404, f"{kind} {name} not found")


def invalid(message: str) -> Refusal:
    return Refusal(400, f"rpc error: code = InvalidArgument desc = {message}")


def out_of_sequence() -> Refusal:
    return Refusal(500, "rpc error: code = Unknown desc = update out of sequence")


def unimplemented(message: str) -> Refusal:
    return Refusal(501, f"rpc error: code = Unimplemented desc = {message}")


def precondition(message: str) -> Refusal:
    return Refusal(400, f"rpc error: code = FailedPrecondition desc = {message}")


NOT_A_MANAGER = Refusal(
    503,
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. "
    "Please run this command on a manager node or promote the current node to a manager.",
)
NO_LEADER = Refusal(
    500,
    "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers "
    "are online. Make sure more than half of the managers are online.",
)
