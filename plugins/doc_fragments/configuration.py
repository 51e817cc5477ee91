# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  nodes:
    description:
      - The nodes of the swarm and their labels, as under C(nodes) in C(swarm.yml). The keys are host names
        or node IDs.
      - Each value can have C(labels), a list of keys (which get the value V(true)) or a mapping of keys to
        values; and C(ip), C(swarm_addr), C(role) and C(availability).
      - A name that no node of the swarm has is reported as a warning. So is a node that has the name at
        another address than the C(ip), or the C(swarm_addr) of a host behind NAT, and is not that host.
    type: dict
  dependencies:
    description:
      - The anchors and the services that depend on them, as under C(dependencies) in C(swarm.yml). The keys
        are the names of the anchors' services without the prefix of their stack.
      - Each value is a list of services or a mapping with C(services), C(stack), C(restart_dependents),
        C(retry_intervals), C(relocate) and C(manage_constraint).
      - A service can be listed under several anchors. It runs where all of them run. If they run on different
        nodes, it follows the one whose entry comes first, and a warning says so.
      - A service that does not exist is reported as a warning.
    type: dict
  stack_name:
    description:
      - The stack of those O(dependencies) that do not name one.
      - A service is looked for with this prefix first, then without it.
    type: str
    default: ""
  label_prefix:
    description:
      - What the label of an anchor begins with. The rest of it is the name of the anchor.
    type: str
    default: ""
"""
