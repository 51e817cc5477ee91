# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration as the extra variables of our playbooks: the other way round than reading the files."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import (
    Dependency,
    NodeWanted,
    Removals,
    SwarmWanted,
    Wanted,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import mods_variables
from orcastra_runner.settings import Settings

MODS_PLAYBOOK = "orcastra.swarm.mods"


def extra_vars(wanted: Wanted, settings: Settings) -> dict[str, Any]:
    """Return what the playbooks need to know, as plain data; they make the same ``wanted`` of it again."""
    return {
        "orcastra_hosts": "localhost",
        **_sections(wanted),
        # commands give the names of nodes as orcastra_nodes
        "orcastra_configured_nodes": {name: _node(node) for name, node in wanted.nodes.items()},
        "orcastra_options": {"prune_unknown_labels": wanted.prune_unknown_labels},
        "orcastra_leader": wanted.leader or "",
        "orcastra_advertise_addr": wanted.advertise_addr or "",
        "orcastra_swarm": _swarm(wanted.swarm),
        **({} if wanted.managers is None else {"orcastra_managers": wanted.managers}),
        "orcastra_stack_name": settings.stack_name,
        "orcastra_label_prefix": settings.label_prefix,
        "orcastra_restart_dependents": settings.restart_dependents,
        "orcastra_max_mismatch_duration": settings.max_mismatch_duration,
        "orcastra_mods_file": _present(settings.mod_manager_config),
        "orcastra_mods_dest": str(settings.mod_manager_dest),
        # a job of its own balances memory, at its own interval
        "orcastra_site_rebalance": False,
    }


def mods_vars(playbook: str, settings: Settings) -> dict[str, Any]:
    """What the playbook of mods needs besides: the values that the configuration of mods takes from our
    environment, which playbooks don't get. Raises OrcastraError where one can't be read.
    """
    if playbook != MODS_PLAYBOOK or not settings.mod_manager_config.exists():
        return {}
    return {"orcastra_mods_variables": mods_variables(settings.mod_manager_config, os.environ)}


def _sections(wanted: Wanted) -> dict[str, Any]:
    """The sections, without those that are absent, so that a playbook removes no more than we would."""
    sections = {
        "orcastra_nodes": (
            wanted.node_removals,
            {name: _node(node) for name, node in wanted.nodes.items()},
        ),
        "orcastra_dependencies": (
            wanted.dependency_removals,
            {anchor: _dependency(dependency) for anchor, dependency in wanted.dependencies.items()},
        ),
    }
    given: dict[str, Any] = {
        name: entries for name, (policy, entries) in sections.items() if entries or policy is Removals.ALLOWED
    }
    part = any(entries and policy is not Removals.ALLOWED for policy, entries in sections.values())
    if part or not given:
        # with nothing at all, playbooks would refuse to finish what is under way
        given = {"orcastra_nodes": {}, **given, "orcastra_purge": False}
    return given


def _present(path: Path) -> str:
    return str(path) if path.exists() else ""


def _node(node: NodeWanted) -> dict[str, Any]:
    optional = {
        "ip": node.ip,
        "role": node.role,
        "availability": node.availability,
        "data_path_addr": node.data_path_addr,
        "swarm_addr": node.swarm_addr,
    }
    given = {key: value for key, value in optional.items() if value is not None}
    return {**given, "labels": dict(node.labels)}


def _swarm(swarm: SwarmWanted) -> dict[str, Any]:
    given = {key: value for key, value in asdict(swarm).items() if value is not None}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}


def _dependency(dependency: Dependency) -> dict[str, Any]:
    return {
        "stack": dependency.stack,
        "services": list(dependency.followers),
        "restart_dependents": dependency.restart_dependents,
        "retry_intervals": list(dependency.retry_intervals),
        "relocate": dependency.relocate,
        "manage_constraint": dependency.manage_constraint,
    }
