# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of the saved state for notifications: the problems that were noted, and the messages to send.

A problem and the message about it are written in one update, so that a failover neither loses nor repeats
one. A message is claimed before it is sent and confirmed after that; see ``docs/guides/notifications.md``.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .compat import dataclass
from .errors import OrcastraError
from .reasons import Reason

if TYPE_CHECKING:
    from .state import State

INFO = "info"
WARNING = "warning"
ERROR = "error"
# least severe first
LEVELS = (INFO, WARNING, ERROR)

# Limits, because the whole state must fit into one object. A problem beyond them is noted later.
MAX_NOTED = 200
MAX_WAITING = 50
MAX_SUBJECT_CHARACTERS = 100
MAX_REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Noted:
    """A problem about which a message exists, at least in the outbox.

    ``code`` is that of its reason; ``subject`` is the name of the service, node or job. ``since`` is when it
    was noted, in seconds since the epoch. For a mod, which is no problem, ``subject`` is its checksum.
    """

    code: str
    subject: str
    level: str
    since: float


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message in the outbox. ``at`` is in seconds since the epoch.

    - ``solved``: it reports the end of a problem, which had this ``level``
    - ``left``: the names of the targets that have not confirmed it; None before the first attempt
    - ``claim``: the attempt to send it that has begun, or empty
    - ``repeat``: an earlier attempt was not confirmed, so some targets may have got the message
    """

    reason: Reason
    level: str
    at: float
    solved: bool = False
    left: tuple[str, ...] | None = None
    claim: str = ""
    repeat: bool = False


class NotClaimed(OrcastraError):
    """A message is gone, or another instance has claimed it in the meantime."""


@dataclass(frozen=True, slots=True)
class NoteProblem:
    """Note a new problem, with the message about it. Does nothing if it is already noted."""

    key: str
    noted: Noted
    message_id: str
    message: Outgoing

    def apply(self, state: State) -> State:
        if self.key in state.notified or len(state.notified) >= MAX_NOTED or len(state.outbox) >= MAX_WAITING:
            return state
        return replace(
            state,
            notified={**state.notified, self.key: self.noted},
            outbox={**state.outbox, self.message_id: self.message},
        )


@dataclass(frozen=True, slots=True)
class NoteSolved:
    """Remove the problem that was noted at ``since``, with a message about it unless ``message`` is None."""

    key: str
    since: float
    message_id: str = ""
    message: Outgoing | None = None

    def apply(self, state: State) -> State:
        found = state.notified.get(self.key)
        if found is None or found.since != self.since:
            return state
        outbox = state.outbox
        if self.message is not None:
            if len(outbox) >= MAX_WAITING:
                return state
            outbox = {**outbox, self.message_id: self.message}
        notified = {key: noted for key, noted in state.notified.items() if key != self.key}
        return replace(state, notified=notified, outbox=outbox)


@dataclass(frozen=True, slots=True)
class QueueNotice:
    """Add a message about an event. If the outbox is full, the message is lost.

    ``once``: the key and the entry by which later messages about the same event are recognized.
    """

    message_id: str
    message: Outgoing
    once: tuple[str, Noted] | None = None

    def apply(self, state: State) -> State:
        notified = state.notified
        if self.once is not None:
            key, noted = self.once
            known = notified.get(key)
            if known is not None and known.subject == noted.subject:
                return state
            if known is None and len(notified) >= MAX_NOTED:
                return state
            notified = {**notified, key: noted}
        if len(state.outbox) >= MAX_WAITING:
            return state
        return replace(state, notified=notified, outbox={**state.outbox, self.message_id: self.message})


@dataclass(frozen=True, slots=True)
class ClaimNotices:
    """Claim messages before sending them. Raises NotClaimed if one has changed since it was read.

    ``seen``: message ID → its claim when it was read; ``token`` identifies the new claim. ``targets`` are the
    names of all targets; those that are no longer configured are removed from the messages.
    """

    seen: Mapping[str, str]
    token: str
    targets: tuple[str, ...]

    def apply(self, state: State) -> State:
        changed = {}
        for key, claim in self.seen.items():
            found = state.outbox.get(key)
            if found is None or found.claim not in (claim, self.token):
                raise NotClaimed(f"message {key} is no longer available")
            left = self.targets if found.left is None else found.left
            changed[key] = replace(
                found,
                left=tuple(name for name in left if name in self.targets),
                claim=self.token,
                repeat=found.repeat or found.claim not in ("", self.token),
            )
        return replace(state, outbox={**state.outbox, **changed})


@dataclass(frozen=True, slots=True)
class ConfirmNotices:
    """Record the end of an attempt: message ID → the targets that need not get the message again.

    A message without any targets left is removed. The result also counts if another instance has taken over
    the message in the meantime.
    """

    token: str
    done: Mapping[str, frozenset[str]]

    def apply(self, state: State) -> State:
        outbox = dict(state.outbox)
        for key, targets in self.done.items():
            found = outbox.get(key)
            if found is None:
                continue
            left = tuple(name for name in found.left or () if name not in targets)
            if left:
                claim = "" if found.claim == self.token else found.claim
                outbox[key] = replace(found, left=left, claim=claim)
            else:
                del outbox[key]
        return replace(state, outbox=outbox)


def saved(reason: Reason) -> Reason:
    """Return the reason in a form that is short enough for the outbox."""
    if len(str(reason.to_saved())) <= MAX_REASON_CHARACTERS:
        return reason
    return Reason("saved_reason", text=f"{reason.text[: MAX_REASON_CHARACTERS - 1]}…")
