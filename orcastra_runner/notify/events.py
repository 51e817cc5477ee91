# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events to notify about: moves, healed containers and new versions of mods.

The jobs report them while they run, in any thread; the notifier moves them to the saved state.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import STORED, ModOutcome
from ansible_collections.orcastra.swarm.plugins.module_utils._model.notices import (
    ERROR,
    INFO,
    MAX_SUBJECT_CHARACTERS,
    Noted,
    Outgoing,
    QueueNotice,
    saved,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import (
    PlaceService,
    ScaleService,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import SetMove
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Step
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.notices import MOD

# Events of one instance that wait for the saved state, at most.
MAX_EVENTS = 100
HEALING_JOBS = ("autoheal", "remote_autoheal")


@dataclass(frozen=True, slots=True)
class Event:
    """An event at ``at`` (seconds since the epoch). ``reason`` gets the host name of this node.

    ``subject``: a mod and its checksum, if the event is a new version of a mod.
    """

    id: str
    at: float
    level: str
    reason: Callable[[str], Reason]
    subject: tuple[str, str] | None = None

    def edit(self, node: str) -> QueueNotice:
        """Return the edit that adds the message about this event to the saved state."""
        reason = saved(self.reason(node))
        once = None
        if self.subject is not None:
            mod, checksum = self.subject
            once = (MOD + mod, Noted(reason.code, checksum, self.level, self.at))
        return QueueNotice(self.id, Outgoing(reason, self.level, self.at), once)


class Events:
    """The events that are not in the saved state yet. It collects nothing until ``is_on`` is set."""

    def __init__(self) -> None:
        self.is_on = False
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque(maxlen=MAX_EVENTS)

    def waiting(self) -> tuple[Event, ...]:
        with self._lock:
            return tuple(self._waiting)

    def discard(self, events: Iterable[Event]) -> None:
        """Remove events that have been saved."""
        gone = {event.id for event in events}
        with self._lock:
            kept = [event for event in self._waiting if event.id not in gone]
            self._waiting.clear()
            self._waiting.extend(kept)

    def stepped(
        self, at: float, job: str, summary: str, why: Iterable[str], error: str | None, step: Step | None
    ) -> None:
        """Note a step that was carried out or failed, if it healed a container or moves a service."""
        reasons = tuple(why)
        if job in HEALING_JOBS and error is None:
            self._add(at, INFO, lambda node: Reason("notify_healed", node=node, step=summary, why=reasons))
        elif job in HEALING_JOBS:
            self._add(
                at, ERROR, lambda node: Reason("notify_not_healed", node=node, step=summary, error=error)
            )
        elif step is not None and _begins_move(step) and error is None:
            self._add(at, INFO, lambda _node: Reason("notify_moved", step=summary, why=reasons))
        elif step is not None and _begins_move(step):
            self._add(at, INFO, lambda _node: Reason("notify_move_failed", step=summary, error=error))

    def gave_up_healing(self, at: float, reasons: Iterable[Reason]) -> None:
        """Note containers that are no longer healed."""
        for reason in reasons:
            self._add(at, ERROR, partial(_gave_up_healing, reason))

    def refreshed(self, at: float, mods: Iterable[ModOutcome]) -> None:
        """Note the mods whose new version was downloaded."""
        for mod in mods:
            if mod.status == STORED:
                title = mod.title[:MAX_SUBJECT_CHARACTERS]
                self._add(at, INFO, partial(_mod_stored, title), (title, mod.sha256 or ""))

    def _add(
        self,
        at: float,
        level: str,
        reason: Callable[[str], Reason],
        subject: tuple[str, str] | None = None,
    ) -> None:
        if self.is_on:
            with self._lock:
                self._waiting.append(Event(uuid4().hex, at, level, reason, subject))


def _gave_up_healing(reason: Reason, node: str) -> Reason:
    return Reason("notify_heal_given_up", node=node, reason=reason)


def _mod_stored(mod: str, node: str) -> Reason:
    return Reason("notify_mod_stored", mod=mod, node=node)


def is_move(event_code: str) -> bool:
    """Whether the message with this code is about a move."""
    return event_code in ("notify_moved", "notify_move_failed")


def _begins_move(step: Step) -> bool:
    """Whether the step is the first one of a move, whose journal entry it writes."""
    if isinstance(step, PlaceService):
        begins = bool(step.add)
    else:
        begins = isinstance(step, ScaleService) and step.replicas == 0
    return begins and any(isinstance(edit, SetMove) and edit.move is not None for edit in step.intent_edits)
