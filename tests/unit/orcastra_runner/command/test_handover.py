# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaving the host on which we run to another instance, and waiting for the end of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    BeatHandover,
    ClaimCommand,
    CommandRecord,
    FinishCommand,
    OfferHandover,
    StateEdit,
    TakeHandover,
    apply_edits,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineUnreachable
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.handover import (
    OFFER_SECONDS,
    SILENCE_SECONDS,
)
from orcastra_runner import application, cli
from orcastra_runner.command import handover
from orcastra_runner.command import run as command_run
from orcastra_runner.command.handover import LONGEST_GAP_SECONDS, LOOK_SECONDS, HandoverWatch
from orcastra_runner.command.job import CommandJob
from orcastra_runner.execute import PlaybookResult, TaskResult
from orcastra_runner.signals import Signals
from tests.unit.orcastra_runner.command.test_job import Bench, done
from tests.unit.orcastra_runner.conftest import Clock, Log
from tests.unit.orcastra_runner.fakes import three_nodes

ROLLING = {"command": "rolling_reboot", "id": "all"}
TAKEN = "alpha is being rebooted by the instance on bravo"
LEFT = "rebooted bravo; alpha is left to another instance, as this one runs there"


class Hosts(Bench):
    """alpha, bravo and charlie are managers; the job runs on alpha, which leads."""

    def restart(self) -> None:
        super().restart()
        self.job = CommandJob(60, self.file, self.clock, monotonic=self.clock)

    def edit(self, *edits: StateEdit) -> None:
        """What somebody else writes."""
        self.fake.state = apply_edits(self.fake.state, edits)

    def wait(self, seconds: float) -> None:
        """Let the time go by, and the job look as often as it wants to."""
        while seconds > 0:
            self.clock.now += LOOK_SECONDS
            seconds -= LOOK_SECONDS
            self.run()

    @property
    def record(self) -> Any:
        return self.fake.state.commands["id:all"]


def rebooted(*left: str) -> PlaybookResult:
    stats: dict[str, Any] = {"orcastra_rebooted": ["bravo"]}
    if left:
        stats["orcastra_reboot_left"] = {f"id-{name}": name for name in left}
    return replace(done("p", "drain node bravo"), stats=stats)


@pytest.fixture
def hosts(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, logged: Log) -> Hosts:
    monkeypatch.setattr(command_run, "boot_id", lambda: "boot-alpha")
    fake = three_nodes()
    fake.change_nodes(lambda one: replace(one, reachability="reachable"))
    hosts = Hosts(fake, tmp_path / "c.yml", clock, monkeypatch)
    hosts.work.run_on_hosts = hosts._run_playbook
    return hosts


def test_our_own_host_is_left_to_another_instance(hosts: Hosts, logged: Log) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING, "relabel_all")
    assert hosts.run() is True
    given = {"orcastra_reboot_hand_over": True, "orcastra_reboot_own_nodes": ["id-alpha"]}
    assert hosts.ran == [("orcastra.swarm.rolling_reboot", given)]
    assert (hosts.record.status, hosts.record.message) == ("running", LEFT)
    offered = hosts.fake.state.handovers["id:all"]
    assert (offered.nodes, offered.names, offered.boot) == (("id-alpha",), ("alpha",), "boot-alpha")
    assert logged.sentences[-1] == "info command handed over: rolling_reboot"
    assert LEFT in [entry.get("result") for entry in logged.entries]
    assert [result["status"] for result in hosts.results()] == ["running", "waiting"]
    # the next one might reboot whoever is at work on it
    for _look in range(2):
        assert hosts.job.requeue_after == LOOK_SECONDS
        hosts.run()
    assert len(hosts.ran) == 1

    hosts.edit(TakeHandover("id:all", "b", "bravo", "bravo does it"))
    hosts.run()
    assert hosts.job.requeue_after == LOOK_SECONDS
    hosts.edit(FinishCommand("id:all", "b", "done", "all well", 2.0))
    assert hosts.run() is True
    assert hosts.job.requeue_after is None
    assert hosts.statuses() == ["done", "done"]
    # whoever has done it has told of it
    assert [action.summary for action in hosts.work.status.view().history] == [
        "command relabel_all: restart shop_db"
    ]


def test_an_engine_elsewhere_does_not_tell_where_we_run(hosts: Hosts) -> None:
    hosts.fake.is_local = False
    hosts.fake.results = [rebooted()]
    hosts.write(ROLLING)
    hosts.run()
    assert hosts.ran[0][1]["orcastra_reboot_own_nodes"] == []


def test_a_reboot_of_others_is_no_matter_of_ours(hosts: Hosts) -> None:
    hosts.fake.results = [rebooted()]
    hosts.write(ROLLING)
    assert hosts.run() is True
    assert hosts.record.message == "rebooted bravo"
    assert (hosts.fake.state.handovers, hosts.job.requeue_after) == ({}, None)


def test_what_was_rebooted_before_a_failure_is_told(hosts: Hosts) -> None:
    failed = TaskResult("t", "localhost", ok=False, changed=False, message="charlie: it does not come back")
    result = PlaybookResult(ROLLING, "failed", 1.0, tasks=(failed,), stats={"orcastra_rebooted": ["bravo"]})
    hosts.fake.results = [result]
    hosts.write(ROLLING)
    hosts.run()
    assert (hosts.record.status, hosts.record.message) == (
        "failed",
        "rebooted bravo; charlie: it does not come back",
    )


def test_where_nobody_takes_it_that_is_the_result(hosts: Hosts, logged: Log) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING, "relabel_all")
    hosts.run()
    hosts.run()
    hosts.wait(OFFER_SECONDS - LOOK_SECONDS)
    assert hosts.record.is_running
    hosts.wait(LOOK_SECONDS)
    assert hosts.record.status == "failed"
    assert "alpha was not rebooted: this instance runs there, and no other instance could take over" in (
        hosts.record.message
    )
    assert hosts.fake.state.handovers == {}
    assert hosts.statuses() == ["failed", "done"]
    told = [line for line in logged.sentences if line == "error command failed: rolling_reboot"]
    assert len(told) == 1
    assert hosts.work.status.view().history[-1].result == "failed"


def test_an_offer_outlasts_the_reboot_of_another_host(hosts: Hosts) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING)
    hosts.run()
    other = CommandRecord("reboot_node bravo", "shell", "bravo", "s", 1.0)
    rest = replace(hosts.fake.state.handovers["id:all"], names=("bravo",), boot="boot-bravo")
    hosts.edit(ClaimCommand("s", other), OfferHandover("s", "s", rest, ""))
    hosts.edit(TakeHandover("s", "c", "charlie", ""))
    for _beat in range(3):
        hosts.wait(OFFER_SECONDS - 2 * LOOK_SECONDS)
        hosts.edit(BeatHandover("s", "c"))
    hosts.edit(FinishCommand("s", "c", "done", "", 1.0))
    hosts.wait(OFFER_SECONDS - LOOK_SECONDS)
    assert hosts.record.is_running
    hosts.wait(2 * LOOK_SECONDS)
    assert hosts.record.status == "failed"


def test_where_there_is_nobody_it_is_known_at_once(hosts: Hosts) -> None:
    hosts.fake.change_nodes(lambda one: replace(one, state="ready" if one.hostname == "alpha" else "down"))
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING)
    assert hosts.run() == "told"
    assert hosts.record.status == "failed"
    assert "no other node of this swarm is ready" in hosts.record.message


def test_whoever_is_gone_in_the_middle_is_noticed_by_the_new_leader(hosts: Hosts) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING)
    hosts.run()
    hosts.edit(TakeHandover("id:all", "b", "bravo", "bravo does it"))
    hosts.fake.local = "charlie"
    hosts.restart()
    hosts.run()
    for _beat in range(3):
        hosts.wait(SILENCE_SECONDS - LOOK_SECONDS)
        hosts.edit(BeatHandover("id:all", "b"))
        hosts.run()
    assert hosts.record.is_running
    # what happened while nobody looked was not seen
    hosts.clock.now += 10 * SILENCE_SECONDS
    hosts.run()
    assert hosts.record.is_running
    hosts.fake.change_nodes(
        lambda one: replace(one, availability="drain") if one.hostname == "alpha" else one
    )
    hosts.wait(SILENCE_SECONDS - LONGEST_GAP_SECONDS)
    assert hosts.record.status == "interrupted"
    assert "which is gone" in hosts.record.message
    assert hosts.record.message.endswith("to put it back, run `orcastra command activate_node alpha`")
    assert len(hosts.ran) == 1


def test_an_offer_that_cannot_be_written_is_made_later(hosts: Hosts) -> None:
    hosts.fake.results = [rebooted("alpha")]
    hosts.write(ROLLING)
    hosts.errors = [None, EngineUnreachable("gone"), EngineUnreachable("gone")]
    with pytest.raises(EngineUnreachable):
        hosts.run()
    assert (hosts.fake.state.handovers, hosts.record.message) == ({}, "")
    hosts.run()
    assert list(hosts.fake.state.handovers) == ["id:all"]
    assert len(hosts.ran) == 1


def test_the_shell_waits_until_somebody_has_taken_it(
    hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(application, "connect", lambda _options: hosts.fake.connect())
    monkeypatch.setattr(application.Application, "on_hosts", lambda *_arguments: hosts._run_playbook)
    monkeypatch.setenv("ORCASTRA_INVENTORY", str(tmp_path / "hosts.yml"))
    monkeypatch.setattr(Signals, "install", lambda _self: None)
    pauses: list[float] = []

    def taken(_self: Signals, seconds: float) -> None:
        pauses.append(seconds)
        hosts.edit(TakeHandover("id:x", "b", "bravo", TAKEN))

    def nobody(_self: Signals, seconds: float) -> None:
        clock.now += seconds

    hosts.fake.results = [rebooted("alpha"), rebooted("alpha")]
    monkeypatch.setattr(Signals, "pause", taken)
    command = ["command", "reboot_node", "alpha", "--id"]
    assert cli.main([*command, "x"]) == cli.EXIT_FINE
    assert capsys.readouterr().out.splitlines() == [
        f"reboot_node alpha: {LEFT}",
        f"reboot_node alpha: {TAKEN}; `orcastra status` shows the result",
    ]
    assert pauses == [LOOK_SECONDS]

    clock = Clock()
    monkeypatch.setattr(Signals, "pause", nobody)
    monkeypatch.setattr(handover, "HandoverWatch", lambda: HandoverWatch(clock, clock))
    assert cli.main([*command, "y"]) == cli.EXIT_FAILED
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(
        "reboot_node alpha: failed: rebooted bravo; alpha was not rebooted: this instance runs"
    )
    # no sign of life came from whoever has taken the first one
    assert [hosts.fake.state.commands[f"id:{key}"].status for key in "xy"] == ["interrupted", "failed"]
