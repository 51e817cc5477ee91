# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors of the connection to an engine, with a text that helps the user to fix them."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from .._model.errors import OrcastraError


class MissingLibrary(OrcastraError):
    """A Python library isn't installed on this host."""

    def __init__(self, message: str, library: str) -> None:
        super().__init__(message)
        self.library = library


class EngineError(OrcastraError):
    """The engine rejected a request, or gave an unexpected answer. The text includes the engine's message."""


class EngineUnreachable(EngineError):
    """The engine does not answer: it does not exist, refused the connection, or timed out."""


class EngineTimeout(EngineUnreachable):
    """The engine accepted the connection but did not answer in time."""


class TlsMismatch(EngineUnreachable):
    """TLS failed: a wrong CA, a wrong host name, or TLS on one side only."""


class NotAManager(EngineError):
    """The engine is not a manager of a swarm, or it is locked."""


class NoLeader(EngineError):
    """The managers have no leader: they have lost their quorum, or are electing one."""


class LateConsensus(EngineError):
    """The managers have not agreed on a change or a read in time. The change may still happen.

    This occurs while a manager joins or leaves: the leader waits for a manager that is not ready.
    """


class OtherSwarm(OrcastraError):
    """``manager_host`` leads to a manager of another swarm."""

    def __init__(self, hostname: str) -> None:
        super().__init__(
            f"manager_host: expected a manager of the swarm of node {hostname}, found one of another swarm"
        )


class AccessDenied(EngineError):
    """A proxy in front of the engine doesn't allow the request."""


class NotFound(EngineError):
    """The object does not exist (HTTP 404)."""


class OutOfSequence(EngineError):
    """Another client has changed the object since it was read (``update out of sequence``)."""


class Conflict(EngineError):
    """The object is in use, or another operation on it is in progress (HTTP 409)."""


class NameInUse(Conflict):
    """An object with this name already exists."""
