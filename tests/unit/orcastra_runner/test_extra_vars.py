# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Converting the configuration to variables of a playbook and back loses nothing."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
)
from orcastra_runner.command.table import COMMANDS, REFRESH_MODS
from orcastra_runner.execute import _flow
from orcastra_runner.extra_vars import extra_vars
from orcastra_runner.files import MODS_PLAYBOOK, Files
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.rebalance import RebalanceFile
from orcastra_runner.settings import Settings

CONFIGURATION = {
    "nodes": {
        "alpha": {"labels": ["ssd", "zfs"], "ip": "10.0.0.1", "role": "manager", "availability": "active"},
        "bravo": {"labels": {"disk": "hdd", "empty": "", "number": 3, "on": True, "odd": "{{ 7 * 7 }}"}},
        "charlie": None,
    },
    "dependencies": {
        "db": {
            "stack": "apps",
            "services": ["web", "cache"],
            "restart_dependents": True,
            "retry_intervals": [1, 2.5],
            "relocate": "evict",
            "manage_constraint": False,
        },
        "search": ["indexer"],
        "alone": {"stack": "", "services": []},
    },
    "options": {"prune_unknown_labels": True},
    "leader": "alpha",
    "advertise_addr": "10.0.0.1:2377",
    "managers": 1,
    "swarm": {"autolock": False, "default_addr_pool": ["10.20.0.0/16"], "heartbeat_seconds": 2.5},
}


def test_extra_vars_reproduce_the_configuration(settings: Settings) -> None:
    settings = replace(settings, stack_name="shop", label_prefix="orc.", restart_dependents=True)
    desired = parse_config(CONFIGURATION, stack_name="shop", label_prefix="orc.", restart_dependents=True)
    variables = {name: yaml.safe_load(_flow(value)) for name, value in extra_vars(desired, settings).items()}
    again = parse_config(
        {
            "nodes": variables["orcastra_nodes"],
            "dependencies": variables["orcastra_dependencies"],
            "options": variables["orcastra_options"],
            "leader": variables["orcastra_leader"],
            "advertise_addr": variables["orcastra_advertise_addr"],
            "managers": variables["orcastra_managers"],
            "swarm": variables["orcastra_swarm"],
        },
        stack_name=variables["orcastra_stack_name"],
        label_prefix=variables["orcastra_label_prefix"],
        restart_dependents=variables["orcastra_restart_dependents"],
    )
    assert again == desired
    # the first of several anchors leads
    assert list(again.dependencies) == ["db", "search", "alone"]
    assert variables["orcastra_hosts"] == "localhost"
    # overrides a file that the user's inventory names
    assert variables["orcastra_swarm_file"] == ""


def test_extra_vars_of_mods_include_the_values_of_variables(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.json"
    path.write_text('["https://h/a?token=${TOKEN}&x=${ABSENT}"]')
    monkeypatch.setenv("TOKEN", "s3cret")
    files = Files(None, RebalanceFile(tmp_path / "rebalance_config.yml"), ModsFile(path))
    with closing(files.mods):
        found = files.extra_vars(MODS_PLAYBOOK, files.desired, settings)
        assert found["orcastra_mods_variables"] == {"TOKEN": "s3cret"}
        # the configuration in effect, even if the file changes
        path.unlink()
        found = files.extra_vars(MODS_PLAYBOOK, files.desired, settings)
        assert json.loads(Path(found["orcastra_mods_file"]).read_text()) == [
            "https://h/a?token=${TOKEN}&x=${ABSENT}"
        ]
        other = files.extra_vars("orcastra.swarm.label_sync", files.desired, settings)
        assert not {"orcastra_mods_file", "orcastra_mods_variables"} & other.keys()


def test_refresh_mods_runs_the_mods_playbook() -> None:
    assert COMMANDS[REFRESH_MODS].playbook == MODS_PLAYBOOK


NODES, DEPENDENCIES = {"alpha": {"labels": ["ssd"]}}, {"db": ["web"]}


@pytest.mark.parametrize(
    ("data", "accepted", "given"),
    [
        # an explicit nothing is passed on, an absent section isn't
        ({"nodes": NODES, "dependencies": {}}, False, {"nodes", "dependencies"}),
        ({"nodes": {}, "dependencies": {}}, False, {"nodes", "dependencies"}),
        ({"nodes": NODES}, False, {"nodes"}),
        ({"dependencies": DEPENDENCIES}, False, {"dependencies"}),
        ({"nodes": {}}, False, {"nodes"}),
        # a confirmed removal counts as an explicit nothing
        ({"nodes": NODES}, True, {"nodes", "dependencies"}),
        ({"leader": "alpha"}, True, {"nodes", "dependencies"}),
    ],
)
def test_extra_vars_omit_absent_sections(
    settings: Settings, data: dict[str, Any], accepted: bool, given: set[str]
) -> None:
    desired = parse_config(data, stack_name="shop").with_removals(accepted=accepted)

    variables = extra_vars(desired, settings)

    assert {part for part in ("nodes", "dependencies") if f"orcastra_{part}" in variables} == given
    assert "orcastra_purge" not in variables


def test_extra_vars_without_configuration_still_complete_moves(settings: Settings) -> None:
    variables = extra_vars(parse_config({"leader": "alpha"}, stack_name="shop"), settings)

    assert (variables["orcastra_nodes"], variables["orcastra_purge"]) == ({}, False)
    assert "orcastra_dependencies" not in variables


def test_extra_vars_with_retained_section_disable_purge(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "swarm.yml").write_text("nodes: {alpha: {labels: [ssd]}}\ndependencies: {}\n")
    (tmp_path / "nodes.yml").touch()
    desired = load_configuration(ConfigFiles.in_directory(tmp_path), stack_name="shop")

    variables = extra_vars(desired, settings)

    assert set(variables["orcastra_nodes"]) == {"alpha"}
    assert variables["orcastra_purge"] is False
