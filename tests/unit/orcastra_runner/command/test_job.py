# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job of the command file: at most once, results, what is remembered and what is forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import commands_data
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    CommandRecord,
    StateEdit,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import COMMANDS_LABEL
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
    """A command file, and a job that looks at it on a swarm in memory."""

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
        """Another process takes over."""
        self.file = CommandFile(self.path)
        self.file.refresh(at_once=True)
        self.job = CommandJob(60, self.file, self.clock)

    def write(self, *entries: Any) -> None:
        self.path.write_text(yaml.safe_dump(list(entries)))

    def run(self) -> bool | str:
        """What the job says of one cycle."""
        self.file.refresh(at_once=True)
        self.work.swarm.invalidate()
        try:
            return self.job.run(self.work)
        except AlreadyReported:
            return "told"

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


def test_no_file_is_nothing_to_do(bench: Bench) -> None:
    assert bench.run() is False
    assert (bench.ran, bench.writes) == ([], 0)
    assert list(bench.path.parent.iterdir()) == []


def test_an_entry_is_claimed_run_and_entered_and_never_run_again(bench: Bench, logged: Log) -> None:
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
    assert logged.sentences == [
        "info command started: restart_service shop_db",
        "info command finished: restart_service shop_db",
    ]
    assert "restart shop_db" in [entry.get("result") for entry in logged.entries]


def test_a_quiet_cycle_looks_only(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.run()
    looks, before = bench.fake.looks, bench.path.with_suffix(".results.yml").stat().st_mtime_ns
    bench.run()
    assert bench.fake.looks == looks + 1
    assert bench.path.with_suffix(".results.yml").stat().st_mtime_ns == before


def test_equal_entries_are_so_many_commands(bench: Bench) -> None:
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


def test_an_entry_is_forgotten_with_the_file_but_an_id_is_not(bench: Bench) -> None:
    bench.write("relabel_all", {"command": "relabel_all", "id": "x"})
    bench.run()
    bench.write()
    bench.run()
    assert list(bench.fake.state.commands) == ["id:x"]
    bench.write("relabel_all", {"command": "relabel_all", "id": "x"})
    bench.run()
    assert len(bench.ran) == 3


def test_a_file_that_cannot_be_read_makes_nothing_forgotten(bench: Bench, logged: Log) -> None:
    bench.write("relabel_all")
    bench.run()
    bench.path.write_text("- [")
    assert bench.run() == "told"
    assert bench.run() is False
    bench.write("relabel_all")
    bench.run()
    assert len(bench.ran) == 1
    errors = [line for line in logged.sentences if line.startswith("error")]
    assert len(errors) == 1
    assert "expected valid YAML" in errors[0]


def test_another_nodes_file_is_not_ours_to_judge(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.run()
    bench.path.write_text("[]")
    bench.fake.local = "bravo"
    bench.restart()
    bench.run()
    assert len(bench.fake.state.commands) == 1
    # it had the entry itself once: the file is shared
    bench.write("relabel_all")
    bench.run()
    bench.write()
    bench.run()
    assert not bench.fake.state.commands


def test_what_a_lost_node_has_run_is_forgotten(bench: Bench) -> None:
    bench.write()
    bench.fake.state = replace(bench.fake.state, commands={"abc#1": record(by="gone", status="done")})
    bench.run()
    assert not bench.fake.state.commands


def test_the_newest_ids_are_kept_and_those_in_the_file(bench: Bench) -> None:
    old = {f"id:{n:03}": record(started=float(n), status="done", finished=1.0) for n in range(KEPT + 20)}
    bench.fake.state = replace(bench.fake.state, commands=old)
    bench.write({"command": "relabel_all", "id": "000"})
    bench.run()
    assert bench.ran == []
    assert set(old) - set(bench.fake.state.commands) == {f"id:{n:03}" for n in range(1, 20)}


def test_a_claim_without_a_result_is_interrupted(bench: Bench, logged: Log) -> None:
    bench.write({"command": "relabel_all", "id": "x"})
    bench.fake.state = replace(bench.fake.state, commands={"id:x": record(command="relabel_all")})
    bench.run()
    assert (bench.ran, bench.statuses()) == ([], ["interrupted"])
    assert logged.sentences == ["warning command interrupted: relabel_all"]


def test_a_command_of_the_shell_gets_its_time(bench: Bench) -> None:
    claim = record(source="shell", started=bench.clock.now)
    bench.fake.state = replace(bench.fake.state, commands={"shell:1": claim})
    bench.write()
    bench.run()
    assert bench.fake.state.commands["shell:1"].is_running
    bench.clock.now += SHELL_SECONDS + 1
    bench.run()
    assert bench.fake.state.commands["shell:1"].status == "interrupted"


def test_a_claim_that_may_have_been_written_is_still_ours(bench: Bench) -> None:
    bench.write("relabel_all")
    # the connection is lost before and after the second try, which has reached the engine
    bench.errors = [EngineUnreachable("lost"), EngineUnreachable("lost")]
    with pytest.raises(EngineUnreachable):
        bench.run()
    (entry,) = bench.file.content.entries if bench.file.content else ()
    claim = record(command="relabel_all", instance=bench.job._runner.instance)
    bench.fake.state = replace(bench.fake.state, commands={entry.key: claim})
    assert bench.run() is True
    assert (len(bench.ran), bench.statuses()) == (1, ["done"])


def test_a_result_that_cannot_be_written_is_written_later(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.errors = [None, EngineUnreachable("lost"), EngineUnreachable("lost")]
    with pytest.raises(EngineUnreachable):
        bench.run()
    assert bench.run() is False
    assert (len(bench.ran), bench.statuses()) == (1, ["done"])


def test_whoever_is_second_does_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
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
    assert "info command already claimed: relabel_all" in logged.sentences


def test_failures_are_results_and_the_next_one_is_run(bench: Bench, logged: Log) -> None:
    failed = TaskResult("t", "localhost", ok=False, changed=False, message="there is no service x")
    bench.fake.results = [
        PlaybookResult(RESTART, "failed", 1.0, tasks=(failed,)),
        PlaybookError("no room on the disk"),
        RuntimeError("a mistake"),
        PlaybookResult(RESTART, "timeout", 900.0),
    ]
    restarts = [f"restart_service:{name}" for name in "abcd"]
    bench.write(*restarts, "relabel_all")
    assert bench.run() == "told"
    assert bench.statuses() == ["failed"] * 4 + ["done"]
    messages = [result["message"] for result in bench.results()]
    assert messages[:4] == [
        "there is no service x",
        "no room on the disk",
        "unexpected RuntimeError: a mistake",
        f"playbook {RESTART} took longer than 900 s and was ended",
    ]
    assert bench.run() is False
    assert len(bench.ran) == 5
    failures = {
        entry["summary"]: entry["error"] for entry in logged.entries if entry["event"] == "command failed"
    }
    assert failures["restart_service b"] == "no room on the disk"
    assert logged.sentences.count("error command failed: restart_service b") == 1


def test_a_stop_before_the_playbook_leaves_it_to_be_run(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.fake.results = [Stopped("asked to stop")]
    with pytest.raises(Stopped):
        bench.run()
    assert not bench.fake.state.commands
    bench.restart()
    assert bench.run() is True


def test_a_stop_in_the_middle_is_an_interruption(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.fake.results = [PlaybookResult("p", "canceled", 1.0)]
    with pytest.raises(Stopped, match="interrupted because Orcastra was asked to stop"):
        bench.run()
    bench.restart()
    assert bench.run() is False
    assert (len(bench.ran), bench.statuses()) == (1, ["interrupted"])


def test_expired_entries_are_told_once_and_not_run(bench: Bench, logged: Log) -> None:
    bench.write(
        {"command": "relabel_all", "expires": "1970-01-01"},
        {"command": "relabel_all", "expires": "2100-01-01"},
    )
    for _ in range(3):
        bench.run()
    assert bench.statuses() == ["expired", "done"]
    assert len(bench.ran) == 1
    said = "warning command skipped: relabel_all: not run: it expired at 1970-01-01T00:00:00Z"
    assert logged.sentences.count(said) == 1


def test_a_dry_run_writes_nothing(bench: Bench, logged: Log) -> None:
    bench.work.dry_run = True
    bench.fake.results = [done("p", "set x on node alpha", notes=("bravo is down",))]
    bench.write("relabel_all")
    assert bench.run() is True
    assert bench.run() is True
    assert (bench.ran, bench.checked, bench.writes) == ([], ["orcastra.swarm.label_sync"], 0)
    assert [path.name for path in bench.path.parent.iterdir()] == ["c.yml"]
    assert logged.sentences == [
        "info command planned: relabel_all (line 1)",
        "info planned: set x on node alpha",
        "info bravo is down",
    ]


def test_with_a_damaged_state_nothing_is_run_that_may_have_been(bench: Bench) -> None:
    bench.write("relabel_all")
    bench.fake.damage = (Reason("state_damaged", label=COMMANDS_LABEL, problem="no JSON"),)
    bench.run()
    bench.fake.damage = ()
    bench.run()
    assert (bench.ran, bench.statuses()) == ([], ["interrupted"])
    bench.write("relabel_all", "restart_service:shop_db")
    bench.run()
    assert bench.statuses() == ["interrupted", "done"]


def test_results_that_cannot_be_written_are_no_failure(bench: Bench, logged: Log) -> None:
    bench.path.with_suffix(".results.yml").mkdir()
    bench.write("relabel_all")
    assert bench.run() is True
    bench.run()
    said = [entry for entry in logged.entries if entry["event"] == "command results not written"]
    assert [entry["level"] for entry in said] == ["debug"]
    assert sorted(path.name for path in bench.path.parent.iterdir()) == ["c.results.yml", "c.yml"]


def test_the_status_in_words_and_as_data(bench: Bench) -> None:
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
