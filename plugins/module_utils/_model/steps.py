# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps: what a plan is made of.

The same steps are the check-mode result, the diff, the log lines and the ``plan`` of a module's result.
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

# a plan for the swarm changes the swarm's state, a plan for one node that of the node
Edit = Union[StateEdit, NodeEdit]


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """One write, and its reasons.

    ``why`` says why it is needed, ``why_not`` why the alternatives were not taken. ``intent_edits`` are
    written to the state before the step is carried out, ``commit_edits`` once it has succeeded: a controller
    that dies in between leaves nothing behind that the next one doesn't know of.
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
        """What is changed: ``node alpha``, ``service shop_db``."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """The step in words, without its reasons."""

    @property
    @abstractmethod
    def before(self) -> Mapping[str, Any]:
        """What the step changes, as it is now."""

    @property
    @abstractmethod
    def after(self) -> Mapping[str, Any]:
        """The same once the step is done."""

    def to_result(self) -> dict[str, Any]:
        """The step as it appears in a module's ``plan``."""
        return {
            "action": self.action,
            "target": printable(self.target),
            "summary": printable(self.summary),
            "why": [reason.to_data() for reason in self.why],
            "why_not": [reason.to_data() for reason in self.why_not],
        }


@dataclass(frozen=True, kw_only=True)
class Removal(Step):
    """Something is not there any more afterwards."""

    @property
    def before(self) -> Mapping[str, Any]:
        return {"exists": True}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"exists": False}


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One label of a node; None stands for a label that is not there."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"-{self.key}" if self.after is None else f"{self.key}={self.after}"


@dataclass(frozen=True, kw_only=True)
class LabelNode(Step):
    """Set and remove labels of one node, all in one write."""

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
        """Apply the changes to ``labels``, which may be fresher than what the step was planned on."""
        result = dict(labels)
        for change in self.changes:
            if change.after is None:
                result.pop(change.key, None)
            else:
                result[change.key] = change.after
        return result


@dataclass(frozen=True, kw_only=True)
class RepairState(Step):
    """Set a damaged state object aside, as it is, and start afresh from what could be read of it."""

    damage: tuple[Reason, ...]

    @property
    def action(self) -> str:
        return "repair_state"

    @property
    def target(self) -> str:
        return f"config {STATE_NAME}"

    @property
    def summary(self) -> str:
        return f"set a copy of the damaged {STATE_NAME} aside and start afresh from what is readable of it"

    @property
    def before(self) -> Mapping[str, Any]:
        return {"damage": [str(part) for part in self.damage]}

    @property
    def after(self) -> Mapping[str, Any]:
        return {"damage": []}


@dataclass(frozen=True)
class Plan:
    """What is to be done, in order, and what the user should hear although nothing is done about it.

    ``warnings`` are what the user has to look at (an unknown name), ``notes`` are decisions to leave
    something as it is; ``remember`` are changes to the state that go with no step. ``requeue_after``: when
    to look again, where something is under way; None where there is no hurry.
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
        """Whether there is nothing to carry out."""
        return not self.steps and not self.remember

    def diff(self) -> dict[str, Any]:
        """``before`` and ``after`` of everything the steps change, as Ansible's ``diff`` wants it."""
        before: dict[str, dict[str, Any]] = {}
        after: dict[str, dict[str, Any]] = {}
        for step in self.steps:
            # of several steps with one target, the first knows what was before, the last what is after
            before[step.target] = {**step.before, **before.get(step.target, {})}
            after[step.target] = {**after.get(step.target, {}), **step.after}
        return {"before": before, "after": after}
