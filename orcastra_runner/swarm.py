# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access to the swarm: one engine connection for the whole process, and one observation for each cycle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import Outcome, carry_out
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.state_store import StateStore
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import StateEdit
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine, Json
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.errors import (
    EngineError,
    EngineTimeout,
    EngineUnreachable,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation, observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.followers import (
    DEFAULT_GIVE_UP_SECONDS,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.state_repair import plan_state_repair
from orcastra_runner.log import get_logger

# Request timeout of a standby instance, which must be ready to take over.
STANDBY_TIMEOUT_SECONDS = 3.0

log = get_logger()


class Swarm:
    """Observes the swarm. An observation is reused until ``invalidate`` is called."""

    def __init__(
        self,
        connect: Callable[[], Engine],
        guard: Callable[[], AbstractContextManager[None]] = nullcontext,
        on_observed: Callable[[Observation, float], None] = lambda _seen, _seconds: None,
    ) -> None:
        """``guard`` returns a context manager around requests to the engine.

        ``on_observed`` gets each observation and its duration in seconds.
        """
        self._on_observed = on_observed
        # whether an observation may take as long as the usual timeout
        self.uses_full_timeout = True
        self._connect = connect
        self._guard = guard
        self._engine: Engine | None = None
        self._seen: Observation | None = None

    def observe(self) -> Observation:
        """Return the current observation. Raises the errors of the engine."""
        if self._seen is None:
            started = time.perf_counter()
            with self._guard():
                self._seen = self._observe()
            milliseconds = (time.perf_counter() - started) * 1000
            self._on_observed(self._seen, milliseconds / 1000)
            log.debug("swarm observed", requests=self._seen.requests, ms=round(milliseconds, 1))
        return self._seen

    def carry_out(self, plan: Plan) -> Outcome:
        """Carry out a plan made from the current observation, in this process.

        Raises the errors of the engine.
        """
        return carry_out(self._connected(), plan)

    def own_node_id(self) -> str:
        """Return the ID of the node on which this process runs; empty if its engine may be remote."""
        seen = self.observe()
        return seen.local_node_id if self._engine is not None and self._engine.is_local else ""

    def describe(self) -> Json:
        """Return the engine's description of the swarm, including its settings."""
        return self._connected().get_cluster()

    def _connected(self) -> Engine:
        """Return the engine of the current observation. Raises the errors of the engine."""
        self.observe()
        if self._engine is None:
            raise EngineUnreachable("the connection to the engine was lost")
        return self._engine

    def networks(self) -> dict[str, str]:
        """Return the names of the swarm's networks by ID; empty if a socket proxy refuses to list them."""
        engine = self._connected()
        try:
            return {raw["Id"]: raw["Name"] for raw in engine.swarm_networks()}
        except EngineUnreachable:
            raise
        except EngineError:
            return {}

    def save(self, edits: Iterable[StateEdit]) -> None:
        """Write to the saved state at once. Raises the errors of the engine and of the edits.

        If the connection is lost, the write is repeated once, so edits must be idempotent.
        """
        edits = tuple(edits)
        self.invalidate()
        try:
            self._write(edits)
        except EngineUnreachable:
            self.close()
            self._write(edits)

    def _write(self, edits: tuple[StateEdit, ...]) -> None:
        if self._engine is None:
            self._engine = self._connect()
        StateStore(self._engine).update(edits)

    def invalidate(self) -> None:
        """Discard the current observation."""
        self._seen = None

    def close(self) -> None:
        """Close the connection. The next observation opens a new one."""
        self.invalidate()
        if self._engine is not None:
            engine, self._engine = self._engine, None
            engine.close()

    def _observe(self) -> Observation:
        is_kept = self._engine is not None
        try:
            return self._try_to_observe()
        except EngineTimeout:
            # the engine is reachable, and a second attempt would not be faster
            raise
        except EngineUnreachable:
            # the engine may have closed an idle connection, or have restarted
            if not is_kept:
                raise
        return self._try_to_observe()

    def _try_to_observe(self) -> Observation:
        if self._engine is None:
            self._engine = self._connect()
        try:
            if self.uses_full_timeout:
                return observe(self._engine)
            with self._engine.impatient(STANDBY_TIMEOUT_SECONDS):
                return observe(self._engine)
        except BaseException:
            self.close()
            raise


def plan_all(
    seen: Observation, desired: DesiredState, give_up_seconds: float = DEFAULT_GIVE_UP_SECONDS
) -> Plan:
    """Plan everything that the site playbook does, with the planners of its modules."""
    return plan_state_repair(seen.damage) + plan_anchors(
        seen.snapshot, desired, seen.state, time.time(), give_up_seconds, static_labels=True
    )


def leader_of(seen: Observation) -> str | None:
    """Return the host name of the swarm leader."""
    return next((node.hostname for node in seen.snapshot.nodes if node.leader), None)


def node_name(seen: Observation) -> str:
    """Return the host name of the node whose engine this process uses."""
    node = seen.snapshot.node_by_id.get(seen.local_node_id)
    return node.hostname if node else seen.local_node_id
