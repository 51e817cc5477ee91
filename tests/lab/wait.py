# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a condition, and report the last result on timeout."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from tests.lab.errors import LabError

T = TypeVar("T")

# the factor for all timeouts, on a slow machine
PATIENCE = float(os.environ.get("LAB_PATIENCE", "1"))


def wait_until(condition: Callable[[], T], timeout: float = 30, what: str = "", interval: float = 0.2) -> T:
    """Call ``condition`` until its result is true, and return that result.

    :param timeout: seconds, multiplied by the ``PATIENCE`` of the environment
    :param what: a description of the condition for the error message
    :param interval: seconds between two calls

    An ``OSError`` or ``LabError`` of the condition (an engine that doesn't answer yet) counts as "not yet".
    Raises ``LabError`` with ``what`` and the last result or error.
    """
    timeout *= PATIENCE
    deadline = time.monotonic() + timeout
    while True:
        try:
            value = condition()
            if value:
                return value
            last = f"last value: {value!r}"
        except (OSError, LabError) as error:
            last = f"last error: {error}"
        if time.monotonic() >= deadline:
            label = what or getattr(condition, "__name__", "a condition")
            raise LabError(f"waited {timeout:g} s for {label}; {last}")
        time.sleep(interval)
