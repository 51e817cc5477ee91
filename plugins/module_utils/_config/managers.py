# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of the swarm that a schema cannot express: the number of managers, and address pools."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from .._model.desired import NodeConfig, SwarmConfig
from .._model.errors import Problem
from .._model.membership import MAX_MANAGERS
from ..messages.formatting import plural
from .merge import Merged
from .words import describe

_ODD = "an odd number of managers (1, 3, 5 or 7)"


def build_swarm(merged: Merged) -> tuple[SwarmConfig, list[Problem]]:
    """Build the part ``swarm``. Returns it and its problems."""
    values = {key: value for key, value in merged.swarm.items() if not key.startswith("x-")}
    problems = []
    pools = values.get("default_addr_pool")
    for index, pool in enumerate(pools or ()):
        try:
            ipaddress.ip_network(pool)
        except ValueError:
            path = ("swarm", "default_addr_pool", index)
            problems.append(merged.problem(path, "a network such as 10.20.0.0/16", describe(pool)))
    if pools is not None:
        values["default_addr_pool"] = tuple(pools)
    return SwarmConfig(**values), problems


def check_managers(merged: Merged, nodes: Mapping[str, NodeConfig]) -> list[Problem]:
    """Check that ``managers``, ``leader`` and the ``role`` of each node agree on who is a manager."""
    problems: list[Problem] = []
    leader, desired = merged.leader, merged.managers
    leading = nodes.get(leader or "")
    if leading is not None and leading.role == "worker":
        path: tuple[Any, ...] = ("nodes", leading.name, "role")
        problems.append(merged.problem(path, "manager, the role of the leader", "'worker'", "conflict"))
        return problems
    named = [name for name, node in nodes.items() if node.role == "manager"]
    asked = [*named, *([leading.name] if leading is not None and leading.role is None else [])]
    listed = ", ".join(asked)
    path = ("nodes", named[-1], "role") if named else ("managers",)
    if desired is None:
        if named and (len(asked) % 2 == 0 or len(asked) > MAX_MANAGERS):
            problems.append(merged.problem(path, _ODD, f"{len(asked)}: {listed}"))
        return problems
    eligible = [name for name, node in nodes.items() if node.role != "worker"]
    if len(asked) > desired:
        expected = f"at most {plural(desired, 'manager')} (see 'managers')"
        problems.append(merged.problem(path, expected, f"{len(asked)}: {listed}", "conflict"))
    elif nodes and desired > len(eligible):
        expected = f"at most {len(eligible)}, the number of nodes that can be managers"
        problems.append(merged.problem(("managers",), expected, describe(desired), "conflict"))
    return problems
