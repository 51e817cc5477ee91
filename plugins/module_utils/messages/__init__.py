# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message catalogue: every sentence that a user reads about a plan.

Planners return ``Reason(code, **params)``. The sentence for each code is here, in one file per capability.
``formatting`` describes the template syntax. ``tests/unit/test_messages.py`` checks that each code has
exactly one message and that each ``Reason`` passes the parameters that its message names.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from . import (
    anchors,
    autoheal,
    doctor,
    drain,
    labels,
    log_rotate,
    membership,
    metrics,
    mods,
    names,
    notify,
    prune,
    rebalance,
    scheduling,
    spread,
    starter,
    storage,
    swarm,
    verdict,
    what_if,
    whereabouts,
)
from .formatting import FORMATTER

CATALOGUES = (
    anchors,
    autoheal,
    doctor,
    drain,
    labels,
    log_rotate,
    membership,
    metrics,
    mods,
    names,
    notify,
    prune,
    rebalance,
    scheduling,
    spread,
    starter,
    storage,
    swarm,
    verdict,
    what_if,
    whereabouts,
)

MESSAGES: Mapping[str, str] = {
    code: template for catalogue in CATALOGUES for code, template in catalogue.MESSAGES.items()
}


def durations(code: str) -> frozenset[str]:
    """Return the parameters of a message that are durations. Their values change from cycle to cycle."""
    return _durations(MESSAGES[code])


@cache
def _durations(template: str) -> frozenset[str]:
    parts = FORMATTER.parse(template)
    return frozenset(name for _text, name, spec, _conversion in parts if name and spec == "duration")


def render(code: str, params: Mapping[str, Any]) -> str:
    """Return the sentence for ``code``. Raises KeyError for an unknown code or a missing parameter."""
    return FORMATTER.vformat(MESSAGES[code], (), params)
