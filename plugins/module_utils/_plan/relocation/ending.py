# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""End a relocation: one decision for each status, the same for every kind of move.

A subclass for each kind decides what to add in the final write, what to save, and what to do after a failure.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..._model.ownership import replicas_before
from ..._model.reasons import Reason
from ..._model.service_steps import PlaceService
from ..._model.snapshot import Service, SwarmSnapshot, Task
from ..._model.state import SetMove, StateEdit
from ..._model.steps import Plan
from .status import Progress, Status


class Ending:
    """Plan the next step of one relocation. ``to``: the IDs of its target nodes; empty if any node will
    do."""

    def __init__(self, progress: Progress, to: Iterable[str] = ()) -> None:
        self.progress = progress
        self.service = progress.service
        self.name = progress.service.name
        self.to = node_names(progress.snapshot, to)

    def plan(self) -> Plan:
        status, failure = self.progress.status, self.progress.failure
        if status is Status.ARRIVED:
            return self.finish()
        if status is Status.STOPPED:
            return self.start_again()
        if status is Status.SUPERSEDED:
            return self.supersede()
        if status in (Status.VOID, Status.RESCALED):
            return self.void()
        return self.wait() if failure is None else self.fail(failure)

    # the decisions

    def finish(self) -> Plan:
        """Every task has arrived: remove the constraint of the move if it is still there."""
        if not self.progress.moving:
            return Plan(remember=self.edits(None))
        return self.end((Reason("move_arrived", nodes=self.to or None),), None)

    def start_again(self, **options: Any) -> Plan:
        """Scale the service back up: all of its containers have stopped."""
        unrecorded = replicas_before(self.service.labels, self.service.id) is None
        return self.end(
            (Reason("containers_stopped"),),
            None,
            **{
                "replicas": self.progress.replicas,
                "unrecorded": unrecorded,
                "while_updating": True,
                **options,
            },
        )

    def supersede(self) -> Plan:
        """Replace constraints that lead to the wrong node. Only kinds that can be superseded implement it."""
        raise NotImplementedError

    def void(self) -> Plan:
        """Forget the move: it was never written, or a user has redeployed the service."""
        return Plan(remember=self.edits(None))

    def fail(self, failure: Reason) -> Plan:
        """Give up the move. Once the constraint is removed, Swarm decides where the service runs."""
        warnings = (self.failed(failure),)
        if not self.progress.moving:
            return Plan(warnings=warnings, remember=self.edits(failure))
        return Plan(warnings=warnings) + self.end((failure,), failure)

    def wait(self) -> Plan:
        """Report the reason for waiting, and save the facts about hidden containers."""
        progress = self.progress
        unseen = progress.unseen if progress.status is Status.STOPPING else None
        edits: tuple[StateEdit, ...] = ()
        if unseen is not None and unseen.move != progress.move:
            edits = (SetMove(self.service.id, unseen.move),)
        return Plan(notes=(self.note(),), remember=edits, requeue_after=progress.policy.requeue_seconds)

    # hooks for the kinds of moves

    def edits(self, failure: Reason | None) -> tuple[StateEdit, ...]:  # noqa: ARG002 - kinds differ
        """The edits of the saved state when the move ends."""
        return (SetMove(self.service.id, None),)

    @property
    def purpose(self) -> Reason:
        return Reason("move_ends", service=self.name)

    @property
    def removed(self) -> tuple[str, ...]:
        """The constraints to remove when the move ends."""
        return self.progress.moving

    # parts

    def failed(self, failure: Reason) -> Reason:
        return Reason("move_failed", service=self.name, nodes=self.to or None, failure=failure)

    def end(self, why: tuple[Reason, ...], failure: Reason | None, **options: Any) -> Plan:
        defaults = {
            "purpose": self.purpose,
            "remove": self.removed,
            "commit_edits": self.edits(failure),
            # this write ends an update that could not finish otherwise
            "while_updating": failure is not None or self.service.is_update_paused,
        }
        step = place_service(self.service, why=why, **{**defaults, **options})
        return Plan(steps=(step,), requeue_after=self.progress.policy.requeue_seconds)

    def note(self) -> Reason:
        progress, status = self.progress, self.progress.status
        if status is Status.WATCHED:
            return Reason("move_watched", service=self.name)
        if status is Status.LEAVING:
            nodes = task_nodes(progress.snapshot, progress.stopping)
            return Reason("move_waits_for_old_task", service=self.name, nodes=nodes)
        if status is Status.PENDING:
            state = self.service.update_state or "no update"
            return Reason("move_waits_for_update", service=self.name, state=state)
        if status is Status.STOPPING:
            hidden = progress.unseen.wait if progress.unseen is not None else None
            return hidden or Reason("move_stops_service", service=self.name)
        return Reason("move_under_way", service=self.name, nodes=self.to or None, error=progress.complaint)


def place_service(
    service: Service,
    purpose: Reason,
    *,
    add: tuple[str, ...] = (),
    remove: tuple[str, ...] = (),
    **options: Any,
) -> PlaceService:
    """Return the step that adds and removes these constraints."""
    return PlaceService(
        service_id=service.id,
        name=service.name,
        purpose=purpose,
        constraints=service.constraints,
        add=tuple(text for text in add if text not in service.constraints),
        remove=tuple(text for text in remove if text not in add),
        **options,
    )


def node_names(snapshot: SwarmSnapshot, node_ids: Iterable[str]) -> tuple[str, ...]:
    """Return the sorted host names of the nodes that the snapshot contains."""
    found = (snapshot.node_by_id.get(node_id) for node_id in node_ids)
    return tuple(sorted(node.hostname for node in found if node is not None))


def task_nodes(snapshot: SwarmSnapshot, tasks: Iterable[Task]) -> tuple[str, ...]:
    """Return the sorted host names of the nodes of these tasks."""
    return node_names(snapshot, {task.node_id or "" for task in tasks})
