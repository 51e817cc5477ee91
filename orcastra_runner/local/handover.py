# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes over the reboot of a host from the instance that runs on it, and can't do it itself.

Each instance with an inventory checks the saved state for offers, whichever node is the leader. That is one
small request every few seconds, unless there is an offer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import (
    DONE,
    INTERRUPTED,
    STATE_NAME,
    BeatHandover,
    FinishCommand,
    Handover,
    NotOffered,
    StateEdit,
    TakeHandover,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import HANDOVERS_LABEL, decode
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineUnreachable,
    NoLeader,
    NotAManager,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe_nodes
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain.handover import (
    Myself,
    joined,
    out_of_service,
    takeable,
)
from orcastra_runner.command.handover import boot_id
from orcastra_runner.command.run import STOPPED_MESSAGE, Outcome, carry_out
from orcastra_runner.command.table import REBOOT
from orcastra_runner.jobs import RunPlaybook, Stopped
from orcastra_runner.log import get_logger
from orcastra_runner.status import StatusStore

CHECK_SECONDS = 5.0
# A worker must connect to a manager each time.
WORKER_CHECK_SECONDS = 20.0
BEAT_SECONDS = 15.0

log = get_logger()


class HandoverJob:
    """Takes offered reboots, one at a time."""

    name = "handover"
    interval = CHECK_SECONDS

    def __init__(
        self,
        run_on_hosts: RunPlaybook,
        connect: Callable[[], Engine],
        connect_manager: Callable[[], Engine] | None,
        status: StatusStore | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``connect`` connects to this node's engine, ``connect_manager`` connects a worker to a manager."""
        self.woken = threading.Event()
        self._instance = uuid4().hex[:8]
        self._run_on_hosts = run_on_hosts
        self._connect = connect
        self._connect_manager = connect_manager
        self._status = status or StatusStore()
        self._clock = clock
        self._monotonic = monotonic
        self._next = monotonic()
        self._late: FinishCommand | None = None

    def seconds_to_next(self) -> float:
        return max(0.0, self._next - self._monotonic())

    def run(self, engine: Engine) -> None:
        self._next = self._monotonic() + CHECK_SECONDS
        try:
            self._check(engine, engine, self._connect)
        except NoLeader as error:
            log.debug("could not check handovers", error=str(error))
        except NotAManager:
            self._next = self._monotonic() + WORKER_CHECK_SECONDS
            if self._connect_manager is not None:
                with closing(self._connect_manager()) as manager:
                    self._check(engine, manager, self._connect_manager)

    def _check(self, own: Engine, manager: Engine, connect: Callable[[], Engine]) -> None:
        """Check the saved state of ``manager``; ``own`` is this node's engine, ``connect`` reconnects."""
        self._enter_result(manager)
        labels = _labels(manager)
        if HANDOVERS_LABEL not in labels:
            return
        state, _damage = decode(labels, self._clock())
        info = own.info()
        node_id = str((info.get("Swarm") or {}).get("NodeID", ""))
        me = Myself(node_id, boot_id(), is_local=own.is_local)
        for key in takeable(state, me, self._clock()):
            if self._take(manager, connect, key, state.handovers[key], str(info.get("Name", me.node_id))):
                return

    def _take(
        self, manager: Engine, connect: Callable[[], Engine], key: str, handover: Handover, here: str
    ) -> bool:
        """Take an offer and reboot its hosts, unless another instance took it.

        Returns whether this one did.
        """
        names = ", ".join(handover.names)
        message = joined(handover.done, f"{names} is being rebooted by the instance on {here}")
        claim = TakeHandover(key, self._instance, here, message)
        try:
            try:
                StateStore(manager).update([claim])
            except EngineUnreachable:
                # the write may have succeeded; the claim is idempotent
                with closing(connect()) as engine:
                    StateStore(engine).update([claim])
        except NotOffered as error:
            log.debug("handover not taken", summary=names, reason=str(error))
            return False
        log.info("reboot taken over", summary=names)
        with self._beating(connect, key):
            outcome = self._reboot(handover)
        message = self._message(connect, handover, here, outcome)
        self._late = FinishCommand(key, self._instance, outcome.status, message, self._clock())
        try:
            with closing(connect()) as engine:
                self._enter_result(engine)
        except OrcastraError as error:
            log.warning("command result not saved yet", summary=message, error=str(error))
        return True

    def _reboot(self, handover: Handover) -> Outcome:
        variables = {str(REBOOT.variable): list(handover.nodes)}
        try:
            return carry_out(lambda: self._run_on_hosts, REBOOT, variables)
        except Stopped:
            return Outcome(INTERRUPTED, STOPPED_MESSAGE)

    def _message(self, connect: Callable[[], Engine], handover: Handover, here: str, outcome: Outcome) -> str:
        names = ", ".join(handover.names)
        if outcome.status == DONE:
            done = f"{names} was rebooted by the instance on {here}"
            return joined(handover.done, done if outcome.rebooted else f"{names}: {outcome.message}")
        text = joined(handover.done, f"{names} was handed over to the instance on {here}: {outcome.message}")
        # the message of a failed playbook already contains the availability of the node
        return joined(text, _left_behind(connect, handover)) if outcome.status == INTERRUPTED else text

    def _enter_result(self, engine: Engine) -> None:
        """Save and log the result that could not be saved before, if there is one."""
        result = self._late
        if result is None:
            return
        StateStore(engine).update([result])
        self._late = None
        record = decode(_labels(engine), self._clock())[0].commands.get(result.key)
        if record is not None:
            self._status.commanded(record)
            if record.status == DONE:
                log.info("command finished", summary=record.command, result=record.message)
            else:
                log.error(
                    "command failed", summary=record.command, status=record.status, error=record.message
                )

    @contextmanager
    def _beating(self, connect: Callable[[], Engine], key: str) -> Iterator[None]:
        """Send heartbeats for a handover in the background."""
        ended = threading.Event()
        edits: list[StateEdit] = [BeatHandover(key, self._instance)]

        def beat() -> None:
            while not ended.wait(BEAT_SECONDS):
                try:
                    with closing(connect()) as engine:
                        StateStore(engine).update(edits)
                except OrcastraError as error:
                    log.debug("could not send heartbeat", error=str(error))

        thread = threading.Thread(target=beat, name="handover beat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()


def _left_behind(connect: Callable[[], Engine], handover: Handover) -> str:
    try:
        with closing(connect()) as engine:
            return joined(*out_of_service(observe_nodes(engine), handover.nodes))
    except OrcastraError:
        return f"run `orcastra status` to see whether {', '.join(handover.names)} is still drained"


def _labels(engine: Engine) -> dict[str, str]:
    found = engine.find_config(STATE_NAME)
    labels: dict[str, str] = (found or {}).get("Spec", {}).get("Labels") or {}
    return labels
