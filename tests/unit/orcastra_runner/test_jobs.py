# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs: a playbook runs only if there are changes, and not forever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DisownLabels,
    Move,
    OwnLabels,
    SetMove,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import (
    LabelChange,
    LabelNode,
    Plan,
    RepairState,
)
from orcastra_runner.execute import PlaybookResult, TaskResult
from orcastra_runner.jobs import (
    LABEL_PLAYBOOK,
    SITE_PLAYBOOK,
    JobError,
    ResyncJob,
    Stopped,
    SyncJob,
    playbook_for,
)
from tests.support.builders import desired, ours, service, snapshot, task
from tests.unit.orcastra_runner.conftest import Log
from tests.unit.orcastra_runner.fakes import failed, three_nodes, work_on

SSD_ON_ALPHA = desired({"alpha": {"ssd": "true"}})


def test_sync_job_starts_no_playbook_for_an_empty_plan(monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true")
    assert SyncJob(60, 600).run(work_on(fake, SSD_ON_ALPHA, monkeypatch)) is False
    assert (fake.playbooks, fake.observations, logged.sentences) == ([], 1, [])


def test_sync_job_starts_a_playbook_and_verifies(monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
    fake = three_nodes()
    assert SyncJob(60, 600).run(work_on(fake, SSD_ON_ALPHA, monkeypatch)) is True
    assert fake.labels_of("alpha") == {"ssd": "true"}
    assert (fake.playbooks, fake.observations) == ([LABEL_PLAYBOOK], 2)
    assert logged.events == ["planned", "done", "playbook finished", "verified"]
    steps = [entry for entry in logged.entries if entry["event"] in ("planned", "done")]
    assert [[why["code"] for why in entry["why"]] for entry in steps] == 2 * [["label_missing"]]


def test_sync_job_only_plans_in_a_dry_run(monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
    fake = three_nodes()
    work = work_on(fake, SSD_ON_ALPHA, monkeypatch, dry_run=True)
    job = SyncJob(60, 600)
    assert job.run(work) is True
    assert job.run(work) is True
    assert fake.playbooks == []
    assert logged.events == ["planned"]


def test_sync_job_saves_the_state_without_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    fake.state = replace(fake.state, owned_labels={"id-lost": frozenset({"ssd"})})
    SyncJob(60, 600).run(work_on(fake, desired(), monkeypatch))
    assert fake.playbooks == [LABEL_PLAYBOOK]
    assert not fake.state.owned_labels


def test_sync_job_logs_warnings_and_notes_once(monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
    fake = three_nodes()
    fake.change_nodes(lambda one: replace(one, state="down") if one.hostname == "charlie" else one)
    work = work_on(fake, desired({"charlie": {"a": "b"}, "ghost": {"a": "b"}}), monkeypatch)
    job = SyncJob(60, 600)
    for _ in range(3):
        job.run(work)
        work.swarm.invalidate()
    messages = [(entry["event"], entry["message"]["code"]) for entry in logged.entries if "message" in entry]
    assert messages == [("plan warning", "node_unknown"), ("plan note", "labels_wait_for_node")]


def test_sync_job_fails_with_the_message_of_the_playbook(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    fake.results = [failed(LABEL_PLAYBOOK, "node alpha: it left the swarm")]
    with pytest.raises(JobError, match="node alpha: it left the swarm"):
        SyncJob(60, 600).run(work_on(fake, SSD_ON_ALPHA, monkeypatch))
    assert fake.playbooks == [LABEL_PLAYBOOK]


def test_sync_job_stopped_is_not_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    fake.results = [PlaybookResult(LABEL_PLAYBOOK, "canceled", 1.0)]
    with pytest.raises(Stopped, match="asked to stop"):
        SyncJob(60, 600).run(work_on(fake, SSD_ON_ALPHA, monkeypatch))


def test_sync_job_handles_changes_during_its_run(monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
    fake = three_nodes()
    work = work_on(fake, SSD_ON_ALPHA, monkeypatch)
    real = work.run_playbook

    def run_and_lose_it_again(name: str) -> PlaybookResult:
        result = real(name)
        if len(fake.playbooks) == 1:
            fake.label("alpha")
        return result

    work.run_playbook = run_and_lose_it_again
    assert SyncJob(60, 600).run(work) is True
    assert fake.playbooks == [LABEL_PLAYBOOK] * 2
    assert logged.events[-1] == "verified"


def test_sync_job_gives_up_after_two_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    nothing = PlaybookResult(LABEL_PLAYBOOK, "successful", 1.0)
    fake.results = [nothing, nothing, nothing]
    with pytest.raises(JobError, match="still needed after 2 runs: set ssd=true on node alpha"):
        SyncJob(60, 600).run(work_on(fake, SSD_ON_ALPHA, monkeypatch))
    assert len(fake.playbooks) == 2


def test_run_and_report_logs_unplanned_steps(monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
    fake = three_nodes()
    extra = {
        "action": "label_node",
        "target": "node bravo",
        "summary": "set a=b on node bravo",
        "why": ["because"],
    }
    done = TaskResult("t", "localhost", ok=True, changed=True, plan=(extra,))
    fake.results = [PlaybookResult(SITE_PLAYBOOK, "successful", 1.0, tasks=(done,))]
    assert ResyncJob(600).run(work_on(fake, desired(), monkeypatch)) is True
    assert logged.events == [
        "planned by playbook",
        "done",
        "playbook finished",
        "resync made unplanned changes",
    ]


def test_resync_job_in_process_reconnects_without_a_playbook(
    monkeypatch: pytest.MonkeyPatch, logged: Log
) -> None:
    fake = three_nodes()
    work = work_on(fake, desired(), monkeypatch)
    sync = SyncJob(60, 600, in_process=True)
    assert sync.run(work) is False
    resync = ResyncJob(600, sync)
    assert resync.run(work) is False
    assert [engine.closed for engine in fake.engines] == [1, 0]
    assert (fake.observations, fake.playbooks, logged.sentences) == (2, [], [])
    assert resync.requeue_after is None


def test_resync_job_is_silent_without_changes(monkeypatch: pytest.MonkeyPatch, logged: Log) -> None:
    fake = three_nodes()
    assert ResyncJob(600).run(work_on(fake, desired(), monkeypatch)) is False
    assert (fake.playbooks, logged.sentences) == ([SITE_PLAYBOOK], [])


LABEL_STEP = LabelNode(
    node_id="id-alpha",
    hostname="alpha",
    labels={},
    changes=(LabelChange("ssd", None, "true"),),
    why=(),
    intent_edits=(OwnLabels("id-alpha", frozenset({"ssd"})),),
)
PLACE_STEP = PlaceService(service_id="id-app", name="app", purpose="take it off", constraints=(), why=())
FORGET_MOVE, FORGET_LABEL = SetMove("id-app", None), DisownLabels("id-lost", frozenset({"ssd"}))


@pytest.mark.parametrize(
    ("plan", "playbook"),
    [
        (Plan(steps=(LABEL_STEP,)), LABEL_PLAYBOOK),
        (Plan(steps=(LABEL_STEP, LABEL_STEP), remember=(FORGET_LABEL,)), LABEL_PLAYBOOK),
        (Plan(remember=(FORGET_LABEL,)), LABEL_PLAYBOOK),
        (Plan(steps=(PLACE_STEP,)), SITE_PLAYBOOK),
        (Plan(steps=(LABEL_STEP, PLACE_STEP)), SITE_PLAYBOOK),
        (Plan(steps=(RepairState(damage=("x",), why=()),)), SITE_PLAYBOOK),
        (Plan(remember=(FORGET_MOVE,)), SITE_PLAYBOOK),
        (Plan(steps=(LABEL_STEP,), remember=(FORGET_MOVE,)), SITE_PLAYBOOK),
    ],
)
def test_playbook_for_depends_on_the_steps(plan: Plan, playbook: str) -> None:
    assert playbook_for(plan) == playbook


@pytest.mark.parametrize("config", [desired(), SSD_ON_ALPHA], ids=["nothing configured", "labels alone"])
def test_playbook_for_former_followers_is_site(config: DesiredState, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    fake.label("alpha", ssd="true")
    app = service("shop_app", **ours("node.labels.db==true"))
    fake.snapshot = snapshot(*fake.snapshot.nodes, *fake.snapshot.services, app, *fake.snapshot.tasks)
    with pytest.raises(JobError):  # the fake playbook does nothing to services
        SyncJob(60, 600).run(work_on(fake, config, monkeypatch))
    assert fake.playbooks == [SITE_PLAYBOOK] * 2


def test_playbook_for_journal_edits_is_site(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    fake.snapshot = snapshot(*fake.snapshot.nodes, service("shop_app"), task("shop_app", "alpha"))
    fake.state = replace(fake.state, moves={"id-shop_app": Move("db", (), 0.0)})
    SyncJob(60, 600).run(work_on(fake, desired(), monkeypatch))
    assert fake.playbooks == [SITE_PLAYBOOK]
    assert not fake.state.moves


def test_playbook_for_labels_with_dependencies_is_label_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = three_nodes()
    config = desired({"alpha": {"ssd": "true"}}, anchors={"db": ()})
    assert SyncJob(60, 600).run(work_on(fake, config, monkeypatch)) is True
    assert fake.playbooks == [LABEL_PLAYBOOK]
    assert fake.labels_of("bravo") == {"db": "true"}
