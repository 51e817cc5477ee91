# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job that runs the commands of the command file and of HTTP requests, each at most once.

An entry is identified by its ``id``, or by its content and its number among identical entries. Commands that
were run are recorded in the saved state, so neither a restart nor a new leader repeats them. The command
file is never written.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    FAILED,
    INTERRUPTED,
    AlreadyClaimed,
    ClaimCommand,
    CommandRecord,
    FinishCommand,
    ForgetCommands,
    StateEdit,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import COMMANDS_LABEL
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from orcastra_runner.command.file import CommandFile, Content
from orcastra_runner.command.handover import CHECK_SECONDS, HandoverWatch
from orcastra_runner.command.rehearsal import rehearse
from orcastra_runner.command.requests import CommandRequests
from orcastra_runner.command.results import EXPIRED, MALFORMED, entry_data, file_data, write_results
from orcastra_runner.command.run import CommandRunner
from orcastra_runner.dedup import OnceFilter
from orcastra_runner.jobs import AlreadyReported, Work, played_fields
from orcastra_runner.log import get_logger
from orcastra_runner.swarm import node_name

# Number of recorded commands that are not in the file: those with an ID, and those from the shell.
KEPT = 100

# A command from the shell runs in its own process, which counts as dead after this time.
SHELL_SECONDS = 3600.0

INTERRUPTED_MESSAGE = "interrupted at an unknown point; not repeated"
LOST_MESSAGE = "not run: the damaged saved state no longer shows whether it was run; request it again"

log = get_logger()


class CommandJob:
    """Runs the entries of the command file that have not been run."""

    name = "commands"
    starts_late = False

    def __init__(
        self,
        interval: float,
        file: CommandFile,
        clock: Callable[[], float] = time.time,
        requests: CommandRequests | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``requests`` are run after the entries of the file.

        ``clock`` returns seconds since the epoch, ``monotonic`` monotonic seconds.
        """
        self._requests = requests or CommandRequests()
        self.interval = interval
        self._file = file
        self._clock = clock
        self.requeue_after: float | None = None
        self._runner = CommandRunner("file", clock)
        self._handovers = HandoverWatch(clock, monotonic)
        self._once = OnceFilter()

    def run(self, work: Work) -> bool:
        self.requeue_after = None
        content = self._file.content
        if content is None:
            return False  # the file is still changing
        complaints = self._once.fresh("problems", [str(problem) for problem in content.problems])
        for complaint in complaints:
            log.error("command file rejected", summary=complaint)
        if work.dry_run:
            return self._log_pending_commands(work, content)
        self._runner.write_late_results(work)
        self._update_records(work, content)
        failed = self._update_handovers(work)
        ran = False
        # one at a time: the next command might reboot the instance that works on the handover
        if self.requeue_after is None:
            failed_now, ran = self._run_entries(work, content)
            failed = failed or failed_now
        self._write_results(work, content)
        if failed or complaints:
            raise AlreadyReported("a command or an entry of the command file failed")
        return ran

    def _run_entries(self, work: Work, content: Content) -> tuple[bool, bool]:
        """Run the new entries. Returns whether any of them failed, and whether there were any."""
        failed = ran = False
        asked = [(entry, "file") for entry in content.entries]
        asked += [(entry, "http") for entry in self._requests.waiting()]
        for entry, source in asked:
            seen = work.swarm.observe()
            record = seen.state.commands.get(entry.key)
            if record is not None and not self._runner.is_mine_to_run(entry.key, record):
                self._requests.settled(entry)
                continue
            if record is None and entry.has_expired(self._clock()):
                if source == "http":
                    log.warning("command expired", summary=entry.words)
                self._requests.settled(entry)
                continue
            ran = True
            try:
                result = self._runner.run(work, entry.key, entry.command, entry.argument, source)
            except AlreadyClaimed as error:
                log.info("command already claimed", summary=entry.words, reason=str(error))
                work.swarm.invalidate()
                self._requests.settled(entry)
                continue
            self._requests.settled(entry)
            if result.is_running:
                log.info("command handed over", summary=result.command, result=result.message)
                self.requeue_after = CHECK_SECONDS
                break
            work.status.commanded(result)
            if result.status == FAILED:
                failed = True
                log.error("command failed", summary=result.command, error=result.message)
            else:
                log.info("command finished", summary=result.command, result=result.message)
        return failed, ran

    def _update_handovers(self, work: Work) -> bool:
        """End handovers that timed out. Returns whether one failed."""
        upkeep = self._handovers.check(work.swarm.observe())
        if upkeep.edits:
            work.swarm.save(upkeep.edits)
        after = work.swarm.observe().state.commands
        for key, result in upkeep.results.items():
            record = after.get(key)
            # the other instance may have saved its own result in the meantime
            if record is not None and record.message == result.message:
                work.status.commanded(record)
                log.error(
                    "command failed", summary=record.command, status=record.status, error=record.message
                )
        if upkeep.waits:
            self.requeue_after = CHECK_SECONDS
        return bool(upkeep.results)

    def _update_records(self, work: Work, content: Content) -> None:
        """Record interrupted commands, and delete records that are no longer needed."""
        seen = work.swarm.observe()
        now = self._clock()
        edits: list[StateEdit] = []
        if any(COMMANDS_LABEL in damage for damage in seen.damage):
            for entry in content.entries:
                claim = self._runner.record(work, entry.command, entry.argument)
                edits.append(ClaimCommand(entry.key, claim))
                edits.append(FinishCommand(entry.key, claim.instance, INTERRUPTED, LOST_MESSAGE, now))
                log.warning("command interrupted", summary=entry.words, reason=LOST_MESSAGE)
        for key, record in seen.state.commands.items():
            if key in seen.state.handovers:
                continue
            if record.is_running and self._is_interrupted(key, record, now):
                edits.append(FinishCommand(key, record.instance, INTERRUPTED, INTERRUPTED_MESSAGE, now))
                log.warning("command interrupted", summary=record.command, reason=INTERRUPTED_MESSAGE)
        forgotten = self._forgotten(seen, content)
        if forgotten:
            edits.append(ForgetCommands(forgotten))
        if edits:
            work.swarm.save(edits)

    def _is_interrupted(self, key: str, record: CommandRecord, now: float) -> bool:
        """Whether the process that ran the command can no longer deliver a result.

        Only the active instance runs the commands of the file, and that is this one. A process that was only
        slow overwrites this with its own result.
        """
        if self._runner.is_mine_to_run(key, record):
            return False
        return record.source != "shell" or now - record.started > SHELL_SECONDS

    def _forgotten(self, seen: Observation, content: Content) -> frozenset[str]:
        """Return the keys of the records that are no longer needed.

        The record of an entry without an ID is deleted when the entry disappears from the file that it was
        run from: either from this instance's file, or because that node has left the swarm. Files of other
        nodes may differ.
        """
        if not content.is_known:
            return frozenset()
        in_file = {entry.key for entry in content.entries}
        others = {
            key: record
            for key, record in seen.state.commands.items()
            if key not in in_file and not record.is_running
        }
        unnamed = {key for key in others if not key.startswith(("id:", "shell:"))}
        here = node_name(seen)
        hostnames = seen.snapshot.nodes_by_hostname
        gone = {
            key
            for key in unnamed
            if key in self._file.known or others[key].by == here or others[key].by not in hostnames
        }
        named = sorted(others.keys() - unnamed, key=lambda key: (others[key].started, key))
        return frozenset(gone | set(named[:-KEPT]))

    def _write_results(self, work: Work, content: Content) -> None:
        seen = work.swarm.observe()
        now = self._clock()
        results = file_data(content, seen.state, now)
        skipped = [
            result
            for result in (entry_data(entry, seen.state, now) for entry in content.entries)
            if result["status"] in (EXPIRED, MALFORMED)
        ]
        for text in self._once.fresh("left", [f"{item['command']}: {item['message']}" for item in skipped]):
            log.warning("command skipped", summary=text)
        if not results and not self._file.known:
            return
        try:
            write_results(self._file.path, results)
        except OSError as error:
            for text in self._once.fresh("results", [str(error)]):
                log.debug("command results not written", file=str(self._file.path), error=text)

    def _log_pending_commands(self, work: Work, content: Content) -> bool:
        commands = work.swarm.observe().state.commands
        now = self._clock()
        todo = [
            entry for entry in content.entries if entry.key not in commands and not entry.has_expired(now)
        ]
        known = {f"{entry.words} (line {entry.line})": entry for entry in todo}
        for text in self._once.fresh("would", known):
            log.info("command planned", summary=text)
            found = rehearse(work, known[text].command, known[text].argument)
            for step in found.steps:
                log.info("planned", **played_fields(step))
            for warning in found.warnings:
                log.warning("plan warning", message=warning)
            for note in found.notes:
                log.info("plan note", message=note)
            if found.problem is not None:
                log.warning("command would fail", summary=found.problem)
        return bool(todo)
