# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dry run of a command: its playbook in check mode, with the steps that its modules plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import CommandRecord
from ansible_collections.orcastra.swarm.plugins.module_utils.messages.formatting import plural
from orcastra_runner.command.run import failure_text, runner_for
from orcastra_runner.command.table import LEFT_NODES, WOULD_REBOOT, Command
from orcastra_runner.execute import PlaybookResult
from orcastra_runner.jobs import Stopped, Work
from orcastra_runner.report import step_lines
from orcastra_runner.swarm import plan_all

Step = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The planned steps in the format of a module's result.

    ``problem``: why the command would fail, or None.
    """

    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str | None = None

    def lines(self, words: str) -> list[str]:
        """Return all of it as text; ``words`` is the command."""
        found = [f"{words}: would fail: {self.problem}"] if self.problem is not None else []
        if self.steps:
            found += [f"{words}: {plural(len(self.steps), 'step')} planned:", *step_lines(self.steps)]
        elif self.problem is None:
            found.append(f"{words}: no changes needed")
        found += [f"warning: {text}" for text in self.warnings]
        found += [f"note: {text}" for text in self.notes]
        return [*found, "Dry run: nothing was changed."]


def rehearse(work: Work, command: Command, argument: str | None) -> Rehearsal:
    """Run the command's playbook in check mode. Raises Stopped."""
    if command.accepts_removals:
        return _rehearse_acceptance(work)
    try:
        own = work.swarm.own_node_id() if command.leaves_its_host else ""
        result = runner_for(work, command)(command.playbook, command.variables(argument, own), check=True)
    except Stopped:
        raise
    except OrcastraError as error:
        return Rehearsal(problem=str(error))
    if result.status == "canceled":
        raise Stopped(result.problem)
    return Rehearsal(
        steps=tuple(_steps(result)),
        warnings=_distinct(text for task in result.tasks for text in task.warnings),
        notes=_distinct([*(text for task in result.tasks for text in task.notes), *_left(result)]),
        problem=None if result.ok else failure_text(result),
    )


def _rehearse_acceptance(work: Work) -> Rehearsal:
    try:
        notes = work.accept_removals()
        plan = plan_all(work.swarm.observe(), work.desired)
    except OrcastraError as error:
        return Rehearsal(problem=str(error))
    return Rehearsal(
        steps=tuple(step.to_result() for step in plan.steps),
        warnings=_distinct(map(str, plan.warnings)),
        notes=_distinct([*notes, *map(str, plan.notes)]),
    )


def saved_record(work: Work, id_: str | None) -> CommandRecord | None:
    """Return the record of the command with this ID in the saved state."""
    if id_ is None:
        return None
    try:
        return work.swarm.observe().state.commands.get(f"id:{id_}")
    except OrcastraError:
        return None  # there may be no swarm yet


def _steps(result: PlaybookResult) -> list[Step]:
    """Return the steps of the modules, and the other tasks that would change something."""
    reboots = [str(name) for name in result.stats.get(WOULD_REBOOT) or ()]
    steps: list[Step] = []
    for task in result.tasks:
        steps += task.plan
        if task.changed and not task.plan and not reboots:
            steps.append({"target": task.host, "summary": f"{_small(task.task)}, on {task.host}"})
    for name in reboots:
        step = {"target": f"node {name}", "summary": f"reboot {name} and restore its availability"}
        drained = [number for number, one in enumerate(steps) if one.get("target") == step["target"]]
        steps.insert(drained[-1] + 1 if drained else len(steps), step)
    return steps


def _left(result: PlaybookResult) -> list[str]:
    left = result.stats.get(LEFT_NODES) or {}
    return [f"{name} is left to another instance because this one runs on it" for name in left.values()]


def _small(text: str) -> str:
    """Return the name of a task without that of its role, in lower case."""
    name = text.rpartition(" : ")[2]
    return name[:1].lower() + name[1:]


def _distinct(texts: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, texts)))
