#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rebalance
short_description: Balance the memory in use between the nodes of a Docker Swarm
version_added: 0.2.0
description:
  - Measures the memory in use on each node, and moves a service, or an anchor together with the services that
    depend on it, from the node that is short of memory to one that has it. Everything else keeps running.
  - Begins a move and does not wait for its end. Run it again, or let C(orcastra run) do so, until it changes
    nothing. Each run continues from the current state, so you can interrupt it at any point. A move that
    fails is undone.
  - A gap must have lasted for some time before anything moves; the first run only records it.
  - Must reach the engine of any manager of the swarm, and the node exporters of all nodes.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.configuration
  - orcastra.swarm.connection
options:
  rebalance_config:
    description:
      - The limits of moves and where memory is measured, as in C(rebalance_config.yml). No key is required.
      - C(default) is a mapping of C(cooldown_minutes) (15), C(sustained_high_minutes) (10),
        C(memory_difference_gb) (2) and C(rebalance_buffer_gb) (1). A GB is 1024³ bytes.
      - C(services) is a mapping of services to limits of their own. A service that is named there may be
        moved although the data of its local volumes stays behind.
      - C(max_moves_per_cycle) is how many moves may be under way at a time (1).
      - C(node_exporters) and C(node_exporter_nodes) are mappings of nodes, by host name or ID, or of physical
        hosts to the URLs of their node exporters. If none is named, each node is asked at its address, port
        9100. If some are, the others are not asked unless C(metrics.node_exporter_url) is given. Nothing
        moves from or to a node that does not answer.
      - C(node_map) is a mapping of nodes that are virtual machines to physical hosts whose exporters count.
      - C(metrics) is a mapping of C(node_exporter_url) and C(cadvisor_url), URLs with C({address}) or
        C({hostname}) in them, C(cadvisors), C(prometheus_url), C(scrape_interval_seconds) (samples older than
        twice that do not count; those of cAdvisor may be two minutes old, as it looks that rarely itself),
        C(timeout_seconds) (5, for all endpoints together), C(ca_path), C(validate_certs) and C(use_proxy).
      - An endpoint that requires a login gets C(username) and C(password), or C(bearer_token), or C(headers),
        a mapping. They stand next to C(exporter_url) of a node exporter and C(url) of a cAdvisor, or, for all
        that have none of their own, in C(metrics.node_exporter_auth), C(metrics.cadvisor_auth) and
        C(metrics.prometheus_auth). Their secrets must be C(${VAR}), see O(variables).
    type: dict
    default: {}
  variables:
    description:
      - Values of C(${VAR}) in O(rebalance_config). One that is not named here is taken from the environment
        of the module, or from the file that C(VAR_FILE) names there.
    type: dict
    default: {}
  now:
    description: Whether to move without waiting for the gap to last. All other limits hold.
    type: bool
    default: false
seealso:
  - module: orcastra.swarm.anchor_placement
notes:
  - Never moved are global services, services with local volumes or host paths that are not named, services
    that are being updated or were moved recently, and those with the label
    C(orchestration.rebalance=false). The label C(orchestration.preferred.node) names the node to
    which a service is moved if there is room.
  - A move is made through a placement constraint that is removed at its end; services are never restarted
    by force.
  - A move that another module began is finished or undone, too.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Balance memory, with node exporters on port 9100 of all nodes
  orcastra.swarm.rebalance:

- name: Balance memory, and keep the wiki beside its database when that is moved
  orcastra.swarm.rebalance:
    stack_name: apps
    dependencies:
      wiki_db: [wiki, wiki_cache]
    rebalance_config:
      default:
        memory_difference_gb: 4
        sustained_high_minutes: 30
      node_exporters:
        mgr-a: http://10.0.0.11:9100/metrics
        wrk-b: http://10.0.0.12:9100/metrics

- name: Balance memory, with node exporters that want a login
  orcastra.swarm.rebalance:
    rebalance_config:
      metrics:
        node_exporter_url: https://{address}:9100/metrics
        node_exporter_auth: {username: prom, password: "${PROM_PASSWORD}"}
    variables:
      PROM_PASSWORD: "{{ vault_prom_password }}"

- name: Show what would be moved, and why nothing else
  orcastra.swarm.rebalance:
    rebalance_config: "{{ lookup('orcastra.swarm.swarm_file', 'rebalance_config.yml', kind='rebalance') }}"
    variables: "{{ lookup('orcastra.swarm.swarm_file', 'rebalance_config.yml', kind='rebalance_variables') }}"
  check_mode: true
"""

RETURN = r"""
plan:
  description:
    - The steps that were needed, in order. In check mode, those that would be carried out.
    - Empty where nothing is to be moved now.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The kind of step, V(place_service), V(label_node) or V(repair_state).
      type: str
      sample: place_service
    target:
      description: What is changed.
      type: str
      sample: service apps_search
    summary:
      description: The step as text.
      type: str
      sample: move apps_search from mgr-a to wrk-b
    why:
      description: The reasons.
      type: list
      elements: dict
      contains:
        code:
          description: What it is about, as a fixed word that scripts can go by.
          type: str
        params:
          description: The values in the text, such as names and numbers.
          type: dict
        text:
          description: The sentence.
          type: str
    why_not:
      description: Why other services, or other nodes, were not taken.
      type: list
      elements: dict
      contains:
        code:
          description: What it is about, as a fixed word that scripts can go by.
          type: str
        params:
          description: The values in the text, such as names and numbers.
          type: dict
        text:
          description: The sentence.
          type: str
requeue_after:
  description:
    - After how many seconds the module has something to do again, as a move is under way or a try is due.
  returned: when there is such a thing
  type: float
  sample: 5.0
notes:
  description: What was left as it is, and why.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: What it is about, as a fixed word that scripts can go by.
      type: str
    params:
      description: The values in the text, such as names and numbers.
      type: dict
    text:
      description: The sentence.
      type: str
memory:
  description: What was measured, in bytes. Nodes without a fresh sample are missing.
  returned: success
  type: list
  elements: dict
  contains:
    hostname:
      description: The host name of the node.
      type: str
      sample: wrk-b
    id:
      description: The ID of the node.
      type: str
      sample: z90jv4cwp470t3lbtvmna8me6
    host:
      description: The same for all nodes of one physical host.
      type: str
      sample: wrk-b
    total_bytes:
      description: The memory of the host.
      type: int
      sample: 2147483648
    available_bytes:
      description: What of it is available.
      type: int
      sample: 1979711488
"""

import os
import time
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import build_rebalance
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._module.configuration import (
    CONFIGURATION_ARGUMENT_SPEC,
    config_from_params,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module
from ansible_collections.orcastra.swarm.plugins.module_utils._module.plan import run_plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.groups import resolve_anchor_groups
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.held import anchors_not_given
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import without_doubtful
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.rebalance.plan import plan_rebalance
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.relocation.unfinished import (
    plan_unfinished,
)


def main() -> None:
    module = create_module(
        {
            **CONFIGURATION_ARGUMENT_SPEC,
            "rebalance_config": {"type": "dict", "default": {}},
            "variables": {"type": "dict", "default": {}, "no_log": True},
            "now": {"type": "bool", "default": False},
        }
    )
    desired = config_from_params(module)
    variables = {name: str(value) for name, value in module.params["variables"].items()}
    try:
        rebalance = build_rebalance(
            module.params["rebalance_config"], {**os.environ, **variables}, may_be_literal=False
        )
    except ConfigError as error:
        module.fail_json(msg=str(error))
    rules = replace(rebalance.rules, sustained_seconds=0) if module.params["now"] else rebalance.rules
    measured: list[dict[str, Any]] = []

    def plan(seen: Observation) -> Plan:
        snapshot = without_doubtful(seen.snapshot, desired)
        memory = measure(snapshot, rebalance.sources)
        measured.extend(
            {"hostname": node.hostname, "id": node.id, **asdict(memory.nodes[node.id])}
            for node in sorted(snapshot.nodes, key=lambda node: node.hostname)
            if node.id in memory.nodes
        )
        groups, now = resolve_anchor_groups(snapshot, desired), time.time()
        planned = plan_rebalance(snapshot, groups, memory, rules, seen.state, now)
        others = plan_unfinished(snapshot, groups, seen.state, now, balancing=False)
        return Plan(warnings=memory.problems + anchors_not_given(desired, seen.state)) + planned + others

    run_plan(module, plan, {"memory": measured})


if __name__ == "__main__":
    main()
