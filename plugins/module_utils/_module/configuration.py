# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared code of modules with options for the user's configuration."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._config.build import parse_config
from .._model.desired import DesiredState
from .._model.errors import ConfigError

# the options for the user's configuration, as in swarm.yml
CONFIGURATION_ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "nodes": {"type": "dict"},
    "dependencies": {"type": "dict"},
    "stack_name": {"type": "str", "default": ""},
    "label_prefix": {"type": "str", "default": ""},
}

# the option for storage that all nodes share
STORAGE_ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "storage": {
        "type": "dict",
        "options": {
            "shared_paths": {"type": "list", "elements": "str"},
            "shared_volumes": {"type": "list", "elements": "str"},
        },
    },
}

# the options for removing objects that are not in the configuration
REMOVALS_ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "purge": {"type": "bool", "default": False},
    "accept_removals": {"type": "bool", "default": False},
}

# the options for the members and the settings of the swarm
MEMBERSHIP_ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "nodes": {"type": "dict", "default": {}},
    "leader": {"type": "str"},
    "advertise_addr": {"type": "str"},
    "managers": {"type": "int"},
    "swarm": {
        "type": "dict",
        "default": {},
        "options": {
            "cluster_id": {"type": "str"},
            "listen_addr": {"type": "str"},
            "data_path_addr": {"type": "str"},
            "data_path_port": {"type": "int"},
            "default_addr_pool": {"type": "list", "elements": "str"},
            "subnet_size": {"type": "int"},
            "autolock": {"type": "bool"},
            "task_history_limit": {"type": "int"},
            "heartbeat_seconds": {"type": "float"},
            "cert_expiry_days": {"type": "float"},
            "snapshot_interval": {"type": "int"},
            "keep_old_snapshots": {"type": "int"},
            "log_entries_for_slow_followers": {"type": "int"},
            "forget_after_seconds": {"type": "float"},
            "paused_updates": {"type": "str", "choices": ["auto", "resume", "rollback", "report"]},
        },
    },
}


def check_given(module: AnsibleModule) -> None:
    """Fail the module if neither ``nodes`` nor ``dependencies`` is given. An empty mapping is given.

    ``purge`` together with ``accept_removals`` confirms that the configuration is empty.
    """
    params = module.params
    confirmed = params.get("purge") and params.get("accept_removals")
    if params["nodes"] is None and params["dependencies"] is None and not confirmed:
        module.fail_json(
            msg="neither nodes nor dependencies is given: nothing to work with (use {} for an empty one)"
        )


def config_from_params(
    module: AnsibleModule, nodes: Mapping[str, Any] | None = None, **options: bool
) -> DesiredState:
    """The configuration in the module's parameters. Fails the module if it is invalid.

    ``nodes`` replaces the parameter of this name, if that has another meaning. Without the parameter
    ``purge``, the module only manages the objects in the configuration.
    """
    data = {
        "nodes": module.params["nodes"] if nodes is None else nodes,
        "dependencies": module.params.get("dependencies"),
        "leader": module.params.get("leader") or None,
        "advertise_addr": module.params.get("advertise_addr") or None,
        "managers": module.params.get("managers"),
        "storage": module.params.get("storage"),
        "swarm": module.params.get("swarm"),
        "options": options,
    }
    try:
        desired = parse_config(
            data,
            stack_name=module.params.get("stack_name", ""),
            label_prefix=module.params.get("label_prefix", ""),
            restart_dependents=module.params.get("restart_dependents", False),
        )
    except ConfigError as error:
        module.fail_json(msg=str(error))
    return desired.with_removals(
        purge=bool(module.params.get("purge")), accepted=bool(module.params.get("accept_removals"))
    )
