# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a command at most once: claims it in the saved state, runs its playbook, and records the result.

A process that dies in between leaves a claim without a result. How far it got is unknown, so the command is
reported as interrupted and never repeated. A reboot of the host on which this instance runs is offered to
other instances.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DONE,
    FAILED,
    INTERRUPTED,
    ClaimCommand,
    CommandRecord,
    FinishCommand,
    ForgetCommands,
    Handover,
    OfferHandover,
    StateEdit,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.handover import (
    joined,
    no_other_instance,
)
from orcastra_runner.command.accept import accept_removals
from orcastra_runner.command.handover import boot_id
from orcastra_runner.command.table import LEFT_NODES, REBOOTED, Command
from orcastra_runner.execute import PlaybookResult
from orcastra_runner.jobs import JobError, RunPlaybook, Stopped, Work
from orcastra_runner.log import get_logger
from orcastra_runner.swarm import node_name

MAX_MESSAGE_CHARACTERS = 300
# limit for the results before a handover, which are followed by those of the other instance
MAX_DONE_CHARACTERS = 150

STOPPED_MESSAGE = "interrupted because Orcastra was asked to stop; not repeated"

log = get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a command's playbook. ``remark`` is added to the message at the end.

    ``rebooted``: the host names of the rebooted nodes. ``left``: the nodes that it may not reboot because
    this instance runs on them; host names by ID.
    """

    status: str
    message: str
    rebooted: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""


class CommandRunner:
    """Runs the commands of one process. ``source`` is their usual origin: ``file`` or ``shell``."""

    def __init__(self, source: str, clock: Callable[[], float] = time.time) -> None:
        self.instance = uuid4().hex[:8]
        self._source = source
        self._clock = clock
        self._begun: set[str] = set()
        self._late: dict[str, StateEdit] = {}

    def is_mine_to_run(self, key: str, record: CommandRecord) -> bool:
        """Whether this process claimed the command but never started it, because the reply to the write was
        lost.
        """
        return record.is_running and record.instance == self.instance and key not in self._begun

    def record(
        self, work: Work, command: Command, argument: str | None, source: str | None = None
    ) -> CommandRecord:
        """Return the claim on a command. ``source``: its origin, if not the usual one."""
        return CommandRecord(
            command=command.words(argument),
            source=source or self._source,
            by=node_name(work.swarm.observe()),
            instance=self.instance,
            started=self._clock(),
        )

    def run(
        self, work: Work, key: str, command: Command, argument: str | None, source: str | None = None
    ) -> CommandRecord:
        """Run a command. Returns its record, which is then also in the saved state.

        The record is still running if a part of the command was handed over to another instance.

        Raises AlreadyClaimed if another process has claimed the command, Stopped if it was not started or
        was interrupted because this process is shutting down, and the errors of the engine. After the
        latter, call ``write_late_results`` as soon as the engine responds.
        """
        claim = self.record(work, command, argument, source)
        given = command.variables(argument, work.swarm.own_node_id() if command.leaves_its_host else "")
        work.swarm.save([ClaimCommand(key, claim)])
        log.info("command started", summary=claim.command)
        try:
            self._begun.add(key)
            outcome = self._carry_out(work, command, given)
        except Stopped:
            work.swarm.save([ForgetCommands(frozenset({key}))])
            raise
        result = self._offer(work, key, claim, outcome) if outcome.left else None
        if result is None:
            result = self._finish(key, claim, outcome)
        self.write_late_results(work)
        if result.status == INTERRUPTED:
            raise Stopped(f"command {result.command}: {result.message}")
        return result

    def _carry_out(self, work: Work, command: Command, variables: Mapping[str, Any]) -> Outcome:
        if not command.accepts_removals:
            return carry_out(lambda: runner_for(work, command), command, variables)
        work.acceptances.add(self.instance)
        status, message = accept_removals(work)
        return Outcome(status, shorten(message), remark=command.remark if status == DONE else "")

    def run_unrecorded(self, work: Work, command: Command, argument: str | None) -> CommandRecord:
        """Run a command without a record, because there is no swarm yet."""
        claim = CommandRecord(command.words(argument), self._source, "", self.instance, self._clock())
        outcome = carry_out(lambda: runner_for(work, command), command, command.variables(argument))
        return replace(claim, status=outcome.status, message=with_remark(outcome))

    def write_late_results(self, work: Work) -> None:
        """Save the results that could not be saved before."""
        if self._late:
            work.swarm.save(self._late.values())
            self._late.clear()

    def _finish(self, key: str, claim: CommandRecord, outcome: Outcome) -> CommandRecord:
        now = self._clock()
        result = replace(claim, status=outcome.status, message=with_remark(outcome), finished=now)
        self._late[key] = FinishCommand(key, self.instance, result.status, result.message, now)
        return result

    def _offer(self, work: Work, key: str, claim: CommandRecord, outcome: Outcome) -> CommandRecord:
        """Offer the reboot of this instance's host to other instances, unless there can't be any."""
        names = tuple(outcome.left.values())
        done = shorten(outcome.message, limit=MAX_DONE_CHARACTERS) if outcome.message != NOTHING else ""
        work.swarm.invalidate()
        try:
            why_nobody = no_other_instance(work.swarm.observe().snapshot, outcome.left)
        except OrcastraError:
            why_nobody = None  # it is offered as soon as the engine responds
        if why_nobody is not None:
            message = joined(
                done, f"{', '.join(names)} was not rebooted because Orcastra runs on it, and {why_nobody}"
            )
            return self._finish(key, claim, Outcome(FAILED, message))
        message = joined(done, f"{', '.join(names)} is left to another instance because this one runs on it")
        handover = Handover(tuple(outcome.left), names, boot_id(), self._clock(), done)
        self._late[key] = OfferHandover(key, self.instance, handover, message)
        return replace(claim, message=message)


def carry_out(runner: Callable[[], RunPlaybook], command: Command, variables: Mapping[str, Any]) -> Outcome:
    """Run the command's playbook. Raises Stopped."""
    try:
        result = runner()(command.playbook, variables)
    except Stopped:
        raise
    except OrcastraError as error:
        return Outcome(FAILED, shorten(str(error)))
    except Exception as error:  # noqa: BLE001 - the command must get a result in any case
        return Outcome(FAILED, shorten(f"unexpected {type(error).__name__}: {error}"))
    if result.status == "canceled":
        return Outcome(INTERRUPTED, STOPPED_MESSAGE)
    rebooted = tuple(result.stats.get(REBOOTED) or ())
    if not result.ok:
        return Outcome(FAILED, shorten(joined(_rebooting(rebooted), failure_text(result))), rebooted)
    left = result.stats.get(LEFT_NODES) or {}
    remark = command.remark if result.changed else ""
    return Outcome(DONE, shorten(_words(result, rebooted)), rebooted, left, remark)


def runner_for(work: Work, command: Command) -> RunPlaybook:
    """Return the function that runs the command's playbook.

    Raises JobError if it needs an inventory without one.
    """
    if not command.on_hosts:
        return work.run_playbook
    if work.run_on_hosts is None:
        raise JobError(
            f"{command.name} works over SSH: expected an inventory in ORCASTRA_INVENTORY, found none"
        )
    return work.run_on_hosts


def with_remark(outcome: Outcome) -> str:
    """Return the message with the remark, which is never truncated."""
    return joined(outcome.message, outcome.remark)


def shorten(text: str, limit: int = MAX_MESSAGE_CHARACTERS) -> str:
    """Return the text on one line, truncated for the saved state."""
    line = " ".join(text.split())
    return f"{line[: limit - 1]}…" if len(line) > limit else line


NOTHING = "nothing to do"


def failure_text(result: PlaybookResult) -> str:
    """Return the errors of a playbook, without the names of tasks."""
    errors = [task.message for task in result.tasks if not task.ok and task.message]
    # a rescue block repeats the message and adds to it
    last = [
        text for number, text in enumerate(errors) if not any(text in later for later in errors[number + 1 :])
    ]
    return "; ".join(last) if last and result.status == "failed" else result.problem


def _words(result: PlaybookResult, rebooted: tuple[str, ...]) -> str:
    """Return the changes that the playbook made, and its warnings and notes."""
    # the fact that a node was rebooted is more useful than the single steps of that
    steps = [str(step.get("summary")) for task in result.tasks for step in task.plan]
    done = [_rebooting(rebooted)] if rebooted else steps
    left = [note for task in result.tasks for note in (*task.warnings, *task.notes)]
    text = "; ".join(done) or NOTHING
    return f"{text} ({'; '.join(dict.fromkeys(map(str, left)))})" if left else text


def _rebooting(names: tuple[str, ...]) -> str:
    """Return the rebooted hosts as text; empty if there are none."""
    return f"rebooted {', '.join(names)}" if names else ""
