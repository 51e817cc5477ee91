#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_exporter
short_description: Run the node exporter as a service on all nodes of a Docker Swarm
version_added: 0.2.0
description:
  - Creates the service, or changes what differs from its definition. What the definition says nothing about
    is left as it is. What Swarm is updating is changed once that has ended.
  - Then waits until the exporter runs on every node that it is to run on, and tells the memory of the node.
  - Has to reach the engine of a manager; any manager of the swarm will do. Has to reach the exporters, too,
    unless O(wait_timeout) is V(0).
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
options:
  definition:
    description:
      - The service, as in C(deploy_node_exporter.yml), in the words of a Compose file. It can have C(name),
        C(image), C(args) or C(command), C(entrypoint), C(environment), C(mounts), C(volumes), C(networks),
        C(ports), C(deploy), C(labels), C(hostname), C(user), C(read_only), C(cap_add), C(cap_drop),
        C(healthcheck), C(logging), C(stop_grace_period), C(stop_signal) and C(timezone) (C(bind_local),
        C(env_tz)). Volumes and ports may have their short forms.
      - C(env_tz) is the name of a time zone, or V(true) for that of the host on which the module runs. If
        that has no name, the services get C(/etc/localtime) of each host instead.
      - When the service is created, it is filled in from the default, which is C(prom/node-exporter) on every
        node, in the host's network, on port 9100, with the host's files to be read, and with a textfile
        collector for C(/var/lib/prometheus/node-exporter). C({}) is the default itself.
      - Without it the default is created if there is no such service. One that is there and differs is left
        as it is, and the module fails.
      - A list, such as C(args), replaces the one that the service has. Labels and variables that the
        definition does not name stay.
    type: dict
  metrics_url:
    description:
      - Where the exporter of a node is asked whether it is healthy, with C({address}) or C({hostname}) for
        the node.
      - By default the published port, that of C(--web.listen-address), or 9100.
    type: str
  metrics_username:
    description: The user of HTTP basic authentication there.
    type: str
    version_added: 0.2.0
  metrics_password:
    description: That user's password.
    type: str
  wait_timeout:
    description:
      - How long to wait until an update under way has ended, and then until all exporters answer, in seconds.
      - With V(0) nobody is asked, and what Swarm is updating is left for later.
    type: int
    default: 120
seealso:
  - module: orcastra.swarm.rebalance
notes:
  - The engine does not look up the digest of the image, so each node pulls what the tag means to it.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Run the node exporter on all nodes
  orcastra.swarm.node_exporter:

- name: Run it from our own registry, on the workers
  orcastra.swarm.node_exporter:
    definition:
      name: node-exporter
      image: registry.example.org/node-exporter:v1.9.1
      deploy:
        mode: global
        placement:
          constraints: [node.role == worker]

- name: Run what the file says
  orcastra.swarm.node_exporter:
    definition: "{{ lookup('orcastra.swarm.swarm_file', 'deploy_node_exporter.yml', kind='node_exporter') }}"
"""

RETURN = r"""
plan:
  description: The steps that were needed. In check mode, those that would be carried out.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The kind of step, V(create_service), V(converge_service) or V(repair_state).
      type: str
      sample: converge_service
    target:
      description: What is changed.
      type: str
      sample: service node-exporter
    summary:
      description: The step as text.
      type: str
      sample: update Image of node-exporter
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
      description: Why alternatives were not taken, where there were any.
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
warning_reasons:
  description: The warnings as data.
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
requeue_after:
  description: After how many seconds to try again, as Swarm was updating the service.
  returned: when there is such a thing
  type: float
  sample: 5.0
healthy_nodes:
  description: The host names of the nodes whose exporter runs and answers; empty where nobody was asked.
  returned: success
  type: list
  elements: str
  sample: [mgr-a, wrk-b]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.exporter_health import (
    await_exporters,
    await_update,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import build_exporter
from ansible_collections.orcastra.swarm.plugins.module_utils._config.logins import basic_headers
from ansible_collections.orcastra.swarm.plugins.module_utils._config.urls import url_fault
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module
from ansible_collections.orcastra.swarm.plugins.module_utils._module.plan import run_engine_plan
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.zone import host_zone
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.exporter import plan_exporter


def asked(module: AnsibleModule, default: str) -> tuple[str, dict[str, str]]:
    """Where exporters are asked, and with which headers. Ends the module if a parameter is wrong."""
    given = module.params
    url: str = given["metrics_url"] or default
    fault = url_fault(url, is_template="{" in url)
    if fault is not None:
        hint = " (they go in metrics_username and metrics_password)" if "@" in url else ""
        module.fail_json(msg=f"metrics_url: expected {fault[0]}{hint}, found {fault[1]}")
    user, password = given["metrics_username"], given["metrics_password"]
    if (user is None) != (password is None):
        module.fail_json(
            msg="metrics_username: expected it together with metrics_password, found one of them"
        )
    return url, {} if user is None else basic_headers(user, password)


def main() -> None:
    module = create_module(
        {
            "definition": {"type": "dict"},
            "metrics_url": {"type": "str"},
            "metrics_username": {"type": "str"},
            "metrics_password": {"type": "str", "no_log": True},
            "wait_timeout": {"type": "int", "default": 120},
        },
    )
    try:
        desired = build_exporter(module.params["definition"] or {}, host_zone)
    except ConfigError as error:
        module.fail_json(msg=str(error))
    url, headers = asked(module, f"http://{{address}}:{desired.port}/metrics")
    wait_timeout = module.params["wait_timeout"]

    def plan_now(engine: Engine, snapshot: SwarmSnapshot) -> Plan:
        service = snapshot.service_by_name.get(desired.name)
        if service is None:
            return plan_exporter(snapshot, desired, None, {})
        names = [network["Target"] for network in desired.spec["TaskTemplate"].get("Networks", ())]
        networks = {name: engine.swarm_network_id(name) for name in names}
        found = plan_exporter(snapshot, desired, engine.get_service(service.id)["Spec"], networks)
        if found.steps and module.params["definition"] is None:
            raise OrcastraError(
                f"definition: expected one, because service {desired.name} differs from the default; found "
                f"none ({{}} makes it the default)"
            )
        return found

    def plan(engine: Engine, seen: Observation) -> Plan:
        found = plan_now(engine, seen.snapshot)
        if found.requeue_after is None or module.check_mode or not wait_timeout:
            return found
        return plan_now(engine, await_update(engine, desired.name, wait_timeout))

    def verify(engine: Engine) -> dict[str, Any]:
        if module.check_mode or not wait_timeout:
            return {"healthy_nodes": []}
        return {"healthy_nodes": list(await_exporters(engine, desired.name, url, wait_timeout, headers))}

    run_engine_plan(module, plan, verify)


if __name__ == "__main__":
    main()
