# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job that reboots the host of another instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    ClaimCommand,
    CommandRecord,
    FinishCommand,
    Handover,
    OfferHandover,
    State,
    TakeHandover,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import decode, encode
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineUnreachable,
    NotAManager,
)
from orcastra_runner.application import Application
from orcastra_runner.execute import PlaybookResult, TaskResult
from orcastra_runner.files import Files
from orcastra_runner.jobs import Stopped
from orcastra_runner.local import handover as local_handover
from orcastra_runner.local.handover import CHECK_SECONDS, WORKER_CHECK_SECONDS, HandoverJob
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.rebalance import RebalanceFile
from orcastra_runner.settings import Settings, read_settings
from orcastra_runner.status import StatusStore
from tests.unit.orcastra_runner.conftest import Clock, Log

CLAIM = CommandRecord(command="reboot_node alpha", source="file", by="alpha", instance="a", started=1.0)
REST = Handover(nodes=("id-alpha",), names=("alpha",), boot="boot-alpha", offered=1000.0)
OFFERED = apply_edits(State(), [ClaimCommand("k", CLAIM), OfferHandover("k", "a", REST, "alpha is left")])


class FakeEngine:
    """The engine of bravo, a manager, with the state object in its swarm."""

    is_local = False

    def __init__(self, state: State) -> None:
        self.spec: dict[str, Any] = {"Name": "orcastra.state", "Labels": encode(state)}
        self.version = 1
        self.requests: list[str] = []
        self.errors: list[Exception | None] = []
        # the fate of writes: "lost" ones don't arrive, of "unanswered" ones the reply is lost
        self.writes: list[str] = []
        self.availability = "active"

    @property
    def state(self) -> State:
        return decode(self.spec["Labels"])[0]

    def edit(self, *edits: Any) -> None:
        """Write to the saved state as another process."""
        self.spec = {**self.spec, "Labels": encode(apply_edits(self.state, edits))}
        self.version += 1

    def _ask(self, request: str) -> None:
        self.requests.append(request)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    def find_config(self, _name: str) -> dict[str, Any]:
        self._ask("find config")
        return self.get_config("c")

    def get_config(self, _config_id: str) -> dict[str, Any]:
        return {"ID": "c", "Spec": self.spec, "Version": {"Index": self.version}}

    def update_config(self, _config_id: str, version: int, spec: dict[str, Any]) -> None:
        assert version == self.version
        fate = self.writes.pop(0) if self.writes else ""
        if fate != "lost":
            self.spec, self.version = spec, version + 1
        if fate:
            raise EngineUnreachable("gone")

    def info(self) -> dict[str, Any]:
        return {"Name": "bravo", "Swarm": {"NodeID": "id-bravo", "ControlAvailable": True}}

    def list_nodes(self) -> list[dict[str, Any]]:
        node = {
            "ID": "id-alpha",
            "Version": {"Index": 1},
            "Spec": {"Role": "manager", "Availability": self.availability},
            "Description": {"Hostname": "alpha"},
            "Status": {"State": "ready"},
        }
        return [node]

    def close(self) -> None:
        pass


class Bench:
    def __init__(self, clock: Clock) -> None:
        self.engine = FakeEngine(OFFERED)
        self.clock = clock
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.seen: list[State] = []
        self.result: PlaybookResult | Exception = rebooted()
        self.status = StatusStore()
        self.job = HandoverJob(self._run, self._connect, None, self.status, clock, clock)

    def _connect(self) -> Any:
        return self.engine

    def _run(self, name: str, variables: Mapping[str, Any] = {}, /) -> PlaybookResult:
        self.ran.append((name, dict(variables)))
        self.seen.append(self.engine.state)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def run(self) -> CommandRecord:
        self.job.run(self.engine)  # type: ignore[arg-type]
        return self.engine.state.commands["k"]


def rebooted(*, ok: bool = True) -> PlaybookResult:
    task = TaskResult(
        "t", "alpha", ok=ok, changed=True, message="it stays away", plan=({"summary": "drain"},)
    )
    stats = {"orcastra_rebooted": ["alpha"]} if ok else {}
    return PlaybookResult("p", "successful" if ok else "failed", 1.0, tasks=(task,), stats=stats)


@pytest.fixture
def bench(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(local_handover, "boot_id", lambda: "boot-bravo")
    return Bench(clock)


def test_handover_job_makes_one_request_without_an_offer(bench: Bench) -> None:
    bench.engine = FakeEngine(apply_edits(State(), [ClaimCommand("k", CLAIM)]))
    bench.run()
    assert (bench.engine.requests, bench.ran) == (["find config"], [])
    assert bench.job.seconds_to_next() == CHECK_SECONDS
    bench.clock.now += CHECK_SECONDS
    assert bench.job.seconds_to_next() == 0


def test_handover_job_takes_reboots_and_saves_the_result(bench: Bench, logged: Log) -> None:
    done = bench.run()
    # the playbook refuses to reboot its own host
    assert bench.ran == [("orcastra.swarm.reboot_node", {"orcastra_reboot_nodes": ["id-alpha"]})]
    assert bench.seen[0].handovers["k"].by == "bravo"
    assert bench.seen[0].commands["k"].message == "alpha is being rebooted by the instance on bravo"
    assert (done.status, done.message) == ("done", "alpha was rebooted by the instance on bravo")
    assert (done.by, done.source, bench.engine.state.handovers) == ("alpha", "file", {})
    (action,) = bench.status.view().history
    assert action.summary == f"command reboot_node alpha: {done.message}"
    assert logged.sentences[-1] == "info command finished: reboot_node alpha"
    bench.run()
    assert len(bench.ran) == 1


def test_handover_job_does_not_reboot_its_own_host(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_handover, "boot_id", lambda: "boot-alpha")
    assert bench.run().is_running
    assert bench.ran == []


def test_handover_job_uses_a_local_engine_to_identify_its_host(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_handover, "boot_id", lambda: "boot-alpha")
    bench.engine.is_local = True
    assert bench.run().status == "done"
    assert len(bench.ran) == 1


def test_handover_job_leaves_an_offer_that_another_instance_took(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = local_handover.takeable

    def be_slow(*arguments: Any) -> tuple[str, ...]:
        found = take(*arguments)
        bench.engine.edit(TakeHandover("k", "c", "charlie", "charlie does it"))
        return found

    monkeypatch.setattr(local_handover, "takeable", be_slow)
    assert bench.run().instance == "c"
    assert bench.ran == []


def test_handover_job_repeats_claim_whose_reply_was_lost(bench: Bench) -> None:
    bench.engine.writes = ["unanswered"]
    assert bench.run().status == "done"
    assert len(bench.ran) == 1


def test_handover_job_saves_a_failure(bench: Bench, logged: Log) -> None:
    bench.engine.availability = "drain"
    bench.result = rebooted(ok=False)
    failed = bench.run()
    assert failed.status == "failed"
    assert failed.message.endswith("the instance on bravo: it stays away")
    assert logged.sentences[-1] == "error command failed: reboot_node alpha"


@pytest.mark.parametrize("result", [PlaybookResult("p", "canceled", 1.0), Stopped("asked to stop")])
def test_handover_job_reports_a_node_that_stays_drained(
    bench: Bench, result: PlaybookResult | Exception
) -> None:
    bench.engine.availability = "drain"
    bench.result = result
    stopped = bench.run()
    assert stopped.status == "interrupted"
    # the message also has the availability of the node
    assert [text for text in ("asked to stop", "node alpha", "drain") if text not in stopped.message] == []
    assert bench.engine.state.handovers == {}


def test_handover_job_saves_result_later_if_the_engine_is_lost(bench: Bench) -> None:
    bench.engine.writes = ["", "lost"]
    assert bench.run().is_running
    assert bench.status.view().history == ()
    # the active instance may have given up on it by now
    lost = FinishCommand("k", bench.engine.state.commands["k"].instance, "interrupted", "gone", 2.0)
    bench.engine.edit(lost)
    assert bench.run().status == "done"
    assert len(bench.ran) == 1
    assert len(bench.status.view().history) == 1


def test_handover_job_sends_heartbeats(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_handover, "BEAT_SECONDS", 0.001)
    run = bench._run

    def wait_for_beats(name: str, variables: Mapping[str, Any] = {}, /) -> PlaybookResult:
        while bench.engine.state.handovers["k"].beats < 2:
            pass
        return run(name, variables)

    bench.job._run_on_hosts = wait_for_beats
    assert bench.run().status == "done"


def test_handover_job_on_a_worker_asks_a_manager(bench: Bench, clock: Clock) -> None:
    worker = FakeEngine(State())
    refusals: list[Exception | None] = [NotAManager("a worker"), NotAManager("a worker")]
    worker.errors = refusals
    bench.job.run(worker)  # type: ignore[arg-type]
    assert (bench.ran, bench.job.seconds_to_next()) == ([], WORKER_CHECK_SECONDS)
    engine: Any = bench.engine
    job = HandoverJob(bench._run, bench._connect, lambda: engine, bench.status, clock, clock)
    job.run(worker)  # type: ignore[arg-type]
    assert bench.engine.state.commands["k"].status == "done"


def test_handover_job_needs_an_inventory(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "handover" not in local_jobs(settings)
    monkeypatch.setenv("ORCASTRA_INVENTORY", "/etc/hosts.yml")
    assert "handover" in local_jobs(read_settings())
    monkeypatch.setenv("DRY_RUN", "true")
    assert "handover" not in local_jobs(read_settings())


def local_jobs(settings: Settings) -> list[str]:
    rules = RebalanceFile(lambda: settings.config_dir / "rebalance_config.yml")
    files = Files(None, rules, ModsFile(settings.mod_manager_config))
    with Application(settings, files) as application:
        return [job.name for job in application.local_jobs()]
