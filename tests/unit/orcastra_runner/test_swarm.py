# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection for the process, one observation for each cycle."""

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineTimeout,
    EngineUnreachable,
    NotAManager,
)
from orcastra_runner.swarm import STANDBY_TIMEOUT_SECONDS, Swarm, leader_of, node_name, plan_all
from tests.support.builders import desired
from tests.unit.orcastra_runner.conftest import Log
from tests.unit.orcastra_runner.fakes import three_nodes, work_on


def test_observe_is_cached_for_a_cycle(monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
    fake = three_nodes()
    swarm = work_on(fake, desired(), monkeypatch).swarm
    assert swarm.observe() is swarm.observe()
    swarm.invalidate()
    swarm.observe()
    assert (fake.observations, len(fake.engines)) == (2, 1)
    costs = [entry for entry in logged.entries if entry["event"] == "swarm observed"]
    assert [entry["requests"] for entry in costs] == [5, 5]
    assert all(entry["ms"] >= 0 for entry in costs)


def test_observe_reconnects_a_stale_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    swarm = work_on(fake, desired(), monkeypatch).swarm
    swarm.observe()
    swarm.invalidate()
    fake.errors = [EngineUnreachable("connection reset")]
    swarm.observe()
    assert [engine.closed for engine in fake.engines] == [1, 0]


def test_observe_tries_a_new_connection_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    swarm = work_on(fake, desired(), monkeypatch).swarm
    fake.errors = [EngineUnreachable("one"), EngineUnreachable("two"), EngineUnreachable("three")]
    with pytest.raises(EngineUnreachable, match="one"):
        swarm.observe()
    with pytest.raises(EngineUnreachable, match="two"):
        swarm.observe()
    assert [engine.closed for engine in fake.engines] == [1, 1]


def test_observe_does_not_retry_other_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    swarm = work_on(fake, desired(), monkeypatch).swarm
    swarm.observe()
    swarm.invalidate()
    fake.errors = [NotAManager("a worker")]
    with pytest.raises(NotAManager):
        swarm.observe()
    assert fake.observations == 2


def test_observe_does_not_retry_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    swarm = work_on(fake, desired(), monkeypatch).swarm
    swarm.observe()
    swarm.invalidate()
    fake.errors = [EngineTimeout("late")]
    with pytest.raises(EngineTimeout):
        swarm.observe()
    assert fake.observations == 2


def test_observe_on_standby_has_a_shorter_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    swarm = work_on(fake, desired(), monkeypatch).swarm
    swarm.observe()
    swarm.invalidate()
    swarm.uses_full_timeout = False
    swarm.observe()
    assert fake.engines[0].patience == [STANDBY_TIMEOUT_SECONDS]


def test_close_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    swarm = work_on(fake, desired(), monkeypatch).swarm
    swarm.close()
    swarm.observe()
    swarm.close()
    swarm.close()
    assert [engine.closed for engine in fake.engines] == [1]


def test_observe_after_a_failed_connection() -> None:
    def connect() -> None:
        raise EngineUnreachable("refused")

    swarm = Swarm(connect)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(EngineUnreachable, match="refused"):
            swarm.observe()
    swarm.close()


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    swarm = work_on(fake, desired(), monkeypatch).swarm
    assert (leader_of(swarm.observe()), node_name(swarm.observe())) == ("alpha", "alpha")
    fake.lead(None)
    fake.local = "gone"
    swarm.invalidate()
    assert (leader_of(swarm.observe()), node_name(swarm.observe())) == (None, "id-gone")


def test_plan_all_repairs_a_damaged_state_first(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    fake.damage = ("label orcastra.labels: no JSON",)
    plan = plan_all(
        work_on(fake, desired(), monkeypatch).swarm.observe(), desired({"alpha": {"ssd": "true"}})
    )
    assert [step.action for step in plan.steps] == ["repair_state", "label_node"]
