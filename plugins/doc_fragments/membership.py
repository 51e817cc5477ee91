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
      - The settings of the swarm itself, as under C(swarm) in C(swarm.yml). A setting that isn't named keeps
        its value.
    type: dict
    default: {}
    suboptions:
      cluster_id:
        description: The ID of the swarm. Hosts in another swarm are refused.
        type: str
      listen_addr:
        description: The address or interface on which managers listen, with or without a port.
        type: str
      data_path_addr:
        description:
          - The address or interface for the traffic of containers. A node's own C(data_path_addr) wins.
        type: str
      data_path_port:
        description: The UDP port for the traffic of containers. It only counts when the swarm is created.
        type: int
      default_addr_pool:
        description: Pools for the subnets of overlay networks. They only count when the swarm is created.
        type: list
        elements: str
      subnet_size:
        description: The prefix length of those subnets. It only counts when the swarm is created.
        type: int
      autolock:
        description: Whether managers need the unlock key after their engine has restarted.
        type: bool
      task_history_limit:
        description: How many ended tasks of each slot Swarm keeps.
        type: int
      heartbeat_seconds:
        description: How often nodes report to the managers, in seconds.
        type: float
      cert_expiry_days:
        description: How long certificates of nodes are valid, in days.
        type: float
      snapshot_interval:
        description: The number of log entries between two snapshots of the managers' Raft.
        type: int
      keep_old_snapshots:
        description: How many old snapshots are kept.
        type: int
      log_entries_for_slow_followers:
        description: How many log entries are kept for slow managers.
        type: int
      forget_after_seconds:
        description:
          - How long a node must be down before its entry is removed, if its host is back under another ID. In
            seconds.
        type: float
      paused_updates:
        description:
          - What happens to updates that Swarm has paused. V(auto) continues one if all tasks run, and rolls
            the service back otherwise. V(report) only warns.
        type: str
        choices: [auto, resume, rollback, report]
  members:
    description:
      - For each host what its engine says of its membership, the C(member) that
        M(orcastra.swarm.swarm_member_info) returns. For a host that could not be asked, a mapping with
        C(problem), the reason in words.
    type: dict
    default: {}
"""
