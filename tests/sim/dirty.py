# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a task must be replaced, after swarmkit's ``manager/orchestrator/task.go``."""

from __future__ import annotations

from tests.sim import constraints
from tests.sim.objects import SimNode, SimTask, Spec


class Panic(Exception):
    """Real managers crash here, one after the other, for good."""


def is_dirty(spec: Spec, task: SimTask, node: SimNode | None) -> bool:
    """Return whether a task does not match ``spec``.

    If only the placement of its service has changed, a task is clean while its node meets the constraints. If
    the service no longer has a placement, real managers dereference it anyway, and panic.
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
