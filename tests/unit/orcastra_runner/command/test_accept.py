# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``accept_removals``: it applies at once, to configuration that is missing at that moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import Outcome, StepResult
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    CommandRecord,
    State,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import LabelNode, Plan
from orcastra_runner.command.accept import Acceptances
from orcastra_runner.command.run import CommandRunner
from orcastra_runner.command.table import ACCEPT_REMOVALS, COMMANDS
from orcastra_runner.configuration import Configuration
from orcastra_runner.settings import Settings
from tests.unit.orcastra_runner.conftest import Clock
from tests.unit.orcastra_runner.fakes import three_nodes, work_on

COMMAND = COMMANDS[ACCEPT_REMOVALS]


class Bench:
    """A configuration with a missing part, and a swarm that still has its objects."""

    def __init__(
        self, settings: Settings, folder: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.fake = three_nodes()
        self.fake.label("alpha", ssd="true", mine="x")
        self.fake.state = State(owned_labels={"id-alpha": frozenset({"ssd"})})
        self.file = folder / "swarm.yml"
        self.settings = replace(settings, config_dir=folder)
        self.clock = clock
        self.start()
        self.failure: str | None = None
        monkeypatch.setattr(
            "orcastra_runner.swarm.Swarm.carry_out", lambda _swarm, plan: self.carry_out(plan)
        )
        monkeypatch.setattr("orcastra_runner.swarm.Swarm.save", lambda _swarm, edits: self.remember(edits))
        self.work = work_on(self.fake, self.configuration.desired, monkeypatch)
        self.work.accept_removals = self.accept

    def start(self) -> None:
        self.configuration = Configuration(self.settings, self.clock)

    def accept(self) -> tuple[str, ...]:
        kept = self.configuration.accept_removals()
        self.work.desired = self.configuration.desired
        return kept

    def remember(self, edits: Any) -> None:
        self.fake.state = apply_edits(self.fake.state, edits)

    def carry_out(self, plan: Plan) -> Outcome:
        for step in plan.steps:
            if isinstance(step, LabelNode) and self.failure is None:
                self.fake.label(step.hostname, **step.changed(step.labels))
                self.fake.state = apply_edits(self.fake.state, step.commit_edits)
        changed = self.failure is None
        return Outcome(tuple(StepResult(step, changed=changed, error=self.failure) for step in plan.steps))

    def run(self) -> CommandRecord:
        self.work.swarm.invalidate()
        return CommandRunner("shell").run(self.work, "shell:1", COMMAND, None)


@pytest.fixture
def bench(settings: Settings, config_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(settings, config_dir, clock, monkeypatch)


@pytest.mark.parametrize("text", ["", "# nothing\n", "leader: alpha\n", "dependencies: {}\n"])
def test_accept_removals_drops_configuration_that_disappeared_since_the_start(
    bench: Bench, text: str
) -> None:
    bench.file.write_text(text)
    for _second in range(3):
        bench.clock.now += 1
        bench.configuration.reload()
    assert bench.configuration.kept
    result = bench.run()
    assert (result.status, bench.fake.labels_of("alpha")) == ("done", {"mine": "x"})
    assert "ssd" in result.message
    assert bench.fake.state.owned_labels == {}


def test_accept_removals_drops_configuration_that_was_missing_at_the_start(bench: Bench) -> None:
    bench.file.write_text("leader: alpha\n")
    bench.start()
    bench.work.desired = bench.configuration.desired
    assert bench.fake.labels_of("alpha") == {"ssd": "true", "mine": "x"}
    assert bench.run().status == "done"
    assert bench.fake.labels_of("alpha") == {"mine": "x"}


def test_accept_removals_keeps_configured_objects(bench: Bench) -> None:
    assert bench.run().status == "done"
    assert bench.fake.labels_of("alpha") == {"ssd": "true", "mine": "x"}


def test_accept_removals_fails_for_an_invalid_configuration(bench: Bench) -> None:
    bench.file.write_text("nodes: 3\n")
    with pytest.raises(ConfigError):
        bench.configuration.accept_removals()
    result = bench.run()
    assert result.status == "failed"
    assert bench.fake.labels_of("alpha") == {"ssd": "true", "mine": "x"}


def test_accept_removals_reports_a_failed_step(bench: Bench) -> None:
    bench.file.write_text("leader: alpha\n")
    bench.start()
    bench.work.desired = bench.configuration.desired
    bench.failure = "the engine says no"
    result = bench.run()
    assert result.status == "failed"
    assert "the engine says no" in result.message


def commands(**status: str) -> Mapping[str, CommandRecord]:
    return {
        key: CommandRecord(command, "shell", "alpha", f"instance of {key}", 1000.0)
        for key, command in status.items()
    }


def test_acceptances_counts_only_new_ones() -> None:
    acceptances = Acceptances()
    own = {"instance of own"}
    old = commands(a=ACCEPT_REMOVALS, b="relabel_all")
    assert not acceptances.is_new(State(commands=old), own)
    assert not acceptances.is_new(State(commands={**old, **commands(c="relabel_all")}), own)
    assert not acceptances.is_new(State(commands={**old, **commands(own=ACCEPT_REMOVALS)}), own)
    new = {**old, **commands(d=ACCEPT_REMOVALS)}
    assert acceptances.is_new(State(commands=new), own)
    assert not acceptances.is_new(State(commands=new), own)
    # the same entry again
    again = {**new, "d": replace(new["d"], started=2000.0)}
    assert acceptances.is_new(State(commands=again), own)


def test_accept_removals_needs_no_playbook(bench: Bench) -> None:
    def refuse(_name: str, _variables: Mapping[str, Any] = {}, /) -> Any:
        raise OrcastraError("no playbook is needed")

    bench.work.run_playbook = refuse
    assert bench.run().status == "done"
