#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_check
short_description: Check whether a host is ready for Orcastra
version_added: 0.1.0
description:
  - Checks the prerequisites on a host and its Docker engine, and says how to fix each one that is missing.
  - It checks the version of Python, the Docker SDK, the engine and its socket, the clock, the ports of the
    other nodes, and log files of containers that have no size limit.
  - It changes nothing, needs no library itself, and doesn't fail if a check does. See RV(findings).
extends_documentation_fragment:
  - orcastra.swarm.attributes
  - orcastra.swarm.attributes.info
  - orcastra.swarm.connection
options:
  now:
    description:
      - The time on the control node, in seconds since the epoch. The clock of the engine is compared with it.
      - If it isn't given, the clock isn't checked.
    type: float
  check_ports:
    description: Whether to try the TCP ports of the other nodes.
    type: bool
    default: true
  check_logs:
    description: Whether to look for containers whose log files have no size limit.
    type: bool
    default: true
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Check the host
  orcastra.swarm.host_check:
    now: "{{ now(utc=true).timestamp() }}"
  register: check

- name: Stop if something is missing
  ansible.builtin.assert:
    that: check.failures == 0
    fail_msg: "{{ check.findings | selectattr('status', 'eq', 'failed') | map(attribute='reason.text') }}"
"""

RETURN = r"""
findings:
  description: One entry for each prerequisite.
  returned: success
  type: list
  elements: dict
  contains:
    status:
      description: V(ok), V(warning), or V(failed).
      type: str
    reason:
      description: The finding, as C(code), C(params) and C(text).
      type: dict
    fix:
      description: How to fix it, as C(code), C(params) and C(text); null if there is nothing to fix.
      type: dict
failures:
  description: The number of findings whose status is V(failed).
  returned: success
  type: int
warnings_found:
  description: The number of findings whose status is V(warning).
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.orcastra.swarm.plugins.module_utils._model.doctor import FAILED, WARNING
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    CONNECTION_ARGUMENT_SPEC,
    ConnectionOptions,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.host import host_facts, library_versions
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.doctor import diagnose_host


def main() -> None:
    # unlike the other modules, this one must work without the Docker SDK
    module = AnsibleModule(
        argument_spec={
            **CONNECTION_ARGUMENT_SPEC,
            "now": {"type": "float"},
            "check_ports": {"type": "bool", "default": True},
            "check_logs": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    facts = host_facts(
        ConnectionOptions.from_parameters(module.params),
        library_versions(["docker"]),
        now=module.params["now"],
        check_ports=module.params["check_ports"],
        check_logs=module.params["check_logs"],
    )
    findings = diagnose_host(facts)
    module.exit_json(
        changed=False,
        findings=[finding.to_data() for finding in findings],
        failures=sum(finding.status == FAILED for finding in findings),
        warnings_found=sum(finding.status == WARNING for finding in findings),
    )


if __name__ == "__main__":
    main()
