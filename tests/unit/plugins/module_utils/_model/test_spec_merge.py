# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which parts of a spec are changed, and which are kept."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.spec_merge import differences, merged

CURRENT: dict[str, Any] = {
    "Name": "x",
    "Labels": {"theirs": "1"},
    "TaskTemplate": {
        "ContainerSpec": {
            "Image": "app:1@sha256:abc",
            "Env": ["A=1", "B=2"],
            "Mounts": [
                {"Type": "bind", "Source": "/a", "Target": "/a", "BindOptions": {"Propagation": "rslave"}}
            ],
            "Isolation": "default",
        },
        "ForceUpdate": 3,
    },
    "Mode": {"Global": {}},
    "EndpointSpec": {"Mode": "vip"},
}


@pytest.mark.parametrize(
    "desired",
    [
        {"Mode": {"Global": {}}, "EndpointSpec": {"Mode": "vip"}},
        {"Labels": {}, "TaskTemplate": {"ContainerSpec": {"Image": "app:1", "Labels": {}, "StopSignal": ""}}},
        {"TaskTemplate": {"ContainerSpec": {"Env": ["B=2"]}}},
        {
            "TaskTemplate": {
                "ContainerSpec": {
                    "Mounts": [{"Type": "bind", "Source": "/a", "Target": "/a", "ReadOnly": False}]
                }
            }
        },
    ],
)
def test_differences_ignore_equivalent_values(desired: dict[str, Any]) -> None:
    assert differences(CURRENT, desired) == {}
    assert merged(CURRENT, desired) == CURRENT


def test_merged_changes_only_differences() -> None:
    desired = {
        "Labels": {"ours": "2"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "app:2",
                "Env": ["B=3", "C=4"],
                "Mounts": [
                    {"Type": "bind", "Source": "/a", "Target": "/a", "ReadOnly": True},
                    {"Type": "bind", "Source": "/b", "Target": "/b"},
                ],
            }
        },
    }
    assert list(differences(CURRENT, desired)) == [
        "Labels.ours",
        "TaskTemplate.ContainerSpec.Image",
        "TaskTemplate.ContainerSpec.Env",
        "TaskTemplate.ContainerSpec.Mounts",
    ]
    after = merged(CURRENT, desired)
    container = after["TaskTemplate"]["ContainerSpec"]
    assert after["Labels"] == {"theirs": "1", "ours": "2"}
    assert container["Env"] == ["A=1", "B=3", "C=4"]
    assert container["Mounts"][0] == {
        **CURRENT["TaskTemplate"]["ContainerSpec"]["Mounts"][0],
        "ReadOnly": True,
    }
    assert (container["Isolation"], after["TaskTemplate"]["ForceUpdate"]) == ("default", 3)
    assert differences(after, desired) == {}


def test_differences_include_mode() -> None:
    assert differences(CURRENT, {"Mode": {"Replicated": {"Replicas": 1}}})
    assert differences({"Mode": {"Replicated": {"Replicas": 1}}}, {"Mode": {"Global": {}}})
