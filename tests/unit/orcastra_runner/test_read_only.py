# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which instances may start without a configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orcastra_runner import preflight
from orcastra_runner.read_only import is_unconfigured
from orcastra_runner.settings import Settings


@pytest.fixture
def untouched(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation without a configuration folder."""
    folder = tmp_path / "default"
    monkeypatch.setattr(preflight, "DEFAULT_CONFIG_DIR", str(folder))
    return replace(settings, config_dir=folder)


def test_run_may_start_without_a_configuration_folder(untouched: Settings) -> None:
    assert is_unconfigured(untouched)


@pytest.mark.parametrize("names", [[], ["README", ".swarm.yml.swp"]])
def test_run_may_start_with_an_empty_configuration_folder(untouched: Settings, names: list[str]) -> None:
    untouched.config_dir.mkdir()
    (untouched.config_dir / "commands").mkdir()
    for name in names:
        (untouched.config_dir / name).touch()
    assert is_unconfigured(untouched)


@pytest.mark.parametrize(
    "name", ["swarm.yml", "nodes.yaml", "swarm.yml.bak", "other.yaml", "rebalance_config.yml"]
)
def test_run_needs_a_configuration_in_a_folder_with_files(untouched: Settings, name: str) -> None:
    untouched.config_dir.mkdir()
    (untouched.config_dir / name).touch()
    assert not is_unconfigured(untouched)


def test_run_needs_the_target_of_a_link(untouched: Settings) -> None:
    untouched.config_dir.mkdir()
    (untouched.config_dir / "swarm.yml").symlink_to("/nowhere/swarm.yml")
    assert not is_unconfigured(untouched)


@pytest.mark.parametrize(
    "named",
    [
        {"config_dir": Path("/nowhere")},
        {"swarm_file": Path("/nowhere/swarm.yml")},
        {"nodes_file": Path("/nowhere/nodes.yml")},
        {"dependencies_file": Path("/nowhere/dependencies.yml")},
        {"rebalance_config": Path("/nowhere/rebalance_config.yml")},
        {"run_once": True},
    ],
)
def test_run_needs_named_files(untouched: Settings, named: dict[str, Any]) -> None:
    assert not is_unconfigured(replace(untouched, **named))
