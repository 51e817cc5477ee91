# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Converts the configuration to extra variables for our playbooks, which is the reverse of parsing the
files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    Dependency,
    DesiredState,
    NodeConfig,
    Removals,
    SwarmConfig,
)
from orcastra_runner.settings import Settings


def extra_vars(desired: DesiredState, settings: Settings) -> dict[str, Any]:
    """Return the variables of the playbooks, which build the same ``desired`` from them."""
    data = plain_data(desired)
    return {
        "orcastra_hosts": "localhost",
        **_sections(desired, data),
        # commands pass node names as orcastra_nodes
        "orcastra_configured_nodes": data["nodes"],
        "orcastra_options": data["options"],
        "orcastra_leader": desired.leader or "",
        "orcastra_advertise_addr": desired.advertise_addr or "",
        "orcastra_swarm": data["swarm"],
        "orcastra_storage": data["storage"],
        **({} if desired.managers is None else {"orcastra_managers": desired.managers}),
        "orcastra_stack_name": settings.stack_name,
        "orcastra_label_prefix": settings.label_prefix,
        # overrides a file that the inventory may name
        "orcastra_swarm_file": "",
        "orcastra_restart_dependents": settings.restart_dependents,
        "orcastra_max_mismatch_duration": settings.max_mismatch_duration,
        "orcastra_mods_dest": str(settings.mod_manager_dest),
        # a separate job rebalances, at its own interval
        "orcastra_site_rebalance": False,
    }


def plain_data(desired: DesiredState) -> dict[str, Any]:
    """Return the configuration as a mapping like swarm.yml, from which ``parse_config`` builds the same
    again.
    """
    return {
        "nodes": {name: _node(node) for name, node in desired.nodes.items()},
        "dependencies": {
            anchor: _dependency(dependency) for anchor, dependency in desired.dependencies.items()
        },
        "options": {"prune_unknown_labels": desired.prune_unknown_labels},
        "leader": desired.leader,
        "advertise_addr": desired.advertise_addr,
        "managers": desired.managers,
        "swarm": _swarm(desired.swarm),
        "storage": {
            "shared_paths": list(desired.storage.shared_paths),
            "shared_volumes": list(desired.storage.shared_volumes),
        },
    }


def _sections(desired: DesiredState, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections without absent ones, so that a playbook removes no more than this process would."""
    sections = {
        "orcastra_nodes": (desired.node_removals, data["nodes"]),
        "orcastra_dependencies": (desired.dependency_removals, data["dependencies"]),
    }
    given: dict[str, Any] = {
        name: entries for name, (policy, entries) in sections.items() if entries or policy is Removals.ALLOWED
    }
    part = any(entries and policy is not Removals.ALLOWED for policy, entries in sections.values())
    if part or not given:
        # playbooks without any section would refuse to finish moves in progress
        given = {"orcastra_nodes": {}, **given, "orcastra_purge": False}
    return given


def _node(node: NodeConfig) -> dict[str, Any]:
    optional = {
        "ip": node.ip,
        "role": node.role,
        "availability": node.availability,
        "data_path_addr": node.data_path_addr,
        "swarm_addr": node.swarm_addr,
    }
    given = {key: value for key, value in optional.items() if value is not None}
    return {**given, "labels": dict(node.labels)}


def _swarm(swarm: SwarmConfig) -> dict[str, Any]:
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
