# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait until drained nodes are empty."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from .._model.errors import OrcastraError
from .._observe.engine import Engine
from .._observe.observation import observe
from .._plan.drain.availability import left_on, one_node

LOOK_SECONDS = 1.0


def wait_until_empty(
    engine: Engine,
    names: Sequence[str],
    timeout: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until no task runs or stops on the nodes, at most ``timeout`` seconds.

    Raises OrcastraError with what is left on which node once the time is over. A node that is down cannot be
    waited for: it says nothing more of its containers.
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
