# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong between us and an engine, as exceptions whose text a user can act on."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from .._model.errors import OrcastraError


class MissingLibrary(OrcastraError):
    """A Python library isn't installed on this host."""

    def __init__(self, message: str, library: str) -> None:
        super().__init__(message)
        self.library = library


class EngineError(OrcastraError):
    """The engine said no, or something unexpected; the text holds its own words."""


class EngineUnreachable(EngineError):
    """No answer from the engine: not there, refused, timed out."""


class EngineTimeout(EngineUnreachable):
    """The engine is there but did not answer in time."""


class TlsMismatch(EngineUnreachable):
    """The two ends do not agree on TLS: a wrong CA, a wrong name, TLS on one side only."""


class NotAManager(EngineError):
    """The engine is not a manager of a swarm, or a locked one."""


class NoLeader(EngineError):
    """The managers have no leader: they have lost their quorum, or elect one right now."""


class OtherSwarm(OrcastraError):
    """``manager_host`` leads to a manager of another swarm."""

    def __init__(self, hostname: str) -> None:
        super().__init__(
            f"manager_host: expected a manager of the swarm of node {hostname}, found one of another swarm"
        )


class NotFound(EngineError):
    """The object is gone."""


class OutOfSequence(EngineError):
    """Somebody else wrote the object since it was read (``update out of sequence``)."""


class Conflict(EngineError):
    """The object is in use, or somebody else is at it (HTTP 409)."""


class NameInUse(Conflict):
    """An object of this name exists already."""
