#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_exporter
short_description: Run the node exporter as a service on all nodes of a Docker Swarm
version_added: 0.1.0
description:
  - Creates the service, or updates the settings that differ from its definition. Settings that the definition
    does not mention keep their values. If Swarm is updating the service, the module waits for the end of the
    update before it changes anything.
  - Then waits until the exporter runs on every node that should run it and reports the memory of that node.
  - Requires access to the engine of any manager of the swarm and, unless O(wait_timeout=0), to the exporters.
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.connection
options:
  definition:
    description:
      - The service, in the format of C(deploy_node_exporter.yml), which uses the keys of a Compose file. It
        can have C(name), C(image), C(args) or C(command), C(entrypoint), C(environment), C(mounts),
        C(volumes), C(networks), C(ports), C(deploy), C(labels), C(hostname), C(user), C(read_only),
        C(cap_add), C(cap_drop), C(healthcheck), C(logging), C(stop_grace_period), C(stop_signal) and
        C(timezone) (C(bind_local), C(env_tz)). Volumes and ports can use their short forms.
      - C(env_tz) is the name of a time zone, or V(true) for the time zone of the host on which the module
        runs. If that zone has no name, the module mounts C(/etc/localtime) of each host instead.
      - When the module creates the service, it takes missing settings from the default. The default runs
        C(prom/node-exporter) on every node, in the host network, on port 9100, with read access to the files
        of the host and with a textfile collector for C(/var/lib/prometheus/node-exporter). C({}) is the
        default itself.
      - If you omit this option and the service does not exist, the module creates the default. If the service
        exists and differs from the default, the module fails without changing it.
      - A list, such as C(args), replaces the list that the service has. Labels and environment variables that
        the definition does not mention stay.
    type: dict
  metrics_url:
    description:
      - The URL at which to check the exporter of a node. Use C({address}) or C({hostname}) for the node.
      - Defaults to the published port, the port in C(--web.listen-address), or 9100.
    type: str
  metrics_username:
    description: The user for HTTP basic authentication at O(metrics_url).
    type: str
  metrics_password:
    description: The password of O(metrics_username).
    type: str
  wait_timeout:
    description:
      - How long to wait for the end of an update, and then for all exporters to answer, in seconds.
      - With V(0), the module does not check the exporters, and leaves a service that Swarm is updating for a
        later run.
    type: int
    default: 120
seealso:
  - module: orcastra.swarm.rebalance
notes:
  - The engine does not resolve the image to a digest, so each node pulls the image that the tag currently
    names.
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Run the node exporter on all nodes
  orcastra.swarm.node_exporter:

- name: Run the node exporter from a private registry on all workers
  orcastra.swarm.node_exporter:
    definition:
      name: node-exporter
      image: registry.example.org/node-exporter:v1.9.1
      deploy:
        mode: global
        placement:
          constraints: [node.role == worker]

- name: Run the node exporter as defined in a file
  orcastra.swarm.node_exporter:
    definition: "{{ lookup('orcastra.swarm.swarm_file', 'deploy_node_exporter.yml', kind='node_exporter') }}"
"""

RETURN = r"""
plan:
  description: The steps that were needed. In check mode, the steps that the module would carry out.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: The type of the step, one of V(create_service), V(converge_service) or V(repair_state).
      type: str
      sample: converge_service
    target:
      description: The object that the step changes.
      type: str
      sample: service node-exporter
    summary:
      description: A one-line summary of the step.
      type: str
      sample: update Image of node-exporter
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
      description: Why alternatives were rejected, if there were any.
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
warning_reasons:
  description: The warnings as structured data.
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
requeue_after:
  description: The number of seconds after which to try again, because Swarm is updating the service.
  returned: when there is more to do
  type: float
  sample: 5.0
healthy_nodes:
  description:
    - The host names of the nodes whose exporter runs and answers. Empty if the module did not check them.
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


def exporter_endpoint(module: AnsibleModule, default: str) -> tuple[str, dict[str, str]]:
    """Return the URL and the request headers for exporters. Fails if a parameter is invalid."""
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
    url, headers = exporter_endpoint(module, f"http://{{address}}:{desired.port}/metrics")
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
