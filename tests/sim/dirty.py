# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a task has to be replaced, after swarmkit's ``manager/orchestrator/task.go``."""

from __future__ import annotations

from tests.sim import constraints
from tests.sim.objects import SimNode, SimTask, Spec


class Panic(Exception):
    """Real managers crash here, one after the other, for good."""


def is_dirty(spec: Spec, task: SimTask, node: SimNode | None) -> bool:
    """Whether a task is not as ``spec`` wants it.

    One whose service changed in nothing but its placement is clean as long as its node meets the constraints.
    If the service has no placement any more, real managers look into it all the same, and panic.
    """
    old = task.spec
    if old.version == spec.version:
        return False
    same_template = old.keys.template == spec.keys.template
    if same_template and old.keys.placement != spec.keys.placement:
        if node is not None and not spec.has_placement:
            raise Panic("invalid memory address or nil pointer dereference: the placement is gone")
        if node is not None and constraints.allows(spec.constraints, node):
            return False
    return (
        not same_template
        or old.keys.placement != spec.keys.placement
        or old.keys.endpoint != spec.keys.endpoint
    )
