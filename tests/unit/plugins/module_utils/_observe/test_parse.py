# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the engine's JSON of a service."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.parse import parse_service


def raw(placement: Any, previous: Any = "none", image: str = "new") -> dict[str, Any]:
    """A service; ``previous`` is the placement of the spec from before, with another image."""

    def spec(image: str, placement: Any) -> dict[str, Any]:
        template: dict[str, Any] = {"ContainerSpec": {"Image": image}}
        if placement is not None:
            template["Placement"] = placement
        return {"Name": "web", "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 1}}}

    found = {"ID": "id-web", "Version": {"Index": 1}, "Spec": spec(image, placement)}
    return found if previous == "none" else {**found, "PreviousSpec": spec("old", previous)}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (raw({"Constraints": ["node.role==worker"]}), False),
        (raw({"Constraints": ["node.role==worker"]}, previous={}), True),
        (raw({}, previous={"Constraints": ["node.role==worker"]}), True),
        (raw(None, previous={}), True),
        (raw(None, previous=None), True),
        # the identical spec
        (raw({}, previous={}, image="old"), False),
        # managers crash if running tasks have a placement and their service has none
        (raw({"Constraints": ["node.role==worker"]}, previous=None), False),
        (raw({}, previous=None), False),
    ],
)
def test_can_roll_back_needs_different_safe_spec(service: dict[str, Any], expected: bool) -> None:
    assert parse_service(service).can_roll_back is expected
