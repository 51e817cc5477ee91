# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node exporter's page for each node: memory of the host, and of each container through a textfile."""

from __future__ import annotations

from collections.abc import Callable

from tests.sim.agents import Agents, total_memory
from tests.sim.objects import SimNode

TEXTFILE = "/var/lib/prometheus/node-exporter/containers.prom"


class Exporter:
    """``noise(node, now)``: additional bytes that the host uses."""

    def __init__(self, agents: Agents, now: Callable[[], float]) -> None:
        self.noise: Callable[[SimNode, float], float] = lambda _node, _now: 0.0
        self.more: Callable[[SimNode, float], str] = lambda _node, _now: ""
        """Further lines for a node's page."""
        self.tells_containers = True
        """Whether the role memory_metrics is installed."""
        self._agents = agents
        self._now = now

    def used_bytes(self, node: SimNode) -> int:
        now = self._now()
        containers = total_memory(self._agents.containers(node), now)
        used = node.base_memory_bytes + containers + self.noise(node, now)
        return int(min(max(used, 0), node.memory_bytes))

    def page(self, node: SimNode) -> str:
        """In Prometheus's text format."""
        total, now = node.memory_bytes, self._now()
        lines = [
            "# HELP node_memory_MemTotal_bytes Memory information field MemTotal_bytes.",
            "# TYPE node_memory_MemTotal_bytes gauge",
            f"node_memory_MemTotal_bytes {total:.12e}",
            "# HELP node_memory_MemAvailable_bytes Memory information field MemAvailable_bytes.",
            "# TYPE node_memory_MemAvailable_bytes gauge",
            f"node_memory_MemAvailable_bytes {total - self.used_bytes(node)}",
            "# HELP node_time_seconds System time in seconds since epoch (1970).",
            "# TYPE node_time_seconds gauge",
            f"node_time_seconds {now:.6f}",
            "# HELP node_textfile_mtime_seconds Unixtime mtime of textfiles successfully read.",
            "# TYPE node_textfile_mtime_seconds gauge",
            f'node_textfile_mtime_seconds{{file="{TEXTFILE}"}} {now:.3f}',
        ]
        if self.tells_containers:
            lines += self._containers(node, now)
        return "\n".join(lines) + "\n" + self.more(node, now)

    def _containers(self, node: SimNode, now: float) -> list[str]:
        lines = ["# TYPE orcastra_container_memory_bytes gauge"]
        for container in self._agents.containers(node):
            task = container.task
            labels = (
                f'task_id="{task.id}",service_id="{task.service_id}",service_name="{task.spec.name}",'
                f'node_id="{node.id}"'
            )
            lines.append(f"orcastra_container_memory_bytes{{{labels}}} {container.memory_bytes(now):.0f}")
        lines += [
            "# TYPE orcastra_container_memory_timestamp_seconds gauge",
            f"orcastra_container_memory_timestamp_seconds {now:.3f}",
            "# TYPE orcastra_container_memory_interval_seconds gauge",
            "orcastra_container_memory_interval_seconds 30",
        ]
        return lines
