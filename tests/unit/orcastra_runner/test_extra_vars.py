# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from the configuration to a playbook's variables and back loses nothing."""

from __future__ import annotations

from dataclasses import replace

import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import build_wanted
from orcastra_runner.execute import _flow
from orcastra_runner.extra_vars import extra_vars
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


def test_what_the_playbook_reads_is_what_the_user_configured(settings: Settings) -> None:
    settings = replace(settings, stack_name="shop", label_prefix="orc.", restart_dependents=True)
    wanted = build_wanted(CONFIGURATION, stack_name="shop", label_prefix="orc.", restart_dependents=True)
    variables = {name: yaml.safe_load(_flow(value)) for name, value in extra_vars(wanted, settings).items()}
    again = build_wanted(
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
    assert again == wanted
    # of several anchors the first one leads
    assert list(again.dependencies) == ["db", "search", "alone"]
    assert variables["orcastra_hosts"] == "localhost"
