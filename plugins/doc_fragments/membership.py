# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  nodes:
    description:
      - The nodes of the swarm, as under C(nodes) in C(swarm.yml). The keys are host names.
      - Each value can have C(ip), C(swarm_addr), C(role), C(availability), C(data_path_addr) and C(labels).
      - A node only counts as the host of its name if the swarm sees it at the C(ip), or at the
        C(swarm_addr) of a host behind NAT. Without both, the name is all there is.
      - Without any, the hosts in O(members) are the nodes.
    type: dict
    default: {}
  leader:
    description: The host on which the swarm is made. Without it, the first that is to be a manager.
    type: str
  advertise_addr:
    description: Where the leader is reached, an address or an interface, with a port where it isn't 2377.
    type: str
  managers:
    description:
      - How many managers the swarm has, V(1), V(3), V(5) or V(7).
      - Without it, the nodes with the C(role) V(manager) and the leader where any node has that role, else
        V(3), or V(1) where there are fewer than three nodes.
    type: int
  swarm:
    description:
      - How the swarm as such is set up, as under C(swarm) in C(swarm.yml). What isn't named keeps its value.
      - Keys are C(cluster_id), C(listen_addr), C(data_path_addr), C(data_path_port), C(default_addr_pool),
        C(subnet_size), C(autolock), C(task_history_limit), C(heartbeat_seconds), C(cert_expiry_days),
        C(snapshot_interval), C(keep_old_snapshots), C(log_entries_for_slow_followers),
        C(forget_after_seconds) and C(paused_updates).
    type: dict
    default: {}
  members:
    description:
      - For each host what its engine says of its membership, the C(member) that
        M(orcastra.swarm.swarm_member_info) returns. For a host that could not be asked, a mapping with
        C(problem), the reason in words.
    type: dict
    default: {}
"""
