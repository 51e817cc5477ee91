# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of the command file: at most once, results, and records that are kept or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import commands_data
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    CommandRecord,
    StateEdit,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineUnreachable
from orcastra_runner import swarm as swarm_module
from orcastra_runner.command.file import CommandFile
from orcastra_runner.command.job import KEPT, SHELL_SECONDS, CommandJob
from orcastra_runner.command.results import status_lines
from orcastra_runner.execute import PlaybookError, PlaybookResult, TaskResult
from orcastra_runner.jobs import AlreadyReported, Stopped
from tests.support.builders import desired
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.fakes import FakeSwarm, three_nodes, work_on

RESTART = "orcastra.swarm.service_restart"


class Bench:
    """A command file, and its job on a swarm in memory."""

    def __init__(self, fake: FakeSwarm, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fake, self.path, self.clock = fake, path, clock
        self.writes = 0
        self.errors: list[Exception | None] = []
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.checked: list[str] = []
        self.work = work_on(fake, desired(), monkeypatch)
        self.work.run_playbook = self._run_playbook
        bench = self

        class Store:
            def __init__(self, _engine: object) -> None: ...

            def update(self, edits: Iterable[StateEdit]) -> None:
                error = bench.errors.pop(0) if bench.errors else None
                if error is not None:
                    raise error
                fake.state = apply_edits(fake.state, edits)
                bench.writes += 1

        monkeypatch.setattr(swarm_module, "StateStore", Store)
        self.restart()

    def restart(self) -> None:
        """Simulate another process."""
        self.file = CommandFile(self.path)
        self.file.refresh(at_once=True)
        self.job = CommandJob(60, self.file, self.clock)

    def write(self, *entries: Any) -> None:
        self.path.write_text(yaml.safe_dump(list(entries)))

    def run(self) -> bool | str:
        """Run one cycle. Returns the result of the job."""
        self.file.refresh(at_once=True)
        self.work.swarm.invalidate()
        try:
            return self.job.run(self.work)
        except AlreadyReported:
            return "reported"

    def results(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = yaml.safe_load(self.path.with_suffix(".results.yml").read_text())
        return found

    def statuses(self) -> list[str]:
        return [result["status"] for result in self.results()]

    def _run_playbook(
        self, name: str, variables: Mapping[str, Any] = {}, /, *, check: bool = False
    ) -> PlaybookResult:
        if check:
            self.checked.append(name)
        else:
            self.ran.append((name, dict(variables)))
        result = self.fake.results.pop(0) if self.fake.results else done(name, "restart shop_db")
        if isinstance(result, Exception):
            raise result
        return result


def done(name: str, *whats: str, notes: tuple[str, ...] = ()) -> PlaybookResult:
    plan = tuple({"summary": what} for what in whats)
    task = TaskResult("t", "localhost", ok=True, changed=bool(plan), plan=plan, notes=notes)
    return PlaybookResult(name, "successful", 1.0, tasks=(task,))


@pytest.fixture
def bench(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log) -> Bench:
    return Bench(three_nodes(), tmp_path / "c.yml", clock, monkeypatch)


def test_command_job_without_file_does_nothing(bench: Bench) -> None:
    assert bench.run() is False
    assert (bench.ran, bench.writes) == ([], 0)
    assert list(bench.path.parent.iterdir()) == []


def test_command_job_runs_an_entry_only_once(bench: Bench, logged: Log) -> None:
    bench.write("restart_service:shop_db")
    assert bench.run() is True
    assert bench.ran == [(RESTART, {"orcastra_services": ["shop_db"]})]
    assert bench.writes == 2
    (result,) = bench.results()
    assert (result["status"], result["message"], result["by"]) == ("done", "restart shop_db", "alpha")
    assert bench.run() is False
    bench.restart()
    assert bench.run() is False
    assert (len(bench.ran), bench.writes) == (1, 2)
    assert logged.events == ["command started", "command finished"]
    assert "restart shop_db" in [entry.get("result") for entry in logged.entries]


def test_command_job_observes_once_in_a_quiet_cycle(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.run()
    observations, before = bench.fake.observations, bench.path.with_suffix(".results.yml").stat().st_mtime_ns
    bench.run()
    assert bench.fake.observations == observations + 1
    assert bench.path.with_suffix(".results.yml").stat().st_mtime_ns == before


def test_command_job_counts_equal_entries(bench: Bench) -> None:
    bench.write("relabel_all", "relabel_all")
    bench.run()
    assert len(bench.ran) == 2
    bench.write("relabel_all", "relabel_all", "relabel_all")
    bench.run()
    assert len(bench.ran) == 3
    bench.write("relabel_all")
    bench.run()
    assert len(bench.fake.state.commands) == 1
    bench.write("relabel_all", "relabel_all")
    bench.run()
    assert len(bench.ran) == 4


def test_command_job_forgets_removed_entries_but_not_ids(bench: Bench) -> None:
    bench.write("relabel_all", {"command": "relabel_all", "id": "x"})
    bench.run()
    bench.write()
    bench.run()
    assert list(bench.fake.state.commands) == ["id:x"]
    bench.write("relabel_all", {"command": "relabel_all", "id": "x"})
    bench.run()
    assert len(bench.ran) == 3


def test_command_job_forgets_nothing_if_the_file_is_unreadable(bench: Bench, logged: Log) -> None:
    bench.write("relabel_all")
    bench.run()
    bench.path.write_text("- [")
    assert bench.run() == "reported"
    assert bench.run() is False
    bench.write("relabel_all")
    bench.run()
    assert len(bench.ran) == 1
    errors = [line for line in logged.sentences if line.startswith("error")]
    assert len(errors) == 1
    assert "expected valid YAML" in errors[0]


def test_command_job_keeps_records_of_other_nodes(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.run()
    bench.path.write_text("[]")
    bench.fake.local = "bravo"
    bench.restart()
    bench.run()
    assert len(bench.fake.state.commands) == 1
    # this node had the entry in its own file, so the file is shared
    bench.write("relabel_all")
    bench.run()
    bench.write()
    bench.run()
    assert not bench.fake.state.commands


def test_command_job_forgets_records_of_lost_nodes(bench: Bench) -> None:
    bench.write()
    bench.fake.state = replace(bench.fake.state, commands={"abc#1": record(by="gone", status="done")})
    bench.run()
    assert not bench.fake.state.commands


def test_command_job_keeps_newest_ids_and_those_in_the_file(bench: Bench) -> None:
    old = {f"id:{n:03}": record(started=float(n), status="done", finished=1.0) for n in range(KEPT + 20)}
    bench.fake.state = replace(bench.fake.state, commands=old)
    bench.write({"command": "relabel_all", "id": "000"})
    bench.run()
    assert bench.ran == []
    assert set(old) - set(bench.fake.state.commands) == {f"id:{n:03}" for n in range(1, 20)}


def test_command_job_interrupts_claim_without_result(bench: Bench, logged: Log) -> None:
    bench.write({"command": "relabel_all", "id": "x"})
    bench.fake.state = replace(bench.fake.state, commands={"id:x": record(command="relabel_all")})
    bench.run()
    assert (bench.ran, bench.statuses()) == ([], ["interrupted"])
    assert logged.sentences == ["warning command interrupted: relabel_all"]


def test_command_job_waits_for_commands_of_the_shell(bench: Bench) -> None:
    claim = record(source="shell", started=bench.clock.now)
    bench.fake.state = replace(bench.fake.state, commands={"shell:1": claim})
    bench.write()
    bench.run()
    assert bench.fake.state.commands["shell:1"].is_running
    bench.clock.now += SHELL_SECONDS + 1
    bench.run()
    assert bench.fake.state.commands["shell:1"].status == "interrupted"


def test_command_job_resumes_its_own_claim(bench: Bench) -> None:
    bench.write("relabel_all")
    # the connection is lost before and after the second attempt, which has reached the engine
    bench.errors = [EngineUnreachable("lost"), EngineUnreachable("lost")]
    with pytest.raises(EngineUnreachable):
        bench.run()
    (entry,) = bench.file.content.entries if bench.file.content else ()
    claim = record(command="relabel_all", instance=bench.job._runner.instance)
    bench.fake.state = replace(bench.fake.state, commands={entry.key: claim})
    assert bench.run() is True
    assert (len(bench.ran), bench.statuses()) == (1, ["done"])


def test_command_job_saves_result_later_if_the_engine_is_lost(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.errors = [None, EngineUnreachable("lost"), EngineUnreachable("lost")]
    with pytest.raises(EngineUnreachable):
        bench.run()
    assert bench.run() is False
    assert (len(bench.ran), bench.statuses()) == (1, ["done"])


def test_command_job_does_not_run_a_claimed_command(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    bench.write("relabel_all")
    bench.run()
    commands = bench.fake.state.commands
    bench.restart()
    stale = replace(bench.fake.state, commands={})
    real = bench.fake.observe

    def see_the_past(engine: Any) -> Any:
        return replace(real(engine), state=stale)

    monkeypatch.setattr(swarm_module, "observe", see_the_past)
    assert bench.run() is True
    assert len(bench.ran) == 1
    assert bench.fake.state.commands == commands
    assert "command already claimed" in logged.events


def test_command_job_continues_after_failures(bench: Bench, logged: Log) -> None:
    failed = TaskResult("t", "localhost", ok=False, changed=False, message="there is no service x")
    bench.fake.results = [
        PlaybookResult(RESTART, "failed", 1.0, tasks=(failed,)),
        PlaybookError("no room on the disk"),
        RuntimeError("a mistake"),
        PlaybookResult(RESTART, "timeout", 900.0),
    ]
    restarts = [f"restart_service:{name}" for name in "abcd"]
    bench.write(*restarts, "relabel_all")
    assert bench.run() == "reported"
    assert bench.statuses() == ["failed"] * 4 + ["done"]
    messages = [result["message"] for result in bench.results()]
    assert messages[:4] == [
        "there is no service x",
        "no room on the disk",
        "unexpected RuntimeError: a mistake",
        f"playbook {RESTART} timed out after 900 s",
    ]
    assert bench.run() is False
    assert len(bench.ran) == 5
    failures = {
        entry["summary"]: entry["error"] for entry in logged.entries if entry["event"] == "command failed"
    }
    assert failures["restart_service b"] == "no room on the disk"
    assert logged.events.count("command failed") == 4


def test_command_job_runs_command_that_was_stopped_before_its_playbook(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.fake.results = [Stopped("asked to stop")]
    with pytest.raises(Stopped):
        bench.run()
    assert not bench.fake.state.commands
    bench.restart()
    assert bench.run() is True


def test_command_job_interrupts_command_that_was_stopped_midway(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.fake.results = [PlaybookResult("p", "canceled", 1.0)]
    with pytest.raises(Stopped, match="interrupted"):
        bench.run()
    bench.restart()
    assert bench.run() is False
    assert (len(bench.ran), bench.statuses()) == (1, ["interrupted"])


def test_command_job_reports_expired_entries_once(bench: Bench, logged: Log) -> None:
    bench.write(
        {"command": "relabel_all", "expires": "1970-01-01"},
        {"command": "relabel_all", "expires": "2100-01-01"},
    )
    for _ in range(3):
        bench.run()
    assert bench.statuses() == ["expired", "done"]
    assert len(bench.ran) == 1
    skipped = [entry["summary"] for entry in logged.entries if entry["event"] == "command skipped"]
    assert [text.partition(":")[0] for text in skipped] == ["relabel_all"]


def test_command_job_changes_nothing_in_a_dry_run(bench: Bench, logged: Log) -> None:
    bench.work.dry_run = True
    bench.fake.results = [done("p", "set x on node alpha", notes=("bravo is down",))]
    bench.write("relabel_all")
    assert bench.run() is True
    assert bench.run() is True
    assert (bench.ran, bench.checked, bench.writes) == ([], ["orcastra.swarm.label_sync"], 0)
    assert [path.name for path in bench.path.parent.iterdir()] == ["c.yml"]
    assert logged.events == ["command planned", "planned", "plan note"]


def test_command_job_runs_nothing_old_after_damage_of_the_state(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.fake.damage = ("label orcastra.commands: no JSON",)
    bench.run()
    bench.fake.damage = ()
    bench.run()
    assert (bench.ran, bench.statuses()) == ([], ["interrupted"])
    bench.write("relabel_all", "restart_service:shop_db")
    bench.run()
    assert bench.statuses() == ["interrupted", "done"]


def test_command_job_ignores_unwritable_results(bench: Bench, logged: Log) -> None:
    bench.path.with_suffix(".results.yml").mkdir()
    bench.write("relabel_all")
    assert bench.run() is True
    bench.run()
    found = [entry for entry in logged.entries if entry["event"] == "command results not written"]
    assert [entry["level"] for entry in found] == ["debug"]
    assert sorted(path.name for path in bench.path.parent.iterdir()) == ["c.results.yml", "c.yml"]


def test_status_lines_and_commands_data(bench: Bench) -> None:
    bench.write({"command": "relabel_all", "id": "x"})
    bench.fake.results = [done("p", notes=("bravo is down",))]
    bench.run()
    (data,) = commands_data(bench.fake.state)
    assert (data["id"], data["source"], data["status"]) == ("x", "file", "done")
    lines = status_lines({"results": [data], "file_results": [{"status": "malformed", "message": "c:1: no"}]})
    assert lines == [
        "",
        "Commands:",
        "  relabel_all (id x): done at 1970-01-01T00:16:40Z on alpha: nothing to do (bravo is down)",
        "  malformed: c:1: no",
    ]
    assert status_lines({"results": []}) == []


def record(**fields: Any) -> CommandRecord:
    defaults = {"command": "relabel_all", "source": "file", "by": "alpha", "instance": "i", "started": 1.0}
    return CommandRecord(**{**defaults, **fields})
