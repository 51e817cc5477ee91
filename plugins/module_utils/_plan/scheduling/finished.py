# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finished tasks: those that the user's restart condition never restarts, such as migrations and backups.

With the restart condition ``none``, Swarm never starts a task again. With ``on-failure``, a task that ended
with exit code 0 is done. Such a task is not missing, and Orcastra must never run it again.
``tests/behaviour/finished.py`` checks on real engines how Swarm behaves:

- A write that changes only the placement runs a finished task again if its node is gone or violates the new
  constraints. On other nodes the task stays finished. Changed service labels have no effect.
- Swarm compares finished tasks with their service not only after a write, but also whenever another manager
  becomes the leader. If the constraints differ from those that the task started with, and its node has lost a
  label in the meantime, the new leader runs the task again.
- A global service never runs again on a node where it has finished, whatever its constraints.
- A forced update runs every task again, and so does scaling to 0 and back.

"""
# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable

from ..._model.compat import dataclass
from ..._model.snapshot import Service, SwarmSnapshot, Task
from .constraints import violated

NEVER = "none"
ON_FAILURE = "on-failure"

COMPLETE = "complete"
ENDED = (COMPLETE, "failed", "rejected", "shutdown", "orphaned", "remove")


@dataclass(frozen=True, slots=True)
class Finished:
    """The last tasks of a service that have ended and that Swarm does not replace.

    At most one for each slot; for a global service, one for each node. ``done``: those that completed.
    ``failed``: those that ended otherwise, under the restart condition ``none``.
    """

    done: tuple[Task, ...] = ()
    failed: tuple[Task, ...] = ()

    @property
    def tasks(self) -> tuple[Task, ...]:
        return (*self.done, *self.failed)

    def __len__(self) -> int:
        return len(self.done) + len(self.failed)


_NOTHING = Finished()


def runs_once(service: Service) -> bool:
    """Return whether no task of the service may ever start a second time."""
    return service.restart_condition == NEVER


def finished(snapshot: SwarmSnapshot, service: Service) -> Finished:
    """Return the finished tasks of ``service``; none for jobs, which have other rules."""
    if service.restart_condition not in (NEVER, ON_FAILURE) or service.mode not in ("replicated", "global"):
        return _NOTHING
    newest: dict[object, Task] = {}
    for task in snapshot.tasks_of(service):
        place: object = task.slot if service.is_replicated else task.node_id
        if task.desired_state != "remove" and (place not in newest or _is_newer(task, newest[place])):
            newest[place] = task
    over = [task for task in newest.values() if _is_over(snapshot, service, task)]
    return Finished(
        done=tuple(task for task in over if task.state == COMPLETE),
        failed=tuple(task for task in over if task.state != COMPLETE),
    )


def is_finished(task: Task, service: Service) -> bool:
    """Return whether the task has completed and the restart policy of the service does not restart it.

    A task is complete if its container ended with exit code 0.
    """
    return task.state == COMPLETE and service.restart_condition in (NEVER, ON_FAILURE)


def missing_tasks(snapshot: SwarmSnapshot, service: Service) -> int:
    """Return how many tasks of a replicated service are missing: neither desired nor finished."""
    desired = sum(task.should_run for task in snapshot.tasks_of(service))
    return max(0, (service.replicas or 0) - desired - len(finished(snapshot, service)))


def would_run_again(
    snapshot: SwarmSnapshot, service: Service, constraints: tuple[str, ...], running: Iterable[Task] = ()
) -> tuple[Task, ...]:
    """Return the tasks that Swarm would run again if these constraints were written to ``service``.

    ``running``: its desired tasks, which count too if they may not start a second time.
    """
    found = []
    for task in started_otherwise(service, constraints, finished(snapshot, service), running):
        node = snapshot.node_by_id.get(task.node_id or "")
        if node is None or violated(constraints, node):
            found.append(task)
    return tuple(found)


def started_otherwise(
    service: Service, constraints: tuple[str, ...], over: Finished, running: Iterable[Task] = ()
) -> tuple[Task, ...]:
    """Return the tasks that must not start again, but had other constraints when they started.

    Under these constraints, Swarm could run them again as soon as their node no longer meets them. ``over``:
    the finished tasks of ``service``. ``running``: as for ``would_run_again``.
    """
    if not service.is_replicated:
        return ()
    once = tuple(running) if runs_once(service) else ()
    return tuple(task for task in (*over.tasks, *once) if task.constraints != constraints)


def _is_newer(task: Task, other: Task) -> bool:
    return (task.should_run, task.created) > (other.should_run, other.created)


def _is_over(snapshot: SwarmSnapshot, service: Service, task: Task) -> bool:
    if not runs_once(service):
        return task.state == COMPLETE
    if task.state in ENDED:
        return True
    node = snapshot.node_by_id.get(task.node_id or "")
    # lost with its node, but possibly still running there if the node is only cut off
    return not task.should_run and (node is None or node.is_down)
