# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Empty a node so that what starts elsewhere first has started there before it stops here."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.executor import carry_out
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import observe
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.drain import one_node
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.vacate import next_pass

LOOK_SECONDS = 1.0

_STATES = {"pause": "paused", "drain": "drained", "active": "still active"}


@dataclass
class Vacating:
    """Empties nodes, each pass from a fresh look, until nothing is left there and nothing is under way.

    ``timeout`` is in seconds, for each of two parts: until a node may be drained, and until it is empty.
    ``spare``: refuse where the managers would lose their quorum without the node. What was done is in
    ``done``, also where it ends with an error.
    """

    engine: Engine
    wanted: Wanted
    timeout: float
    spare: bool
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    done: Plan = field(default_factory=Plan)

    def run(self, name: str) -> None:
        """Raises OrcastraError, with what is left on the node and how the node is, where it does not end."""
        availability = ""
        deadline = 0.0
        while True:
            seen = observe(self.engine)
            node = one_node(seen.picture, name)
            if availability not in ("drain", node.availability):
                # one more part of the way is done
                availability, deadline = node.availability, self.clock() + self.timeout
            step = next_pass(seen.picture, self.wanted, seen.state, name, self.now(), spare=self.spare)
            self.done += Plan(step.plan.steps, step.plan.warnings)
            outcome = carry_out(self.engine, step.plan)
            if step.failed:
                why = "; ".join(step.failed)
                raise OrcastraError(f"node {node.hostname} is {_STATES[availability]}: {why}")
            if step.is_over:
                return
            if self.clock() >= deadline:
                problems = [str(result.error) for result in outcome.failures]
                raise OrcastraError(
                    f"node {node.hostname} is {_STATES[availability]}, and not empty after "
                    f"{self.timeout:g} s: {'; '.join([*step.left, *problems])}"
                )
            self.sleep(LOOK_SECONDS)
