# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notifier on a simulated swarm, with a real receiver on loopback."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.autoheal import Healing
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import StepResult
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import STORED, ModOutcome, Refreshing
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node_steps import StopContainer
from ansible_collections.orcastra.swarm.plugins.module_utils._model.notices import ClaimNotices
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.service_steps import PlaceService
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import Move, SetMove, State
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import EngineError
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import (
    observe,
    observe_state,
)
from orcastra_runner.notify.job import NotifyJob
from orcastra_runner.notify.notifier import KEEP_SECONDS, UNCONFIRMED_SECONDS, Notifier, NotifyRules
from orcastra_runner.notify.targets import parse_targets
from orcastra_runner.status import StatusStore
from tests.sim import Fault, Sim, swarm
from tests.support.inbox import Inbox, inbox, lines_of, pattern
from tests.unit.orcastra_runner.conftest import Log

WHY = (Reason("saved_reason", text="it is ill"),)
HEAL = StopContainer(container_id="c", title="c of web", started=1, timeout_seconds=1, why=WHY)
MOVE = PlaceService(
    service_id="s",
    name="web",
    purpose=Reason("saved_reason", text="move web to delta"),
    constraints=(),
    add=("node.id==x",),
    intent_edits=(SetMove("s", Move("", ("x",), 1.0)),),
    why=WHY,
)
END = replace(MOVE, add=(), remove=("node.id==x",), intent_edits=(SetMove("s", None),))
SECRET = "S3CRET"


class Instance:
    """The instance on one manager of the simulated swarm."""

    def __init__(self, sim: Sim, hostname: str, urls: str, **rules: Any) -> None:
        self.sim = sim
        self.status = StatusStore(clock=lambda: sim.now, monotonic=lambda: sim.now)
        self.status.events.is_on = True
        targets, problems = parse_targets("NOTIFY_URLS", urls)
        assert not problems
        self.notifier = Notifier(
            targets,
            NotifyRules(**rules),
            self.status,
            local_jobs=("autoheal", "prune"),
            clock=lambda: sim.now,
            monotonic=lambda: sim.now,
        )
        self.engine = connect(ConnectionOptions(docker_host=sim.docker_host(hostname), timeout=5))

    def turn(self) -> bool:
        """Observe and notify. Returns whether there was anything to do."""
        self.observe()
        return self.notify()

    def observe(self) -> None:
        seen = observe(self.engine)
        self.status.observed(seen, 0.0)
        self.status.decided("", leads=seen.is_leader, acts=seen.is_leader)

    def notify(self) -> bool:
        if not self.notifier.has_work():
            return False
        self.notifier.round(self.engine)
        return True

    def turns(self, seconds: float, step: float = 5.0) -> None:
        end = self.sim.now + seconds
        while self.sim.now < end:
            self.turn()
            self.sim.advance(step)

    def state(self) -> State:
        return observe_state(self.engine)


class Case:
    """A swarm, a receiver, and instances, which are closed at the end."""

    def __init__(self, sim: Sim, receiver: Inbox, stack: ExitStack) -> None:
        self.sim = sim
        self.receiver = receiver
        self._stack = stack

    def instance(self, hostname: str = "alpha", urls: str = "", **rules: Any) -> Instance:
        made = Instance(self.sim, hostname, urls or self.receiver.url, **rules)
        self._stack.callback(made.engine.close)
        return made

    def lose(self, hostname: str = "delta") -> None:
        self.sim.crash(hostname)
        self.sim.wait_until(lambda: self.sim.node(hostname).state == "down")

    def texts(self, path: str = "/") -> list[str]:
        return [line.text for line in self.receiver.lines(path)]


@pytest.fixture
def case() -> Iterator[Case]:
    now = time.time() - 1_000_000  # simulated time runs faster, and no time may be in the future
    with ExitStack() as stack:
        sim = stack.enter_context(swarm(workers=["delta", "echo"], heartbeat_seconds=2, now=now))
        yield Case(sim, stack.enter_context(inbox()), stack)


def is_(code: str, text: str, **params: str) -> bool:
    return re.fullmatch(pattern(code, **params), text) is not None


def test_idle_notifier_makes_no_request(case: Case) -> None:
    alpha = case.instance()
    alpha.turn()
    asked = len(case.sim.requests)
    assert not alpha.notify()
    assert len(case.sim.requests) == asked


def test_lost_node_and_its_return_are_reported_once(case: Case) -> None:
    alpha = case.instance(interval=5)
    case.lose()
    alpha.turns(60)
    case.sim.boot("delta")
    alpha.turns(60)
    lost, back = case.receiver.lines()
    assert is_("notify_node_lost", lost.text, node="delta")
    assert is_("notify_node_back", back.text, node="delta")
    assert (lost.level, back.level) == ("warning", "solved")
    assert [message["type"] for message in case.receiver.messages()] == ["warning", "success"]
    assert (alpha.state().notified, alpha.state().outbox) == ({}, {})
    assert alpha.status.metrics.notifications_waiting._value.get() == 0


def test_standby_instance_sends_nothing(case: Case) -> None:
    bravo = case.instance("bravo")
    case.lose()
    bravo.turns(30)
    assert case.receiver.received == []
    assert bravo.state() == State()


def test_event_of_a_standby_instance_is_sent_by_the_active_one(case: Case) -> None:
    alpha, bravo = case.instance(), case.instance("bravo")
    bravo.turn()
    bravo.status.stepped("autoheal", StepResult(HEAL, changed=True))
    bravo.turn()
    assert case.receiver.received == []
    alpha.turn()
    (text,) = case.texts()
    assert is_("notify_healed", text, node="bravo", step=HEAL.summary)


def test_events_within_the_interval_are_one_message(case: Case) -> None:
    alpha = case.instance(interval=60)
    case.lose("delta")
    alpha.turn()
    case.lose("echo")
    alpha.status.stepped("autoheal", StepResult(HEAL, error="no"))
    alpha.turn()
    assert len(case.receiver.messages()) == 1
    alpha.turns(65)
    first, second = case.receiver.messages()
    assert [len(lines_of(message["message"])) for message in (first, second)] == [1, 2]
    assert second["type"] == "failure"


def test_failing_target_affects_no_other(case: Case, logged: Log) -> None:
    url = case.receiver.url
    alpha = case.instance(urls=f"{url}/good {url}/bad{SECRET} json://127.0.0.1:1/{SECRET}", interval=5)
    case.receiver.statuses[f"/bad{SECRET}"] = 503
    case.lose()
    alpha.turns(120)
    assert len(case.receiver.lines("/good")) == 1
    (message,) = alpha.state().outbox.values()
    assert message.left == ("2 (json)", "3 (json)")
    problems = alpha.status.view().problems
    assert set(problems) == {"notifications to 2 (json)", "notifications to 3 (json)"}
    case.receiver.statuses.clear()
    alpha.turns(400)
    assert len(case.receiver.lines(f"/bad{SECRET}")) == 1
    assert len(case.receiver.lines("/good")) == 1
    assert set(alpha.status.view().problems) == {"notifications to 3 (json)"}
    text = logged.stream.getvalue() + repr(alpha.status.view()) + repr(alpha.state())
    assert SECRET not in text + alpha.status.metrics.text(0).decode()


def test_failing_target_is_tried_less_and_less_often(case: Case) -> None:
    alpha = case.instance(urls="json://127.0.0.1:1/")
    case.lose()
    failed = alpha.status.metrics.notifications.labels("failed")
    alpha.turns(60, step=1)
    # after 5, 10 and 20 seconds
    assert failed._value.get() == 4
    alpha.turns(540)
    assert failed._value.get() == 7


def test_message_is_given_up_after_a_day(case: Case, logged: Log) -> None:
    alpha = case.instance(urls="json://127.0.0.1:1/")
    case.lose()
    alpha.turn()
    case.sim.advance(KEEP_SECONDS + 1)
    alpha.turn()
    assert alpha.state().outbox == {}
    assert alpha.status.metrics.notifications.labels("lost")._value.get() == 1
    assert "notification lost" in logged.events


def test_next_leader_continues_with_the_targets_that_are_left(case: Case) -> None:
    url = case.receiver.url
    urls = f"{url}/good {url}/bad"
    alpha = case.instance(urls=urls)
    case.receiver.statuses["/bad"] = 500
    case.lose()
    alpha.turn()
    case.receiver.statuses.clear()
    case.sim.elect("bravo")
    case.sim.advance(5)
    case.instance("bravo", urls=urls).turns(20)
    assert [len(case.texts(path)) for path in ("/good", "/bad")] == [1, 1]
    assert not any(line.may_repeat for line in case.receiver.lines("/bad"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_overlapping_active_instances_send_once(case: Case, order: tuple[int, int]) -> None:
    instances = [case.instance(), case.instance("bravo")]
    case.lose()
    instances[0].observe()
    case.sim.elect("bravo")
    case.sim.advance(5)
    instances[1].observe()
    assert all(one.status.view().acts for one in instances)
    for index in order:
        instances[index].notify()
    for index in order:
        instances[index].notify()
    (line,) = case.receiver.lines()
    assert not line.may_repeat


def test_unconfirmed_claim_is_repeated_and_marked_later(case: Case) -> None:
    alpha = case.instance(urls="json://127.0.0.1:1/")
    case.lose()
    alpha.turn()
    store = StateStore(alpha.engine)
    store.update([ClaimNotices(dict.fromkeys(alpha.state().outbox, ""), "gone", ("1 (json)",))])
    bravo = case.instance("bravo")
    case.sim.elect("bravo")
    case.sim.advance(5)
    bravo.turns(UNCONFIRMED_SECONDS - 5)
    assert case.receiver.received == []
    bravo.turns(20)
    (line,) = case.receiver.lines()
    assert line.may_repeat


def test_message_for_targets_that_are_no_longer_configured_is_removed(case: Case) -> None:
    alpha = case.instance(urls=f"{case.receiver.url}/good json://127.0.0.1:1/")
    case.lose()
    alpha.turn()
    assert [message.left for message in alpha.state().outbox.values()] == [("2 (json)",)]
    case.instance(urls=f"{case.receiver.url}/good").turns(10)
    assert alpha.state().outbox == {}
    assert len(case.texts("/good")) == 1


def test_lost_answer_to_a_claim_marks_nothing(case: Case) -> None:
    alpha = case.instance()
    case.lose()
    alpha.observe()
    # the first write saves the problem, the second one claims the message
    original, writes = StateStore.update, 0

    def update(self: StateStore, edits: Sequence[Any]) -> bool:
        nonlocal writes
        writes += 1
        written = original(self, edits)
        if writes == 2:
            raise EngineError("the answer is lost")
        return written

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StateStore, "update", update)
        with pytest.raises(EngineError):
            alpha.notify()
    assert case.receiver.received == []
    alpha.turn()
    (line,) = case.receiver.lines()
    assert not line.may_repeat


def test_confirmation_is_repeated_without_sending_again(case: Case) -> None:
    alpha = case.instance(interval=1)
    case.lose()
    fault = case.sim.fail(Fault(method="POST", path="/configs/.*/update", status=500))
    alpha.observe()
    fault.hits, fault.times = 0, 0
    # create, claim, and then a confirmation that fails
    original, writes = StateStore.update, 0

    def update(self: StateStore, edits: Sequence[Any]) -> bool:
        nonlocal writes
        writes += 1
        if writes == 3:
            raise EngineError("no leader")
        return original(self, edits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StateStore, "update", update)
        with pytest.raises(EngineError):
            alpha.notify()
    assert len(case.receiver.lines()) == 1
    alpha.turns(100)
    assert len(case.receiver.lines()) == 1
    assert alpha.state().outbox == {}


@pytest.mark.parametrize(("level", "count"), [("info", 2), ("warning", 1), ("error", 0)])
def test_level_selects_problems_and_events(case: Case, level: str, count: int) -> None:
    alpha = case.instance(level=level)
    case.lose()
    alpha.status.stepped("autoheal", StepResult(HEAL, changed=True))
    alpha.turn()
    assert len(case.texts()) == count


@pytest.mark.parametrize("moves", [True, False])
def test_moves_are_optional(case: Case, moves: bool) -> None:
    alpha = case.instance(moves=moves)
    alpha.observe()
    alpha.status.stepped("sync", StepResult(MOVE, changed=True))
    alpha.status.stepped("sync", StepResult(END, changed=True))
    alpha.status.playbook_stepped("sync", MOVE.to_result(), MOVE)
    alpha.turn()
    assert [is_("notify_moved", text, step=MOVE.summary) for text in case.texts()] == [True, True] * moves


def test_mod_is_reported_by_the_first_node_only(case: Case) -> None:
    alpha, bravo = case.instance(interval=1), case.instance("bravo")
    done = Refreshing(mods=(ModOutcome("theme", STORED, sha256="1"), ModOutcome("other", "current")))
    for one in (alpha, bravo, alpha):
        one.observe()
        one.status.refreshed(done)
        one.turn()
    alpha.turns(10)
    (text,) = case.texts()
    assert is_("notify_mod_stored", text, mod="theme", node="alpha")
    alpha.status.refreshed(Refreshing(mods=(ModOutcome("theme", STORED, sha256="2"),)))
    alpha.turns(10)
    assert len(case.texts()) == 2


def test_failing_job_is_reported_after_three_failures_until_it_succeeds(case: Case) -> None:
    alpha, bravo = case.instance(interval=1), case.instance("bravo")
    bravo.turn()
    for number in (1, 2, 3):
        for name in ("heal", "prune"):
            alpha.status.job_began(name, 10)
            alpha.status.job_ended(name, 1, ok=False)
        alpha.turns(10)
        assert len(case.texts()) == (0 if number < 3 else 2)
    # a job of another node: only that node knows
    case.sim.elect("bravo")
    case.sim.advance(5)
    bravo.turns(10)
    assert len(case.texts()) == 2
    bravo.status.job_began("heal", 10)
    bravo.status.job_ended("heal", 1, ok=True)
    bravo.status.job_began("prune", 10)
    bravo.status.job_ended("prune", 1, ok=True)
    bravo.turns(70)
    assert [is_("notify_job_recovered", text, job="heal") for text in case.texts()[2:]] == [True]
    alpha.status.job_began("prune", 10)
    alpha.status.job_ended("prune", 1, ok=True)
    alpha.turn()
    bravo.turns(70)
    assert [is_("notify_job_recovered", text, job="prune") for text in case.texts()[3:]] == [True]


def test_rejected_configuration_is_reported_until_it_is_accepted(case: Case) -> None:
    alpha = case.instance(interval=1)
    alpha.observe()
    alpha.status.problem("configuration", "expected a mapping, found a list")
    alpha.turns(10)
    alpha.status.problem("configuration", None)
    alpha.turns(10)
    rejected, accepted = case.texts()
    assert is_("notify_configuration_rejected", rejected, node="alpha")
    assert is_("notify_configuration_accepted", accepted, node="alpha")


def test_stale_observation_changes_nothing(case: Case) -> None:
    alpha = case.instance()
    case.lose()
    alpha.observe()
    case.sim.advance(60)
    assert not alpha.notify()


def test_mentions_are_defused(case: Case) -> None:
    alpha = case.instance()
    alpha.observe()
    alpha.status.problem("configuration", "@everyone")
    alpha.turn()
    (message,) = case.receiver.messages()
    assert "@everyone" not in message["message"] + message["title"]


def job(case: Case, hostname: str, manager: str | None = None) -> tuple[NotifyJob, StatusStore]:
    def engine(name: str) -> Engine:
        return connect(ConnectionOptions(docker_host=case.sim.docker_host(name), timeout=5))

    status = StatusStore()
    status.events.is_on = True
    targets, _problems = parse_targets("NOTIFY_URLS", case.receiver.url)
    connect_manager = None if manager is None else lambda: engine(manager)
    notifier = Notifier(targets, NotifyRules(), status)
    return NotifyJob(notifier, status, lambda: engine(hostname), connect_manager), status


def test_worker_saves_its_events_through_a_manager(case: Case) -> None:
    worker, status = job(case, "delta", "alpha")
    assert worker.seconds_to_next() > 0
    status.stepped("autoheal", StepResult(HEAL, changed=True))
    assert worker.seconds_to_next() == 0
    worker.run()
    worker.close()
    alpha = case.instance()
    (message,) = alpha.state().outbox.values()
    assert (message.reason.code, message.reason.params["node"]) == ("notify_healed", "delta")


def test_worker_without_a_manager_warns_once(case: Case, logged: Log) -> None:
    worker, status = job(case, "delta")
    for _ in range(2):
        status.gave_up_healing(Healing().heal.given_up or WHY)
        worker.run()
        assert status.events.waiting() == ()
    worker.close()
    assert logged.events.count("notifications disabled") == 1


def test_single_cycle_succeeds_without_an_engine(case: Case, logged: Log) -> None:
    once, status = job(case, "alpha")
    status.gave_up_healing(WHY)
    case.sim.fail(Fault(status=500))
    once.run_once()
    assert "notifications not sent" in logged.events
