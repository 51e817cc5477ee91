# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dry run of a command: the plans of its playbook's modules, in check mode."""

from __future__ import annotations

from typing import Any

import pytest

from orcastra_runner.command.rehearsal import Rehearsal, rehearse
from orcastra_runner.command.table import COMMANDS
from orcastra_runner.execute import PlaybookError, PlaybookResult, TaskResult
from orcastra_runner.jobs import Stopped
from tests.support.builders import desired
from tests.unit.orcastra_runner.fakes import three_nodes, work_on

ARGUMENTS = {None: None, "service": "web", "node": "alpha"}


def step(what: str, target: str = "") -> dict[str, Any]:
    return {"action": "x", "target": target, "summary": what, "why": ["because"], "why_not": []}


def task(name: str, *plan: dict[str, Any], host: str = "alpha", **fields: Any) -> TaskResult:
    return TaskResult(name, host, ok=fields.pop("ok", True), changed=bool(plan), plan=plan, **fields)


def rehearsed(
    monkeypatch: pytest.MonkeyPatch, name: str, *tasks: TaskResult, status: str = "successful", **stats: Any
) -> Rehearsal:
    """Return the rehearsal of a command whose playbook has this result."""
    work = work_on(three_nodes(), desired(), monkeypatch)
    asked: list[tuple[str, dict[str, Any], bool]] = []

    def run(playbook: str, variables: Any = (), /, *, check: bool = False) -> PlaybookResult:
        asked.append((playbook, dict(variables), check))
        return PlaybookResult(playbook, status, 1.0, tasks=tasks, stats=stats)

    work.run_playbook = work.run_on_hosts = run
    command = COMMANDS[name]
    argument = ARGUMENTS[command.argument]
    try:
        return rehearse(work, command, argument)
    finally:
        own = "id-alpha" if command.leaves_its_host else ""
        assert asked == [(command.playbook, command.variables(argument, own), True)]


@pytest.mark.parametrize("name", [name for name in COMMANDS if COMMANDS[name].playbook])
def test_rehearsal_lists_the_plan_of_each_command(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    found = rehearsed(monkeypatch, name, task("a", step("do this")), task("b", step("do that")))
    assert [one["summary"] for one in found.steps] == ["do this", "do that"]
    lines = found.lines(name)
    assert lines[0].startswith(f"{name}: 2 steps")
    assert lines[1:3] == ["  1. do this", "       reason: because"]


def test_rehearsal_shows_warnings_and_notes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = {"warnings": ("w",), "notes": ("n",)}
    found = rehearsed(monkeypatch, "relabel_all", task("a", **messages), task("b", **messages))
    assert (found.warnings, found.notes) == (("w",), ("n",))
    assert found.lines("relabel_all")[1:-1] == ["warning: w", "note: n"]


def test_rehearsal_names_tasks_without_a_plan_with_their_host(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = TaskResult("orcastra.swarm.bootstrap : Install packages", "bravo", ok=True, changed=True)
    found = rehearsed(monkeypatch, "bootstrap_swarm", packages, task("a", step("join")))
    assert [one["summary"] for one in found.steps] == ["install packages, on bravo", "join"]


def test_rehearsal_lists_a_reboot_after_the_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rehearsed(
        monkeypatch,
        "rolling_reboot",
        task("a", step("drain alpha", "node alpha")),
        TaskResult("Reboot the host", "charlie", ok=True, changed=True),
        task("a", step("drain bravo", "node bravo")),
        orcastra_would_reboot=["alpha", "bravo", "delta"],
        orcastra_reboot_left={"id-charlie": "charlie"},
    )
    assert [" ".join(one["summary"].split()[:2]) for one in found.steps] == [
        "drain alpha", "reboot alpha", "drain bravo", "reboot bravo", "reboot delta",
    ]  # fmt: skip
    assert [note.split()[0] for note in found.notes] == ["charlie"]


def test_rehearsal_reports_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = task("a", ok=False, message="there is no service nope")
    found = rehearsed(monkeypatch, "restart_service", missing, status="failed")
    assert found.lines("restart_service nope")[0] == (
        "restart_service nope: would fail: there is no service nope"
    )


def test_rehearsal_reports_a_playbook_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    work = work_on(three_nodes(), desired(), monkeypatch)

    def run(*_arguments: Any, **_options: Any) -> PlaybookResult:
        raise PlaybookError("no Ansible here")

    work.run_playbook = run
    assert rehearse(work, COMMANDS["relabel_all"], None).problem == "no Ansible here"
    # without an inventory
    assert "ORCASTRA_INVENTORY" in str(rehearse(work, COMMANDS["rolling_reboot"], None).problem)


def test_rehearsal_that_is_canceled_raises_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Stopped):
        rehearsed(monkeypatch, "relabel_all", status="canceled")
