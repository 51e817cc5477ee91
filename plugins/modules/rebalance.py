#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rebalance
short_description: Balance memory use and spread tasks between the nodes of a Docker Swarm
version_added: 0.1.0
description:
  - Measures the memory in use on each node, and moves a service from a node that is short of memory to a node
    with free memory. If the service is an anchor, the services that depend on it move with it. All other
    services keep running.
  - With C(spread) in O(rebalance_config), also moves tasks so that the replicas of each service run on
    different nodes, and that a node that joins or returns gets its share. One task moves at a time, and all
    others keep running.
  - Begins a move and does not wait for its end. Run the module again, or let C(orcastra run) do so, until it
    changes nothing. Each run continues from the current state, so you can interrupt it at any point. The
    module undoes a move that fails.
  - Moves a service only after the difference in memory use has lasted for some time. The first run only
    records the difference.
  - Requires access to the engine of any manager of the swarm, and to the node exporters of all nodes.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.configuration
  - orcastra.swarm.connection
options:
  rebalance_config:
    description:
      - The limits for moves and the sources of memory metrics, in the format of C(rebalance_config.yml). All
        keys are optional.
      - C(default) is a mapping with the keys C(cooldown_minutes) (15), C(sustained_high_minutes) (10),
        C(memory_difference_gb) (2) and C(rebalance_buffer_gb) (1). A GB is 1024³ bytes.
      - C(services) maps services to limits of their own. The module may move a service that you name here
        even if the data in its local volumes stays behind.
      - C(max_moves_per_cycle) is the maximum number of moves at the same time (1).
      - C(spread) is a mapping with the keys C(topology), C(even_tasks) (true) and C(settle_minutes) (2). If
        it is set, the module also spreads the replicas of each service, and the tasks, over the nodes. An
        empty mapping uses the defaults.
      - C(node_exporters) and C(node_exporter_nodes) map nodes, by host name or ID, or physical hosts to the
        URLs of their node exporters. If both are empty, the module requests metrics from port 9100 of each
        node. If they name some nodes, the others are only included if C(metrics.node_exporter_url) is set.
        Nothing moves from or to a node that does not answer.
      - C(node_map) maps nodes that are virtual machines to the physical hosts whose exporters to use.
      - C(metrics) is a mapping with the keys C(node_exporter_url) and C(cadvisor_url), which are URLs that
        contain C({address}) or C({hostname}), C(cadvisors), C(prometheus_url), C(scrape_interval_seconds),
        C(timeout_seconds) (5, for all endpoints together), C(ca_path), C(validate_certs) and C(use_proxy).
        Samples that are older than twice the scrape interval are ignored. Samples of cAdvisor can be up to
        two minutes old, because cAdvisor itself measures idle containers less often.
      - For an endpoint that requires a login, set C(username) and C(password), C(bearer_token), or the
        mapping C(headers). Put them next to C(exporter_url) of a node exporter or C(url) of a cAdvisor. For
        all endpoints without a login of their own, use C(metrics.node_exporter_auth),
        C(metrics.cadvisor_auth) and C(metrics.prometheus_auth). Secrets must be given as C(${VAR}), see
        O(variables).
    type: dict
    default: {}
  variables:
    description:
      - The values for C(${VAR}) in O(rebalance_config). For names that are not in this mapping, the module
        uses its environment, or the file that C(VAR_FILE) names there.
    type: dict
    default: {}
  now:
    description:
      - Whether to move services without waiting until the difference has lasted and new nodes have settled.
        All other limits still apply.
    type: bool
    default: false
  storage:
    description:
      - Storage that all nodes share. It does not tie a service to its node.
      - Volumes of other drivers, volumes that mount a network file system, sockets, and read-only files that
        every host has, such as C(/etc/localtime), never tie a service.
    type: dict
    suboptions:
      shared_paths:
        description: Folders that are the same on all nodes. Everything below them is shared, too.
        type: list
        elements: str
      shared_volumes:
        description:
          - Names of volumes with the same data on all nodes, with or without the stack prefix. C(*) and C(?)
            match any characters.
        type: list
        elements: str
seealso:
  - module: orcastra.swarm.anchor_placement
notes:
  - The module never moves global services, services whose data is tied to a node and that C(services) does
    not name, services that are being updated or were moved recently, and services with the label
    C(orchestration.rebalance=false). The label C(orchestration.preferred.node) names the node to which the
    service should move if there is room.
  - The module spreads neither services whose data is tied to a node, whatever C(services) says, nor services
    with the label C(orchestration.spread=false).
  - If several tasks of a service run on a node, and one of them moves to another node, the module delays the
    update of the other tasks until it ends the move, and then restores the update settings of the service.
  - The module moves a service with a placement constraint, which it removes at the end of the move. It never
    forces a restart.
  - The module also finishes or undoes moves that another module began.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Balance memory use, with node exporters on port 9100 of all nodes
  orcastra.swarm.rebalance:

- name: Balance memory use, and keep the wiki on the node of its database
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

- name: Balance memory use, with node exporters that require a login
  orcastra.swarm.rebalance:
    rebalance_config:
      metrics:
        node_exporter_url: https://{address}:9100/metrics
        node_exporter_auth: {username: prom, password: "${PROM_PASSWORD}"}
    variables:
      PROM_PASSWORD: "{{ vault_prom_password }}"

- name: Give a node that has returned its share of the tasks, and spread replicas over the zones
  orcastra.swarm.rebalance:
    rebalance_config:
      spread:
        topology: node.labels.zone

- name: Show which service would move, and why no other would
  orcastra.swarm.rebalance:
    rebalance_config: "{{ lookup('orcastra.swarm.swarm_file', 'rebalance_config.yml', kind='rebalance') }}"
    variables: "{{ lookup('orcastra.swarm.swarm_file', 'rebalance_config.yml', kind='rebalance_variables') }}"
  check_mode: true
"""

RETURN = r"""
plan:
  description:
    - The steps that were needed, in order. In check mode, the steps that the module would carry out.
    - Empty if no move is needed now.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The type of the step, one of V(place_service), V(label_node) or V(repair_state).
      type: str
      sample: place_service
    target:
      description: The object that the step changes.
      type: str
      sample: service apps_search
    summary:
      description: A one-line summary of the step.
      type: str
      sample: move apps_search from mgr-a to wrk-b
    why:
      description: Why the step is needed.
      type: list
      elements: dict
      contains:
        code:
          description: A stable identifier that scripts and playbooks can rely on.
          type: str
        params:
          description: The values in the message, such as names and numbers.
          type: dict
        text:
          description: The message.
          type: str
    why_not:
      description: Why other services or other nodes were rejected.
      type: list
      elements: dict
      contains:
        code:
          description: A stable identifier that scripts and playbooks can rely on.
          type: str
        params:
          description: The values in the message, such as names and numbers.
          type: dict
        text:
          description: The message.
          type: str
requeue_after:
  description:
    - The number of seconds after which you should run the module again, because a move is under way or a
      retry is due.
  returned: when there is more to do
  type: float
  sample: 5.0
notes:
  description: What the module left unchanged, and why.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A stable identifier that scripts and playbooks can rely on.
      type: str
    params:
      description: The values in the message, such as names and numbers.
      type: dict
    text:
      description: The message.
      type: str
memory:
  description: The measured memory of each node. Nodes without a recent sample are missing.
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
      description: The name of the physical host, which all its nodes share.
      type: str
      sample: wrk-b
    total_bytes:
      description: The total memory of the host, in bytes.
      type: int
      sample: 2147483648
    available_bytes:
      description: The available memory of the host, in bytes.
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
    STORAGE_ARGUMENT_SPEC,
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
            **STORAGE_ARGUMENT_SPEC,
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
    rules = replace(rebalance.rules, storage=desired.storage)
    if module.params["now"]:
        spread = None if rules.spread is None else replace(rules.spread, settle_seconds=0)
        rules = replace(rules, sustained_seconds=0, spread=spread)
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
