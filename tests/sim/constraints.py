# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Placement constraints, after swarmkit's ``manager/constraint``: a small independent implementation.

It shares no code with the code under test, so that mistakes there become visible.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from tests.sim.objects import SimNode

_KEY = re.compile(r"(?ia)[a-z_][a-z0-9\-_.]+")
_VALUE = re.compile(r"(?ia)[a-z0-9:\-_\s.*()?+\[\]\\^$|/]+")
_NODE_LABELS = "node.labels."
_ENGINE_LABELS = "engine.labels."

Parsed = tuple[str, bool, str]
"""Key, whether it must be equal, value."""


@lru_cache(maxsize=65536)
def parse(text: str) -> Parsed:
    """Raises ValueError with Swarm's message."""
    for operator in ("==", "!="):
        if operator not in text:
            continue
        key, _, value = text.partition(operator)
        key, value = key.strip(), value.strip()
        if not _KEY.fullmatch(key):
            raise ValueError(f"key '{key}' is invalid")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"value '{value}' is invalid")
        return key, operator == "==", value
    raise ValueError("constraint expected one operator from ==, !=")


def allows(constraints: tuple[str, ...], node: SimNode) -> bool:
    """Whether ``node`` meets all of ``constraints``."""
    return all(_meets(parse(text), node) for text in constraints)


def _meets(constraint: Parsed, node: SimNode) -> bool:
    key, equal, value = constraint
    lower = key.lower()
    if lower == "node.ip":
        return _meets_address(equal, value, node.address)
    if lower == "node.id":
        found = node.id
    elif lower == "node.hostname":
        found = node.hostname
    elif lower == "node.role":
        found = node.role
    elif lower == "node.platform.os":
        found = node.os
    elif lower == "node.platform.arch":
        found = node.architecture
    elif lower.startswith(_NODE_LABELS) and len(key) > len(_NODE_LABELS):
        found = node.labels.get(key[len(_NODE_LABELS) :], "")
    elif lower.startswith(_ENGINE_LABELS) and len(key) > len(_ENGINE_LABELS):
        found = node.engine_labels.get(key[len(_ENGINE_LABELS) :], "")
    else:
        return False
    return (found.lower() == value.lower()) == equal


def _meets_address(equal: bool, value: str, address: str) -> bool:
    try:
        found = ipaddress.ip_address(address) in ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return found == equal
