# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recent actions in the saved state, so that the history survives a change of the leader."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .compat import dataclass
from .reasons import Reason

if TYPE_CHECKING:
    from .state import State
    from .steps import Step

DONE = "done"
FAILED = "failed"

MAX_ACTIONS = 200
# a quarter of the space of the saved state
MAX_HISTORY_BYTES = 64 * 1024
MAX_CHARACTERS = 240
MAX_REASONS = 3
MAX_REASON_CHARACTERS = 1000
# An action that fails again and again is recorded once per this many seconds.
REPEAT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class SavedAction:
    """A change to the swarm. ``at`` is when it ended, in seconds since the epoch.

    ``action`` is the code of the step, ``target`` its object, ``summary`` its text. ``result`` is DONE or
    FAILED; ``error`` is why it failed.
    """

    at: float
    action: str
    target: str
    summary: str
    result: str = DONE
    why: tuple[Reason, ...] = ()
    error: str = ""

    @property
    def sort_key(self) -> tuple[float, str, str]:
        return self.at, self.target, self.action

    def repeats(self, earlier: SavedAction) -> bool:
        """Whether this is the same failure as ``earlier``, too soon to be recorded again."""
        same = (self.action, self.target, self.result) == (earlier.action, earlier.target, earlier.result)
        return same and self.result == FAILED and 0 <= self.at - earlier.at < REPEAT_SECONDS


@dataclass(frozen=True, slots=True)
class AddActions:
    """Record actions, and keep the newest MAX_ACTIONS. Adding an action again changes nothing."""

    actions: tuple[SavedAction, ...]

    def apply(self, state: State) -> State:
        kept = dict(state.actions)
        for action in self.actions:
            if any(action.repeats(earlier) for earlier in kept.values()):
                continue
            kept[action_key(action)] = action
        return replace(state, actions=newest(kept, MAX_ACTIONS))


def save_action(step: Step, at: float, error: str | None) -> SavedAction:
    """Return the record of a step that ended at ``at``, in seconds since the epoch, limited in size."""
    why = tuple(reason for reason in step.why if _size(reason) <= MAX_REASON_CHARACTERS)
    return SavedAction(
        at=round(at, 3),
        action=step.action,
        target=step.target[:MAX_CHARACTERS],
        summary=step.summary[:MAX_CHARACTERS],
        result=DONE if error is None else FAILED,
        why=why[:MAX_REASONS],
        error=(error or "")[:MAX_CHARACTERS],
    )


def _size(reason: Reason) -> int:
    return len(json.dumps(reason.to_saved(), default=Reason.to_saved))


def action_key(action: SavedAction) -> str:
    """Return a key that orders actions by time and differs for actions on different targets."""
    return f"{int(action.at * 1000):013d} {action.action} {action.target}"[:MAX_CHARACTERS]


def newest(actions: Mapping[str, SavedAction], count: int) -> dict[str, SavedAction]:
    """Return the ``count`` newest actions, oldest first."""
    ordered = sorted(actions.items(), key=lambda item: (item[1].sort_key, item[0]))
    return dict(ordered[max(0, len(ordered) - count) :])


def in_order(actions: Iterable[SavedAction]) -> list[SavedAction]:
    """Return the actions, newest first."""
    return sorted(actions, key=lambda action: action.sort_key, reverse=True)
