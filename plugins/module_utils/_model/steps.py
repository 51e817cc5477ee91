# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a plan.

The same steps appear in the check-mode result, the diff, the log and the ``plan`` of a module's result.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Union

from .compat import dataclass
from .node_state import NodeEdit
from .reasons import Reason
from .state import STATE_NAME, StateEdit
from .text import printable

# a plan for the swarm edits the state of the swarm, a plan for one node edits the state of the node
Edit = Union[StateEdit, NodeEdit]


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """A change, and its reasons.

    ``why`` is why the step is needed; ``why_not`` is why the alternatives were rejected. ``intent_edits`` are
    saved before the step runs, ``commit_edits`` after it has succeeded. If the controller dies in between,
    the next one knows about every change that may have been made.
    """

    why: tuple[Reason, ...]
    why_not: tuple[Reason, ...] = ()
    intent_edits: tuple[Edit, ...] = ()
    commit_edits: tuple[Edit, ...] = ()

    @property
    @abstractmethod
    def action(self) -> str:
        """The kind of step, in snake case."""

    @property
    @abstractmethod
    def target(self) -> str:
        """The changed object, such as ``node alpha`` or ``service shop_db``."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """The step as text, without its reasons: an imperative such as ``restart shop_db``."""

    @property
    @abstractmethod
    def before(self) -> Mapping[str, Any]:
        """The fields that the step changes, with their current values."""

    @property
    @abstractmethod
    def after(self) -> Mapping[str, Any]:
        """The same fields, with their values after the step."""

    def to_result(self) -> dict[str, Any]:
        """The step as data for the ``plan`` of a module's result."""
        return {
            "action": self.action,
            "target": printable(self.target),
            "summary": printable(self.summary),
            "why": [reason.to_data() for reason in self.why],
            "why_not": [reason.to_data() for reason in self.why_not],
        }


@dataclass(frozen=True, kw_only=True)
class Removal(Step):
    """A step that removes an object."""

    @property
    def before(self) -> Mapping[str, Any]:
        return {"exists": True}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"exists": False}


@dataclass(frozen=True, slots=True)
class LabelChange:
    """A change to one label of a node. A value of None means that the label does not exist."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"-{self.key}" if self.after is None else f"{self.key}={self.after}"


@dataclass(frozen=True, kw_only=True)
class LabelNode(Step):
    """Set and remove labels of one node, in a single update."""

    node_id: str
    hostname: str
    changes: tuple[LabelChange, ...]
    labels: Mapping[str, str]

    @property
    def action(self) -> str:
        return "label_node"

    @property
    def target(self) -> str:
        return f"node {self.hostname}"

    @property
    def summary(self) -> str:
        added = ", ".join(str(change) for change in self.changes if change.after is not None)
        removed = ", ".join(change.key for change in self.changes if change.after is None)
        parts = [f"set {added}"] if added else []
        if removed:
            parts.append(f"remove {removed}")
        return f"{' and '.join(parts)} on node {self.hostname}"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"labels": dict(self.labels)}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"labels": self.changed(self.labels)}

    def changed(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Apply the changes to ``labels``, which may be newer than the plan."""
        result = dict(labels)
        for change in self.changes:
            if change.after is None:
                result.pop(change.key, None)
            else:
                result[change.key] = change.after
        return result


@dataclass(frozen=True, kw_only=True)
class RepairState(Step):
    """Back up a damaged state object, and rebuild it from its readable parts."""

    damage: tuple[Reason, ...]

    @property
    def action(self) -> str:
        return "repair_state"

    @property
    def target(self) -> str:
        return f"config {STATE_NAME}"

    @property
    def summary(self) -> str:
        return f"back up the damaged {STATE_NAME} and rebuild it from its readable parts"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"damage": [str(part) for part in self.damage]}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"damage": []}


@dataclass(frozen=True)
class Plan:
    """The steps to carry out, in order, and messages for the user.

    ``warnings`` need the attention of the user, for example an unknown name. ``notes`` explain why something
    is not changed. ``remember`` are edits of the saved state that belong to no step. ``requeue_after`` is the
    number of seconds until the next plan should be made, or None if nothing is in progress.
    """

    steps: tuple[Step, ...] = ()
    warnings: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()
    remember: tuple[Edit, ...] = ()
    requeue_after: float | None = None

    def __add__(self, other: Plan) -> Plan:
        soonest = [plan.requeue_after for plan in (self, other) if plan.requeue_after is not None]
        return Plan(
            steps=self.steps + other.steps,
            warnings=self.warnings + other.warnings,
            notes=self.notes + other.notes,
            remember=self.remember + other.remember,
            requeue_after=min(soonest) if soonest else None,
        )

    @property
    def is_empty(self) -> bool:
        """Whether there are no steps and no edits of the saved state."""
        return not self.steps and not self.remember

    def diff(self) -> dict[str, Any]:
        """``before`` and ``after`` of all changes, in the format of Ansible's ``diff``."""
        before: dict[str, dict[str, Any]] = {}
        after: dict[str, dict[str, Any]] = {}
        for step in self.steps:
            # of several steps with the same target, the first has the old values, the last has the new ones
            before[step.target] = {**step.before, **before.get(step.target, {})}
            after[step.target] = {**after.get(step.target, {}), **step.after}
        return {"before": before, "after": after}
