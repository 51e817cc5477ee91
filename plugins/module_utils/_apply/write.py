# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lossless read-modify-write: change the fields we own, and return every other field exactly as it was read.

Each function takes a ``change``, which gets a copy of the current value and returns the desired one. If
another client has written in between, ``change`` is called again with the new value.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable

from .._observe.engine import Engine, Json
from .._observe.errors import OutOfSequence

# Twenty writers to one object finish within seconds; after a whole minute something else is wrong.
RETRY_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0

Change = Callable[[Json], Json]


def change_node(engine: Engine, node_id: str, change: Change) -> bool:
    """Change a node's spec. Returns whether it was written. Raises NotFound if the node is gone."""
    return read_modify_write(
        lambda: engine.get_node(node_id),
        lambda version, spec: engine.update_node(node_id, version, spec),
        change,
    )


def change_service(
    engine: Engine, service_id: str, change: Change, check: Callable[[Json], None] | None = None
) -> bool:
    """Change a service's spec. Returns whether it was written. Raises NotFound if the service is gone.

    ``check`` gets the whole service each time it is read, and may raise to prevent the write.
    """

    def read() -> Json:
        service = engine.get_service(service_id)
        if check is not None:
            check(service)
        return service

    return read_modify_write(
        read,
        lambda version, spec: engine.update_service(service_id, version, spec),
        change,
    )


def read_modify_write(read: Callable[[], Json], write: Callable[[int, Json], None], change: Change) -> bool:
    """Write what ``change`` makes of the current spec. Returns whether it was written."""

    def attempt() -> bool:
        current = read()
        desired = change(copy.deepcopy(current["Spec"]))
        if desired == current["Spec"]:
            return False
        write(current["Version"]["Index"], desired)
        return True

    return retry_conflicts(attempt)


def retry_conflicts(attempt: Callable[[], bool]) -> bool:
    """Call ``attempt``, which reads and writes an object, until no other writer comes between.

    The pauses have full jitter, as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015). Raises
    OutOfSequence if other writers have kept winning for RETRY_SECONDS.
    """
    deadline = time.monotonic() + RETRY_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return attempt()
        except OutOfSequence:
            if time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0, pause))  # noqa: S311 no secret hangs on it
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
