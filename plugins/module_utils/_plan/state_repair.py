# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the repair of a damaged state object, which comes before everything else."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from .._model.reasons import Reason
from .._model.steps import Plan, RepairState


def plan_state_repair(damage: tuple[Reason, ...]) -> Plan:
    """Plan to set a damaged state object aside. ``damage`` has a reason for each damaged part."""
    if not damage:
        return Plan()
    return Plan(
        steps=(
            RepairState(
                why=damage,
                why_not=(Reason("label_owners_unknown"),),
                damage=damage,
            ),
        )
    )
