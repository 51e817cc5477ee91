# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drain nodes, pass by pass, and wait until they are empty."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .._model.desired import DesiredState
from .._model.errors import OrcastraError
from .._model.steps import Plan
from .._observe.engine import Engine
from .._observe.observation import observe
from .._plan.drain.availability import left_on, one_node
from .._plan.drain.plan import next_pass
from .executor import carry_out

LOOK_SECONDS = 1.0

_STATES = {"pause": "paused", "drain": "drained", "active": "still active"}


@dataclass
class Drainer:
    """Empties nodes. Each pass observes the swarm again, until no task is left and no move is under way.

    ``timeout`` limits two waits, in seconds each: until a node may be drained, and until it is empty.
    ``protect_quorum``: refuse if the managers would lose their quorum without the node. ``done`` lists
    the completed steps, even after an error.
    """

    engine: Engine
    desired: DesiredState
    timeout: float
    protect_quorum: bool
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    done: Plan = field(default_factory=Plan)

    def run(self, name: str) -> None:
        """Raises OrcastraError on timeout, with the remaining tasks and the state of the node."""
        availability = ""
        deadline = 0.0
        while True:
            seen = observe(self.engine)
            node = one_node(seen.snapshot, name)
            if availability not in ("drain", node.availability):
                # progress: the timeout starts again
                availability, deadline = node.availability, self.clock() + self.timeout
            step = next_pass(
                seen.snapshot, self.desired, seen.state, name, self.now(), protect_quorum=self.protect_quorum
            )
            self.done += Plan(step.plan.steps, step.plan.warnings)
            outcome = carry_out(self.engine, step.plan)
            if step.failed:
                why = "; ".join(map(str, step.failed))
                raise OrcastraError(f"node {node.hostname} is {_STATES[availability]}: {why}")
            if step.is_over:
                return
            if self.clock() >= deadline:
                problems = [str(result.error) for result in outcome.failures]
                raise OrcastraError(
                    f"node {node.hostname} is {_STATES[availability]}, and not empty after "
                    f"{self.timeout:g} s: {'; '.join([*map(str, step.left), *problems])}"
                )
            self.sleep(LOOK_SECONDS)


def wait_until_empty(
    engine: Engine,
    names: Sequence[str],
    timeout: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until no task runs or stops on the nodes, at most ``timeout`` seconds.

    Raises OrcastraError with the remaining tasks of each node on timeout. There is no point in waiting for a
    node that is down: it no longer reports its containers.
    """
    deadline = clock() + timeout
    while True:
        snapshot = observe(engine).snapshot
        nodes = [one_node(snapshot, name) for name in names]
        left = [
            f"node {node.hostname}: {text}"
            for node in nodes
            if not node.is_down
            for text in left_on(snapshot, node.id)
        ]
        if not left:
            return
        if clock() >= deadline:
            raise OrcastraError(f"not empty after {timeout:g} s: {'; '.join(left)}")
        sleep(LOOK_SECONDS)
