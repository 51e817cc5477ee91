# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import build_exporter
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, Refused
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.exporter import plan_exporter
from tests.support.builders import service, snapshot

NAME = "node-exporter"
THEIRS = {"Type": "bind", "Source": "/a", "Target": "/a"}


def plan(spec: dict[str, Any], definition: dict[str, Any]) -> Plan:
    swarm = snapshot(service(NAME, mode="global"))
    return plan_exporter(swarm, build_exporter(definition), spec, {})


def with_mounts(*mounts: dict[str, Any]) -> dict[str, Any]:
    container = {"Image": "x", "Mounts": list(mounts)}
    return {"Name": NAME, "Mode": {"Global": {}}, "TaskTemplate": {"ContainerSpec": container}}


def test_time_zone_keeps_other_mounts() -> None:
    definition = {"timezone": {"bind_local": True}}
    spec = with_mounts(THEIRS)
    (step,) = plan(spec, definition).steps
    after = step.changed(spec)  # type: ignore[attr-defined]
    (localtime,) = build_exporter(definition).mounts
    assert after["TaskTemplate"]["ContainerSpec"]["Mounts"] == [THEIRS, localtime]
    assert plan(after, definition).is_empty
    # as a user may have written it
    assert plan(with_mounts({**localtime, "Consistency": "default"}, THEIRS), definition).is_empty


def test_plan_has_a_reason_for_each_change() -> None:
    definition: dict[str, Any] = {}
    created = plan_exporter(snapshot(), build_exporter(definition), None, {})
    assert created.steps[0].why == (Reason("service_missing", service=NAME),)
    spec = with_mounts()
    changed = plan(spec, {"image": "y"})
    assert changed.steps[0].why == (Reason("field_differs", field="TaskTemplate.ContainerSpec.Image"),)
    updating = snapshot(service(NAME, mode="global", replicas=None, update_state="updating"))
    waits = plan_exporter(updating, build_exporter({"image": "y"}), spec, {})
    assert waits.notes == (Reason("change_waits_for_update", service=NAME),)
    replicated = {**spec, "Mode": {"Replicated": {"Replicas": 1}}}
    with pytest.raises(Refused) as caught:
        plan_exporter(snapshot(service(NAME)), build_exporter({"deploy": {"mode": "global"}}), replicated, {})
    assert caught.value.reason == Reason(
        "service_mode_fixed", service=NAME, expected="global", found="replicated"
    )
