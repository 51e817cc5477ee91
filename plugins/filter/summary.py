# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E402 - Ansible requires the documentation above the imports

from __future__ import annotations

DOCUMENTATION = r"""
name: summary
short_description: Summarize what the roles of a play changed, and why
version_added: 0.1.0
author:
  - Orcastra contributors (@orcastra)
description:
  - Turns the results that the roles of this collection register into a few lines of text. The playbooks of
    the collection show them at their end. Use the filter to do the same in your own playbooks.
  - The lines contain the changes and their reasons, failures, pending work, and objects that were left
    unchanged. Of similar lines, only the first 10 are included. If there is nothing to change, the only line
    is V(Nothing to change.)
  - Works on the control node and does not query the hosts.
positional: _input
options:
  _input:
    description: The variables of all hosts, usually C(hostvars).
    type: dict
    required: true
  roles:
    description:
      - The roles of the play. C(bootstrap) uses the role C(heal).
    type: list
    elements: str
    choices:
      - anchors
      - autoheal
      - heal
      - label_sync
      - log_rotate
      - mods
      - node_drain
      - node_exporter
      - prune
      - rebalance
      - remove_labels
      - service_restart
    required: true
  hosts:
    description: The hosts of the play, usually C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  present:
    description:
      - The hosts that are still in the play, usually C(ansible_play_hosts). The summary names the others.
      - By default, all hosts.
    type: list
    elements: str
  check_mode:
    description: Whether the results are those of check mode, usually C(ansible_check_mode).
    type: bool
    default: false
seealso:
  - plugin: orcastra.swarm.pending_moves
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep the labels and the followers in order
  hosts: managers
  gather_facts: false
  roles:
    - orcastra.swarm.label_sync
    - orcastra.swarm.anchors
  post_tasks:
    - name: Show what changed
      ansible.builtin.debug:
        msg: "{{ hostvars | orcastra.swarm.summary(['label_sync', 'anchors'], ansible_play_hosts_all) }}"
      run_once: true
"""

RETURN = r"""
_value:
  description: The lines of the summary.
  type: list
  elements: str
  sample:
    - "Node labels:"
    - "- Changed: set ssd=true on node wrk-b. Reason: it is configured"
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.summary import PARTS, summarize


def summary(
    variables: Any,
    roles: Iterable[str],
    hosts: Iterable[str],
    present: Iterable[str] | None = None,
    check_mode: bool = False,
) -> list[str]:
    if not isinstance(variables, Mapping):
        raise AnsibleFilterError("orcastra.swarm.summary: expected a mapping for the variables")
    roles, hosts = list(roles), list(hosts)
    unknown = [role for role in roles if role not in PARTS]
    if unknown:
        raise AnsibleFilterError(
            f"orcastra.swarm.summary: roles: expected some of {', '.join(PARTS)}, found {', '.join(unknown)}"
        )
    remaining = hosts if present is None else set(present)
    missing = [host for host in hosts if host not in remaining]
    return summarize(variables, roles, hosts, missing, check_mode=check_mode)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"summary": summary}
