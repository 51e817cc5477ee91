# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  nodes:
    description:
      - The nodes of the swarm and their labels, in the format of C(nodes) in C(swarm.yml). The keys are host
        names or node IDs.
      - Each value is a mapping that can have the keys C(labels), C(ip), C(swarm_addr), C(role) and
        C(availability). C(labels) is a list of keys, which get the value V(true), or a mapping of keys to
        values.
      - The module warns about a name that matches no node of the swarm. If an entry has an C(ip) or, for a
        host behind NAT, a C(swarm_addr), only a node at that address counts as the host. The module warns
        about a node that has the name and another address.
    type: dict
  dependencies:
    description:
      - The anchors and the services that depend on them, in the format of C(dependencies) in C(swarm.yml).
        The keys are the service names of the anchors, without the prefix of their stack.
      - Each value is a list of services, or a mapping with the keys C(services), C(stack),
        C(restart_dependents), C(retry_intervals), C(relocate) and C(manage_constraint).
      - You can list a service under several anchors. It then runs where all of them run. If they run on
        different nodes, it follows the first anchor in the configuration, and the module warns about it.
      - The module warns about a service that does not exist.
    type: dict
  stack_name:
    description:
      - The stack of all O(dependencies) that do not name their own.
      - The module looks for a service with this prefix first, and then without it.
    type: str
    default: ""
  label_prefix:
    description:
      - The prefix of anchor labels. The name of the anchor follows it.
    type: str
    default: ""
"""
