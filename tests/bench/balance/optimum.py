# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The best result that any moves can reach, as mixed-integer linear programs (HiGHS, through SciPy).

The planner's own rules decide which moves are allowed (unit tests check those rules). The optimum ignores
the number of moves, their order, intermediate states and thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_matrix

from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import (
    followed_labels,
    resolve_anchor_groups,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.targets import TargetFinder
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.units import find_units
from tests.bench.balance.worlds import World

SECONDS = 6.0
GAP = 0.002
# tangents at these points, and at their negatives, bound the square of a deviation from below
TANGENTS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.09, 0.12, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class Bound:
    """A value that no assignment can beat, and whether the solver found one that reaches it (within GAP)."""

    value: float
    is_exact: bool


class Optimum:
    """The programs for one world. Variables: unit × host (binary), worst pressure, squared deviations."""

    def __init__(self, world: World) -> None:
        groups = resolve_anchor_groups(world.snapshot, world.desired)
        rules = RebalanceRules()
        units = [
            unit
            for unit in find_units(world.snapshot, groups, world.sample(), rules, world.state, world.now)
            if unit.forbidden is None
        ]
        # reservations are a constraint of the program, because other moves may free room
        free = {
            service.id: replace(service, reserved_memory_bytes=0, reserved_nano_cpus=0)
            for service in world.snapshot.services
        }
        snapshot = replace(world.snapshot, services=tuple(free.values()))
        targets = TargetFinder(snapshot, followed_labels(groups), world.now, {})
        self.hosts = sorted(world.total)
        self.total = np.array([world.total[host] for host in self.hosts], dtype=float)
        used = world.used()
        fixed = np.array([used[host] for host in self.hosts], dtype=float)
        self.mean = fixed.sum() / self.total.sum()
        number = {host: index for index, host in enumerate(self.hosts)}
        self.pairs: list[tuple[int, int]] = []
        self.stays: list[bool] = []
        self.weight = np.array([float(unit.memory_bytes or 0) for unit in units])
        self.reserved = np.array(
            [float(sum(member.reserved_memory_bytes for member in unit.members)) for unit in units]
        )
        capacity = {node.hostname: node.memory_bytes for node in world.snapshot.nodes}
        self.free = np.array([float(capacity[host]) for host in self.hosts])
        for task in world.snapshot.tasks:
            service = world.snapshot.service_by_id[task.service_id]
            self.free[number[world.host_of[task.node_id or ""]]] -= service.reserved_memory_bytes
        for index, unit in enumerate(units):
            source = number[world.host_of[unit.node.id]]
            fixed[source] -= self.weight[index]
            unreserved = replace(unit, members=tuple(free[member.id] for member in unit.members))
            self.free[source] += self.reserved[index]
            for node in world.snapshot.nodes:
                target = number[world.host_of[node.id]]
                if target == source or targets.route(unreserved, node).is_open:
                    self.pairs.append((index, target))
                    self.stays.append(target == source)
        self.fixed = fixed
        self.units = len(units)

    def least_worst(self) -> Bound:
        """Return the lowest possible worst pressure."""
        cost = self._zeros()
        cost[len(self.pairs)] = 1
        return self._solve(cost, [])

    def least_deviation(self) -> Bound:
        """Return the lowest standard deviation from the pressure of the whole swarm."""
        cost = self._zeros()
        cost[len(self.pairs) + 1 :] = 1 / len(self.hosts)
        found = self._solve(cost, [])
        return Bound(max(found.value, 0.0) ** 0.5, found.is_exact)

    def fewest_moves(self, worst: float, deviation: float | None = None) -> Bound:
        """Return the fewest moves that reach this worst pressure (and deviation), or inf if none do."""
        cost = self._zeros()
        for index, stays in enumerate(self.stays):
            cost[index] = 0 if stays else 1
        squares = self._zeros()
        squares[len(self.pairs) + 1 :] = 1 / len(self.hosts)
        # tolerate rounding errors
        limits = [] if deviation is None else [(squares, deviation**2 * 1.0001 + 1e-7)]
        return self._solve(cost, limits, worst=worst + 1e-6)

    def _zeros(self) -> np.ndarray:
        return np.zeros(len(self.pairs) + 1 + len(self.hosts))

    def _solve(
        self, cost: np.ndarray, limits: list[tuple[np.ndarray, float]], worst: float | None = None
    ) -> Bound:
        pairs, hosts = len(self.pairs), len(self.hosts)
        rows: list[tuple[dict[int, float], float, float]] = []
        placed: list[dict[int, float]] = [{} for _ in range(self.units)]
        pressure: list[dict[int, float]] = [{} for _ in range(hosts)]
        reserved: list[dict[int, float]] = [{} for _ in range(hosts)]
        for index, (unit, host) in enumerate(self.pairs):
            placed[unit][index] = 1.0
            pressure[host][index] = self.weight[unit] / self.total[host]
            if self.reserved[unit]:
                reserved[host][index] = self.reserved[unit] / self.total[host]
        rows += [(row, 1.0, 1.0) for row in placed]
        for host in range(hosts):
            base = self.fixed[host] / self.total[host]
            rows.append(({**pressure[host], pairs: -1.0}, -np.inf, -base))
            if reserved[host]:
                rows.append((reserved[host], -np.inf, self.free[host] / self.total[host] + 1e-9))
            for at in sorted({sign * at for at in TANGENTS for sign in (-1, 1)}):
                # square ≥ 2·at·(pressure - mean) - at²
                row = {index: 2 * at * value for index, value in pressure[host].items()}
                row[pairs + 1 + host] = -1.0
                rows.append((row, -np.inf, at**2 - 2 * at * (base - self.mean)))
        for row_array, most in limits:
            rows.append(({int(i): float(row_array[i]) for i in np.flatnonzero(row_array)}, -np.inf, most))
        matrix = lil_matrix((len(rows), len(cost)))
        for number, (row, _low, _high) in enumerate(rows):
            for index, value in row.items():
                matrix[number, index] = value
        top = np.concatenate([np.ones(pairs), [np.inf if worst is None else worst], np.full(hosts, np.inf)])
        found = milp(
            cost,
            constraints=LinearConstraint(
                matrix.tocsr(), [low for _row, low, _high in rows], [high for _row, _low, high in rows]
            ),
            integrality=np.concatenate([np.ones(pairs), np.zeros(hosts + 1)]),
            bounds=Bounds(np.zeros(len(cost)), top),
            options={"time_limit": SECONDS, "mip_rel_gap": GAP},
        )
        if found.status == 2:
            return Bound(float("inf"), True)
        bound = found.mip_dual_bound
        return Bound(float("inf") if bound is None else float(bound), found.status == 0)
