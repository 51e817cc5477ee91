# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait until nodes are ready and services run."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from .._model.errors import OrcastraError
from .._model.reasons import Reason
from .._observe.engine import Engine
from .._observe.errors import EngineError
from .._observe.observation import observe
from .._plan.convergence import absence, unconverged_services
from .._plan.drain.availability import one_node

LOOK_SECONDS = 1.0


def wait_until_converged(
    engine: Engine,
    names: Sequence[str],
    timeout: float,
    *,
    services: bool,
    ignore: Collection[str] = (),
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Mapping[str, Reason]:
    """Wait until the nodes are ready and, with ``services``, all services except those in ``ignore`` run.

    Returns the problems left after ``timeout`` seconds, by the name of the node or service. Keeps asking
    while the swarm has no leader. Raises OrcastraError if a node doesn't exist.
    """
    deadline = clock() + timeout
    while True:
        lacking: dict[str, Reason] = {}
        try:
            snapshot = observe(engine).snapshot
        except EngineError as error:
            lacking["the swarm"] = Reason("engine_problem", problem=str(error))
        else:
            nodes = [one_node(snapshot, name) for name in names]
            lacking |= {node.hostname: why for node in nodes if (why := absence(node)) is not None}
            if services:
                lacking |= {
                    name: why for name, why in unconverged_services(snapshot).items() if name not in ignore
                }
        if not lacking or clock() >= deadline:
            return lacking
        sleep(LOOK_SECONDS)


def what_lacks(lacking: Mapping[str, Reason], timeout: float) -> OrcastraError:
    return OrcastraError(f"timed out after {timeout:g} s: {'; '.join(map(str, lacking.values()))}")
