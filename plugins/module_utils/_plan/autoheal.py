# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the repair of unhealthy containers on one node.

Swarm replaces an unhealthy task by itself. These cases remain: a container that stays unhealthy while Swarm
considers its task running, one that ended with 0 under ``on-failure``, one whose ``max_attempts`` are
exhausted, and plain containers.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from .._model.compat import dataclass
from .._model.node import SERVICE_ID_LABEL, SERVICE_NAME_LABEL, TASK_ID_LABEL, Container, NodeView
from .._model.node_state import Heal, NodeState, SetHeal
from .._model.node_steps import RestartContainer, StopContainer
from .._model.reasons import Reason
from .._model.service_steps import RestartService
from .._model.snapshot import Service, SwarmSnapshot, Task
from .._model.steps import Plan, Step

DEFAULT_LABEL = "autoheal"
ALL = "all"
# How long a service may take to stop if that is unknown: killing a container during a regular stop is worse
# than waiting.
UNKNOWN_STOP_GRACE_SECONDS = 300.0
# A container that ended longer ago than this was left that way on purpose.
LONGEST_MEMORY_SECONDS = 86400.0
# How often the saved state is updated while a container stays unhealthy.
SEEN_STEP_SECONDS = 60.0
_FALSE = ("false", "0", "no", "off")
_TRUE = ("true", "1", "yes", "on")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealRules:
    """When to heal. Times are seconds.

    ``label`` is the label of containers and services that opts in or out; ``all`` opts all containers in.
    ``stop_timeout`` is for containers without one of their own. The pause starts at ``backoff`` and doubles
    after each attempt; after ``attempts`` within ``window``, the container is given up.
    """

    grace: float = 60.0
    label: str = DEFAULT_LABEL
    stop_timeout: float = 10.0
    backoff: float = 60.0
    attempts: int = 5
    window: float = 3600.0

    @property
    def label_name(self) -> str:
        return DEFAULT_LABEL if self.label == ALL else self.label


@dataclass(frozen=True, slots=True)
class Ended:
    """A container of a task that was unhealthy and has ended. ``finished`` is in seconds since the epoch."""

    service_id: str
    service: str
    task_id: str
    exit_code: int
    finished: float


@dataclass(frozen=True)
class HealPlan:
    """The plan, and more results for the caller.

    ``given_up``: subjects given up in this cycle. ``for_manager``: cases that only a manager can judge if
    none was asked. ``settled``: IDs of containers that need no more checks.
    """

    plan: Plan = field(default_factory=Plan)
    given_up: tuple[Reason, ...] = ()
    for_manager: tuple[Ended, ...] = ()
    settled: frozenset[str] = frozenset()

    def __add__(self, other: HealPlan) -> HealPlan:
        return HealPlan(
            plan=self.plan + other.plan,
            given_up=self.given_up + other.given_up,
            for_manager=self.for_manager + other.for_manager,
            settled=self.settled | other.settled,
        )


def plan_autoheal(
    view: NodeView,
    rules: HealRules,
    state: NodeState,
    snapshot: SwarmSnapshot | None = None,
    stop_grace: Mapping[str, float] | None = None,
    ended_elsewhere: Iterable[Ended] = (),
) -> HealPlan:
    """Plan for the containers of ``view``, which the engine reports as unhealthy.

    ``snapshot``: the swarm as a manager sees it, None if no manager was asked. ``stop_grace``: service ID →
    how long it may take to stop, if known. ``ended_elsewhere``: cases that other nodes could not judge.
    """
    healer = _Healer(view, rules, state, snapshot, stop_grace or {})
    result = HealPlan()
    for container in view.containers:
        if container.state in ("running", "paused", "restarting"):
            result += healer.running(container)
    ended = []
    for container in view.containers:
        if container.state not in ("running", "paused", "restarting"):
            evidence = healer.evidence(container)
            if evidence is None:
                result += HealPlan(settled=frozenset({container.id}))
            else:
                ended.append((evidence, container.id))
    ended += [(evidence, "") for evidence in ended_elsewhere]
    # restarting the whole service is the last resort, and once is enough
    restarted: set[str] = set()
    for evidence, container_id in sorted(ended, key=lambda item: -item[0].finished):
        result += healer.ended(evidence, container_id, restarted)
    return result + HealPlan(plan=Plan(remember=healer.forget()))


class _Healer:
    def __init__(
        self,
        view: NodeView,
        rules: HealRules,
        state: NodeState,
        snapshot: SwarmSnapshot | None,
        stop_grace: Mapping[str, float],
    ) -> None:
        self._now = view.now
        self._rules = rules
        self._state = state
        self._snapshot = snapshot
        self._stop_grace = stop_grace
        self._seen: set[str] = set()

    def running(self, container: Container) -> HealPlan:
        """Plan for a container that runs and is unhealthy."""
        health = container.health
        if health is None or health.status != "unhealthy" or container.state == "restarting":
            return HealPlan()
        if health.failing_streak < health.retries:
            # after a pause, the engine reports a container as unhealthy until its next check
            return HealPlan()
        settled = HealPlan(settled=frozenset({container.id}))
        word = container.labels.get(self._rules.label_name, "").lower()
        if word in _FALSE:
            return settled
        if not container.is_task and self._rules.label != ALL and word not in _TRUE:
            return settled
        if self._service_opts_out(container.labels.get(SERVICE_ID_LABEL, "")):
            return HealPlan()
        if container.state == "paused":
            return _note(Reason("unhealthy_but_paused", container=container.title))
        patience, timeout = self._stop_seconds(container)
        due = health.since + self._rules.grace + patience
        subject = container.labels.get(SERVICE_ID_LABEL) or container.name
        self._seen.add(subject)
        if self._now < due:
            return self._wait(subject, due - self._now)
        unhealthy = Reason("unhealthy_for", seconds=self._now - health.since, checks=health.failing_streak)
        step: Step
        if container.is_task:
            step = StopContainer(
                container_id=container.id,
                title=container.title,
                started=container.started,
                timeout_seconds=round(timeout),
                why=(unhealthy, Reason("task_still_running")),
                why_not=(Reason("forced_update_restarts_all"),),
            )
        else:
            step = RestartContainer(
                container_id=container.id,
                title=container.title,
                started=container.started,
                timeout_seconds=round(timeout),
                why=(unhealthy,),
            )
        return self._attempt(subject, container.title, step)

    def evidence(self, container: Container) -> Ended | None:
        """Return the facts about a container that has ended; None if it was healthy or is not in scope."""
        if not container.is_task or not container.was_unhealthy:
            return None
        if container.labels.get(self._rules.label_name, "").lower() in _FALSE:
            return None
        if self._now - container.finished > LONGEST_MEMORY_SECONDS:
            return None
        return Ended(
            service_id=container.labels.get(SERVICE_ID_LABEL, ""),
            service=container.labels.get(SERVICE_NAME_LABEL, ""),
            task_id=container.labels.get(TASK_ID_LABEL, ""),
            exit_code=container.exit_code,
            finished=container.finished,
        )

    def ended(self, ended: Ended, container_id: str, restarted: set[str]) -> HealPlan:
        """Plan for a task whose unhealthy container has ended: Swarm replaces it now or never."""
        settled = HealPlan(settled=frozenset({container_id} - {""}))
        if self._snapshot is None:
            return replace(settled, for_manager=(ended,))
        service = self._snapshot.service_by_id.get(ended.service_id)
        if service is None or service.mode not in ("replicated", "global") or ended.service_id in restarted:
            return settled
        tasks = self._snapshot.tasks_of(service)
        task = next((task for task in tasks if task.id == ended.task_id), None)
        if task is None or task.should_run or _is_replaced(self._snapshot, service, task):
            return settled
        if self._service_opts_out(service.id):
            return HealPlan()
        if service.restart_condition == "none":
            return settled + _note(Reason("ended_unhealthy_runs_once", service=service.name))
        self._seen.add(service.id)
        if service.is_updating:
            return _note(Reason("ended_unhealthy_in_update", service=service.name))
        due = ended.finished + self._rules.grace
        if self._now < due:
            return self._wait(service.id, due - self._now)
        restarted.add(service.id)
        if ended.exit_code == 0:
            reason = Reason("ended_unhealthy_as_success")
        else:
            reason = Reason("restart_attempts_exhausted")
        step = RestartService(
            service_id=service.id,
            name=service.name,
            force_update=service.force_update,
            why=(reason,),
            why_not=(Reason("ended_container_not_replaced"),),
        )
        return self._attempt(service.id, service.name, step)

    def forget(self) -> tuple[SetHeal, ...]:
        """Forget everything that has not been unhealthy for a whole window."""
        return tuple(
            SetHeal(subject, None)
            for subject, heal in sorted(self._state.heals.items())
            if subject not in self._seen and self._now - heal.seen > self._rules.window
        )

    def _attempt(self, subject: str, title: str, step: Step) -> HealPlan:
        heal = self._state.heals.get(subject, Heal())
        if heal.given_up is not None:
            return HealPlan(plan=Plan(remember=self._seen_now(subject, heal)))
        recent = tuple(at for at in heal.attempts if self._now - at < self._rules.window)
        if recent:
            due = recent[-1] + self._rules.backoff * 2.0 ** (len(recent) - 1)
            if self._now < due:
                return self._wait(subject, due - self._now)
        if len(recent) >= self._rules.attempts:
            given_up = Reason(
                "healing_given_up", subject=title, attempts=len(recent), window=self._rules.window
            )
            edit = SetHeal(subject, Heal(attempts=recent, given_up=self._now, seen=self._now))
            return HealPlan(plan=Plan(warnings=(given_up,), remember=(edit,)), given_up=(given_up,))
        edit = SetHeal(subject, Heal(attempts=(*recent, self._now), seen=self._now))
        return HealPlan(plan=Plan(steps=(replace(step, intent_edits=(edit,)),)))

    def _wait(self, subject: str, seconds: float) -> HealPlan:
        heal = self._state.heals.get(subject)
        remember = () if heal is None else self._seen_now(subject, heal)
        return HealPlan(plan=Plan(remember=remember, requeue_after=seconds))

    def _seen_now(self, subject: str, heal: Heal) -> tuple[SetHeal, ...]:
        if self._now - heal.seen < SEEN_STEP_SECONDS:
            return ()
        return (SetHeal(subject, replace(heal, seen=self._now)),)

    def _service_opts_out(self, service_id: str) -> bool:
        if self._snapshot is None:
            return False
        service = self._snapshot.service_by_id.get(service_id)
        return service is not None and service.labels.get(self._rules.label_name, "").lower() in _FALSE

    def _stop_seconds(self, container: Container) -> tuple[float, float]:
        """Return how long Swarm may take to stop it, and after how long our own stop kills it."""
        service_id = container.labels.get(SERVICE_ID_LABEL, "")
        said = self._label_timeout(container)
        if said is None and service_id in self._stop_grace:
            said = self._stop_grace[service_id]
        if said is None and container.stop_timeout is not None:
            said = float(container.stop_timeout)
        if said is not None:
            return said, said
        return (
            UNKNOWN_STOP_GRACE_SECONDS if container.is_task else self._rules.stop_timeout,
            self._rules.stop_timeout,
        )

    def _label_timeout(self, container: Container) -> float | None:
        said = container.labels.get(f"{self._rules.label_name}.stop.timeout", "")
        return float(said) if said.isdigit() else None


def _is_replaced(snapshot: SwarmSnapshot, service: Service, task: Task) -> bool:
    """Return whether Swarm has replaced the task, or wants no task in its place."""
    desired = [other for other in snapshot.tasks_of(service) if other.should_run]
    if service.is_replicated:
        return any(other.slot == task.slot for other in desired) or len(desired) >= (service.replicas or 0)
    node = snapshot.node_by_id.get(task.node_id or "")
    gone = node is None or not node.is_ready or node.availability != "active"
    return gone or any(other.node_id == task.node_id for other in desired)


def _note(reason: Reason) -> HealPlan:
    return HealPlan(plan=Plan(notes=(reason,)))
