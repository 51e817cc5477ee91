# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's stack and its configuration are valid, and belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState

DEMO = Path(__file__).resolve().parents[3] / "demo"
STACK = "shop"


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEMO / "shop.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def desired() -> DesiredState:
    return load_configuration(ConfigFiles.in_directory(DEMO / "config"), stack_name="another")


def test_stack_needs_no_kernel_support_and_no_registry(stack: dict[str, Any]) -> None:
    assert {"db", "cache", "app"} < stack["services"].keys()
    for service in stack["services"].values():
        assert service["image"] == "orcastra/app"
        assert service["deploy"]["endpoint_mode"] == "dnsrr"
        assert "ports" not in service
        assert set(service["networks"]) <= stack["networks"].keys()


def test_stack_has_all_configured_anchors_and_followers(stack: dict[str, Any], desired: DesiredState) -> None:
    (dependency,) = desired.dependencies.values()
    assert dependency.stack == STACK
    assert {dependency.anchor, *dependency.followers} <= stack["services"].keys()
    for follower in dependency.followers:
        constraints = stack["services"][follower]["deploy"]["placement"]["constraints"]
        assert constraints == [f"node.labels.{dependency.label} == true"]


def test_configuration_has_all_labels_of_the_stack(stack: dict[str, Any], desired: DesiredState) -> None:
    kept = {f"{key} == {value}" for node in desired.nodes.values() for key, value in node.labels.items()}
    kept |= {f"{dependency.label} == true" for dependency in desired.dependencies.values()}
    asked = {
        constraint.removeprefix("node.labels.")
        for service in stack["services"].values()
        for constraint in service["deploy"].get("placement", {}).get("constraints", [])
        if constraint.startswith("node.labels.")
    }
    assert asked
    assert asked <= kept


def test_configuration_has_labels_in_both_spellings() -> None:
    nodes = yaml.safe_load((DEMO / "config/swarm.yml").read_text())["nodes"].values()
    assert {type(node["labels"]) for node in nodes} == {list, dict}
