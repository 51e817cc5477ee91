# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out one command, at most once: claim it in the swarm's state, run its playbook, enter the result.

Whoever dies in between leaves a claim without a result. Nobody can know how far it got, so it is reported and
never repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
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
)
from orcastra_runner.command_table import Command
from orcastra_runner.execute import PlaybookResult
from orcastra_runner.jobs import JobError, RunPlaybook, Stopped, Work
from orcastra_runner.log import get_logger
from orcastra_runner.swarm import node_name

MAX_MESSAGE_CHARACTERS = 300

log = get_logger()


class CommandRunner:
    """Carries out commands for one process. ``source`` is ``file`` or ``shell``, and who asks as a rule."""

    def __init__(self, source: str, clock: Callable[[], float] = time.time) -> None:
        self.instance = uuid4().hex[:8]
        self._source = source
        self._clock = clock
        self._begun: set[str] = set()
        self._late: dict[str, FinishCommand] = {}

    def is_mine_to_run(self, key: str, record: CommandRecord) -> bool:
        """Whether a claim is one of this process which it never began: the reply to its write was lost."""
        return record.is_running and record.instance == self.instance and key not in self._begun

    def record(
        self, work: Work, command: Command, argument: str | None, source: str | None = None
    ) -> CommandRecord:
        """Return the claim on a command. ``source``: who asks for it, where it is another than usual."""
        return CommandRecord(
            command=command.words(argument),
            source=source or self._source,
            by=node_name(work.swarm.see()),
            instance=self.instance,
            started=self._clock(),
        )

    def run(
        self, work: Work, key: str, command: Command, argument: str | None, source: str | None = None
    ) -> CommandRecord:
        """Carry out a command. Returns what became of it, which is also in the swarm's state then.

        Raises AlreadyClaimed where somebody else has claimed it, Stopped where it was not begun or was ended
        because the process is to end, and the errors of the engine. After those, ``write_late_results`` has
        to be called as soon as the engine answers.
        """
        claim = self.record(work, command, argument, source)
        work.swarm.remember([ClaimCommand(key, claim)])
        log.info("command", what=f"{claim.command} begins")
        try:
            self._begun.add(key)
            result = self._run_playbook(work, command, argument, claim)
        except Stopped:
            work.swarm.remember([ForgetCommands(frozenset({key}))])
            raise
        if result.finished is None:
            result = replace(result, finished=self._clock())
        self._late[key] = FinishCommand(
            key, self.instance, result.status, result.message, result.finished or self._clock()
        )
        self.write_late_results(work)
        if result.status == INTERRUPTED:
            raise Stopped(f"command {result.command}: {result.message}")
        return result

    def run_unrecorded(self, work: Work, command: Command, argument: str | None) -> CommandRecord:
        """Carry out a command where there is no swarm yet that could remember it."""
        claim = CommandRecord(command.words(argument), self._source, "", self.instance, self._clock())
        return self._run_playbook(work, command, argument, claim)

    def write_late_results(self, work: Work) -> None:
        """Enter the results that could not be written when they were known."""
        if self._late:
            work.swarm.remember(self._late.values())
            self._late.clear()

    def _run_playbook(
        self, work: Work, command: Command, argument: str | None, claim: CommandRecord
    ) -> CommandRecord:
        try:
            result = runner_for(work, command)(command.playbook, command.variables(argument))
        except Stopped:
            raise
        except OrcastraError as error:
            return replace(claim, status=FAILED, message=shorten(str(error)))
        except Exception as error:  # noqa: BLE001 - it must get a result, whatever it is
            message = shorten(f"unexpected {type(error).__name__}: {error}")
            return replace(claim, status=FAILED, message=message)
        if result.status == "canceled":
            message = "interrupted because Orcastra was asked to stop; it is not repeated"
            return replace(claim, status=INTERRUPTED, message=message)
        if not result.ok:
            return replace(claim, status=FAILED, message=shorten(_failure(result)))
        remark = command.remark if result.changed else ""
        return replace(claim, status=DONE, message=shorten(_words(result), remark))


def runner_for(work: Work, command: Command) -> RunPlaybook:
    """What runs the command's playbook. Raises JobError where it needs an inventory and there is none."""
    if not command.on_hosts:
        return work.run_playbook
    if work.run_on_hosts is None:
        raise JobError(
            f"{command.name} is done over SSH: expected an inventory in ORCASTRA_INVENTORY, found none"
        )
    return work.run_on_hosts


def shorten(text: str, remark: str = "") -> str:
    """The text on one line, cut to what is remembered of it; the remark behind it is never cut."""
    line = " ".join(text.split())
    if len(line) > MAX_MESSAGE_CHARACTERS:
        line = f"{line[: MAX_MESSAGE_CHARACTERS - 1]}…"
    return f"{line}; {remark}" if remark else line


def _failure(result: PlaybookResult) -> str:
    """What went wrong, without the names that mean something only to whoever reads playbooks."""
    said = [task.message for task in result.tasks if not task.ok and task.message]
    # what was rescued is told again by whoever adds what comes next
    last = [
        text for number, text in enumerate(said) if not any(text in later for later in said[number + 1 :])
    ]
    return "; ".join(last) if last and result.status == "failed" else result.problem


def _words(result: PlaybookResult) -> str:
    """What the playbook did, and what it left as it is and why."""
    done = [str(step.get("what")) for task in result.tasks for step in task.plan]
    left = [note for task in result.tasks for note in (*task.warnings, *task.notes)]
    text = "; ".join(done) or "nothing was to be done"
    return f"{text} ({'; '.join(dict.fromkeys(map(str, left)))})" if left else text
