# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few of the runs of `make faults`, and proof that the invariants can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import run as faults
from tests.faults.run import KINDS, STORM, Run, play
from tests.faults.scenario import ACTIONS, Scenario

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("number", "kind"), list(enumerate((*KINDS, STORM))))
def test_swarm_converges_after_a_fault(number: int, kind: str) -> None:
    result = play(3 + number, kind, 20 + number)
    assert result.problem is None, "\n".join(result.timeline)
    assert result.injected[kind] or kind == STORM
    assert result.steps
    assert result.commands <= 1


def test_scenarios_differ() -> None:
    assert {Scenario(seed).action for seed in range(40)} == set(ACTIONS)


def run_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accident: str) -> str:
    """A run in which something else does harm; returns the violation that is found."""
    monkeypatch.setattr(faults, "FAULT_CYCLES", 3)
    run = Run(3, "none", 0, tmp_path / "command.yml")
    run.commands.write_text("[]\n")
    disturb = run.scenario.disturb

    def harm() -> None:
        disturb()
        sim = run.sim
        if accident == "copies":
            sim.place({**sim.service("files").spec.raw, "Name": "files"}, [sim.node("foxtrot")])
        elif accident == "labels":
            sim.node("echo").spec["Labels"] = {}
        elif accident == "constraints":
            run.scenario.expected[sim.service("app").id]["TaskTemplate"]["Placement"]["Constraints"] = [
                "x==y"
            ]
        else:
            run.runs["restart_service"] = 2

    monkeypatch.setattr(run.scenario, "disturb", harm)
    with run.sim:
        return run.play().problem or ""


@pytest.mark.parametrize("accident", ["copies", "labels", "constraints", "commands"])
def test_invariants_notice_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accident: str) -> None:
    assert run_with(tmp_path, monkeypatch, accident)
