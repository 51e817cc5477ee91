# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply import write
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import carry_out
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import (
    ResumeUpdate,
    RollBack,
    ServiceStep,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import OutOfSequence


class PausedService:
    """The engine's requests for one service with a paused update; another writer saves it after each read."""

    def __init__(self, other_writes: list[str]) -> None:
        self.version, self.state = 1, "paused"
        self.other_writes = other_writes
        self.written: list[int] = []

    def get_service(self, service_id: str) -> dict[str, Any]:
        seen = {
            "ID": service_id,
            "Version": {"Index": self.version},
            "Spec": {"Name": "web", "TaskTemplate": {}},
            "UpdateStatus": {"State": self.state},
        }
        if self.other_writes:
            self.version, self.state = self.version + 1, self.other_writes.pop(0)
        return seen

    def update_service(self, _service_id: str, version: int, _spec: dict[str, Any]) -> None:
        if version != self.version:
            raise OutOfSequence("update out of sequence")
        self.written.append(version)

    roll_back_service = update_service


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "FIRST_PAUSE_SECONDS", 0)


class NoStore:
    """A store that has nothing to save."""

    def update(self, edits: Iterable[Any]) -> bool:
        return bool(list(edits))


def run(step: type[ServiceStep], service: PausedService) -> bool:
    plan = Plan(steps=(step(service_id="1", name="web", while_updating=True, why=()),))
    outcome = carry_out(cast("Engine", service), plan, NoStore())
    assert not outcome.failures
    return outcome.changed


@pytest.mark.parametrize("step", [ResumeUpdate, RollBack])
def test_paused_update_is_changed_despite_another_writer(step: type[ServiceStep]) -> None:
    service = PausedService(["paused", "paused"])
    assert run(step, service)
    assert service.written == [3]


@pytest.mark.parametrize("step", [ResumeUpdate, RollBack])
def test_update_that_another_writer_resumed_is_not_changed(step: type[ServiceStep]) -> None:
    service = PausedService(["updating"])
    assert not run(step, service)
    assert service.written == []
