# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conditions to wait for after a reboot."""

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.convergence import (
    absence,
    unconverged_services,
)
from tests.support.builders import node, service, snapshot, task


def test_node_is_back_when_ready_and_reachable() -> None:
    assert absence(node("a")) is None
    assert absence(node("a", state="down")) == Reason("node_not_ready", node="a", state="down")
    manager = node("a", role="manager", reachability="unreachable")
    assert absence(manager) == Reason("manager_not_reachable", node="a", reachability="unreachable")
    assert absence(node("a", role="manager")) == Reason("node_not_managing", node="a")


def test_unconverged_services_are_reported() -> None:
    seen = snapshot(
        node("a"),
        node("b", availability="drain"),
        node("c", labels={"gpu": "true"}),
        service("fine", replicas=1),
        task("fine", "a"),
        service("short", replicas=2),
        task("short", "a"),
        task("short", None, state="pending", slot=2, error="no suitable node"),
        service("moving", update_state="updating"),
        task("moving", "c"),
        service("stuck", update_state="paused"),
        task("stuck", "c"),
        service("everywhere", mode="global", replicas=None),
        task("everywhere", "a"),
        service("gpus", mode="global", replicas=None, constraints=("node.labels.gpu == true",)),
        task("gpus", "c"),
        service("job", mode="replicated-job"),
    )
    assert unconverged_services(seen) == {
        "everywhere": Reason("service_missing_on_nodes", service="everywhere", nodes=["c"]),
        "moving": Reason("service_updating", service="moving"),
        "short": Reason(
            "service_tasks_missing", service="short", running=1, expected=2, errors=["no suitable node"]
        ),
    }
