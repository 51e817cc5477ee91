# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations in the syntax of Compose files, which is Go's (``time.ParseDuration``)."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(h|ms|m|us|s|ns))+$(?!\n)"
DURATION_TITLE = "a duration such as 10s or 1m30s, or a number of seconds"

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|us|s|ns)")


def nanoseconds(value: str | float) -> int:
    """``1m30s``, or a number of seconds, in nanoseconds. A string must match DURATION_PATTERN."""
    if not isinstance(value, str):
        return round(value * _NANOSECONDS["s"])
    return round(sum(float(number) * _NANOSECONDS[unit] for number, unit in _PART.findall(value)))
