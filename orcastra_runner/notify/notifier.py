# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The notifier: notes problems and events in the saved state, and sends the messages about them.

A problem and its message are saved in one write. Each message is then claimed, sent and confirmed. An
instance that is lost after it has saved a message leaves it to the next active instance:

- unclaimed: the next instance sends it
- claimed, and not confirmed for UNCONFIRMED_SECONDS: it may have been sent, so the next instance sends it
  again and marks it as a possible repetition

So no saved message is lost, and only messages with that mark can be sent twice. A target that
has confirmed a message never gets it again because another target fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.notices import (
    LEVELS,
    MAX_WAITING,
    ClaimNotices,
    ConfirmNotices,
    NotClaimed,
    Outgoing,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import StateEdit
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe_state
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.notices import NoticePlan, plan_notices
from orcastra_runner.dedup import ProblemLog
from orcastra_runner.log import get_logger
from orcastra_runner.notify.events import Event, is_move
from orcastra_runner.notify.facts import Facts
from orcastra_runner.notify.letter import letter_of
from orcastra_runner.notify.targets import Letter, Target, send_to_all
from orcastra_runner.schedule import LONGEST_RETRY_SECONDS, retry_delay
from orcastra_runner.status import StatusStore, View
from orcastra_runner.swarm import node_name

# An older observation may be that of an instance that is no longer active and doesn't know it yet.
FRESH_SECONDS = 15.0
# An attempt takes at most SEND_SECONDS. If it isn't confirmed after this, its instance is gone.
UNCONFIRMED_SECONDS = 60.0
# A target that fails for this long doesn't get the message.
KEEP_SECONDS = 86_400.0

Send = Callable[[Sequence[tuple[Target, Letter]]], Mapping[Target, str | None]]

log = get_logger()


@dataclass(frozen=True, slots=True)
class NotifyRules:
    """``level``: the least severe level; ``moves``: whether moves are reported; ``interval`` in seconds."""

    level: str = LEVELS[0]
    moves: bool = False
    interval: float = 60.0


@dataclass(slots=True)
class _Receiver:
    """A target: the number of failures in a row, and the time before which it gets nothing."""

    target: Target
    failures: int = 0
    not_before: float = float("-inf")


@dataclass(slots=True)
class _Claims:
    """The claims of other instances, and when this one first saw each; results that were not saved yet.

    ``token`` is that of the next claim.
    """

    token: str = field(default_factory=lambda: uuid4().hex)
    foreign: dict[tuple[str, str], float] = field(default_factory=dict)
    results: list[ConfirmNotices] = field(default_factory=list)


class Notifier:
    """Notifies on behalf of one instance. One thread uses it."""

    def __init__(
        self,
        targets: Sequence[Target],
        rules: NotifyRules,
        status: StatusStore,
        problems: ProblemLog | None = None,
        *,
        local_jobs: Collection[str] = (),
        send: Send = send_to_all,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``clock`` returns seconds since the epoch, as for ``status``; ``monotonic`` monotonic seconds."""
        self._receivers = {target.name: _Receiver(target) for target in targets}
        self._rules = rules
        self._status = status
        self._problems = problems or ProblemLog(monotonic, status.problem)
        self._local_jobs = frozenset(local_jobs)
        self._send = send
        self._clock = clock
        self._monotonic = monotonic
        self._acts_since: float | None = None
        self._planned: float | None = None
        self._over_since: Mapping[str, float] = {}
        self._is_waiting = False
        self._claims = _Claims()
        self.hostname = ""
        """The host name of this node, if it is a worker."""

    def has_work(self) -> bool:
        """Return whether a round would do anything. Makes no request."""
        view = self._status.view()
        if self._status.events.waiting() or self._plan(view).edits or self._claims.results:
            return True
        return view.acts and self._has_waiting(view) and self._is_due()

    def round(self, engine: Engine) -> None:
        """Save new problems and events, then send the messages that are due. Raises the errors of the engine.

        A failing target is no error; it is reported, and tried again later.
        """
        view, store = self._status.view(), StateStore(engine)
        self._confirm(store)
        self._save(view, store)
        if view.acts and self._has_waiting(view) and self._is_due():
            self._deliver(view, engine)

    def _save(self, view: View, store: StateStore) -> None:
        """Save new problems, solved ones and events."""
        events = self._status.events.waiting()
        told = [event for event in events if self._is_told(event, view)]
        edits: list[StateEdit] = [*self._plan(view).edits, *(event.edit(self._name(view)) for event in told)]
        if edits:
            store.update(edits)
            self._is_waiting = True
        self._status.events.discard(events)
        self._planned = view.observed_at

    def _plan(self, view: View) -> NoticePlan:
        """Plan the changes that follow from the last observation, until they are saved."""
        if not view.acts:
            self._acts_since = None
        elif self._acts_since is None:
            self._acts_since = self._clock()
        if view.seen is None or view.observed_at == self._planned or not self._is_fresh(view):
            return NoticePlan()
        facts = Facts(view, view.seen, self._local_jobs, self._acts_since)
        plan = plan_notices(
            facts.findings(),
            view.seen.state,
            view.seen.snapshot,
            self._clock(),
            knows=facts.knows,
            over_since=self._over_since,
            least=self._rules.level,
        )
        self._over_since = plan.over_since
        if not plan.edits:
            self._planned = view.observed_at
        return plan

    def _is_fresh(self, view: View) -> bool:
        return view.observed_at is not None and self._clock() - view.observed_at <= FRESH_SECONDS

    def _is_told(self, event: Event, view: View) -> bool:
        if LEVELS.index(event.level) < LEVELS.index(self._rules.level):
            return False
        return self._rules.moves or not is_move(event.reason(self._name(view)).code)

    def _has_waiting(self, view: View) -> bool:
        return self._is_waiting or (view.seen is not None and bool(view.seen.state.outbox))

    def _is_due(self) -> bool:
        now = self._monotonic()
        return any(receiver.not_before <= now for receiver in self._receivers.values())

    def _confirm(self, store: StateStore) -> None:
        """Save the results of attempts."""
        if self._claims.results:
            store.update(self._claims.results)
            self._claims.results.clear()

    def _deliver(self, view: View, engine: Engine) -> None:
        outbox = observe_state(engine).outbox
        self._is_waiting = bool(outbox)
        if len(outbox) >= MAX_WAITING:
            log.warning("too many notifications waiting", summary="events are lost until some are delivered")
        free = {key: message for key, message in outbox.items() if self._is_free(key, message)}
        batches = self._batches(free)
        # those whose targets are no longer configured are only removed
        orphans = {key for key, message in free.items() if not self._left(message)}
        chosen = sorted(orphans | {key for keys in batches.values() for key in keys})
        if not chosen:
            return
        store, token = StateStore(engine), self._claims.token
        claim = ClaimNotices({key: free[key].claim for key in chosen}, token, tuple(self._receivers))
        try:
            store.update([claim])
        except NotClaimed as error:
            # the next round reads the outbox again
            log.debug("notifications not claimed", error=str(error))
            return
        # an attempt whose claim may not have been saved uses its token again
        self._claims.token = uuid4().hex
        letters = []
        for name, keys in batches.items():
            messages = [replace(free[key], repeat=self._may_repeat(free[key], token)) for key in keys]
            letters.append((self._receivers[name].target, letter_of(messages, self._name(view))))
        results = self._send(letters)
        self._report(results)
        done = {key: self._finished(key, free[key], batches, results) for key in chosen}
        self._claims.results.append(ConfirmNotices(token, done))
        self._confirm(store)
        self._is_waiting = any(
            key not in done or done[key] < frozenset(self._left(message)) for key, message in outbox.items()
        )

    def _is_free(self, key: str, message: Outgoing) -> bool:
        """Return whether this instance may send the message: no claim, or one that is too old."""
        if message.claim in ("", self._claims.token):
            return True
        now = self._monotonic()
        first = self._claims.foreign.setdefault((key, message.claim), now)
        return now - first >= UNCONFIRMED_SECONDS

    @staticmethod
    def _may_repeat(message: Outgoing, token: str) -> bool:
        return message.repeat or message.claim not in ("", token)

    def _batches(self, outbox: Mapping[str, Outgoing]) -> dict[str, list[str]]:
        """Return the IDs of the messages for each target that may get a message now, the oldest first."""
        now = self._monotonic()
        ordered = sorted(outbox, key=lambda key: (outbox[key].at, key))
        batches = {}
        for name, receiver in self._receivers.items():
            if receiver.not_before <= now:
                keys = [key for key in ordered if name in self._left(outbox[key])]
                if keys:
                    batches[name] = keys
        return batches

    def _left(self, message: Outgoing) -> tuple[str, ...]:
        if message.left is None:
            return tuple(self._receivers)
        return tuple(name for name in message.left if name in self._receivers)

    def _finished(
        self,
        key: str,
        message: Outgoing,
        batches: Mapping[str, list[str]],
        results: Mapping[Target, str | None],
    ) -> frozenset[str]:
        """Return the targets that have got the message, or never will."""
        is_old = self._clock() - message.at > KEEP_SECONDS
        found = set()
        for name in self._left(message):
            was_sent = key in batches.get(name, ())
            if was_sent and results[self._receivers[name].target] is None:
                found.add(name)
            elif is_old:
                found.add(name)
                self._status.metrics.notifications.labels("lost").inc()
                log.error("notification lost", summary=message.reason, to=name)
        return frozenset(found)

    def _report(self, results: Mapping[Target, str | None]) -> None:
        now = self._monotonic()
        for target, problem in results.items():
            receiver, topic = self._receivers[target.name], f"notifications to {target.name}"
            if problem is None:
                receiver.failures, receiver.not_before = 0, now + self._rules.interval
                self._problems.resolved(topic)
                self._status.metrics.notifications.labels("sent").inc()
                log.info("notification sent", to=target.name)
            else:
                receiver.failures += 1
                receiver.not_before = now + retry_delay(receiver.failures, LONGEST_RETRY_SECONDS)
                self._problems.report(topic, problem)
                self._status.metrics.notifications.labels("failed").inc()

    def _name(self, view: View) -> str:
        return self.hostname if view.seen is None else node_name(view.seen)
