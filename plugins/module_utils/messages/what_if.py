# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forecasts: what would happen if nodes were lost or added."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "no_place_on_node": "{node}: {reasons:by ; }",
    "anchor_goes_elsewhere": "{anchors:and} would run on another node",
    "no_room_left_there": "tasks that are placed earlier leave no room",
    "majority_lost": "{left} of {managers} managers would remain, but a majority requires {needed}",
}
