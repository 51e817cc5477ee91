# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  nodes:
    description:
      - The nodes of the swarm, in the format of C(nodes) in C(swarm.yml). The keys are host names.
      - Each value is a mapping that can have the keys C(ip), C(swarm_addr), C(role), C(availability),
        C(data_path_addr) and C(labels).
      - If an entry has an C(ip) or, for a host behind NAT, a C(swarm_addr), only a node at that address
        counts as the host. Without an address, the host name alone decides.
      - If the mapping is empty, all hosts in O(members) are nodes.
    type: dict
    default: {}
  leader:
    description: The host that creates the swarm. Defaults to the first host that should become a manager.
    type: str
  advertise_addr:
    description:
      - The IP address or network interface at which the other hosts reach the leader. Add the port if it is
        not 2377.
    type: str
  managers:
    description:
      - The number of managers, V(1), V(3), V(5) or V(7).
      - If not given and any node has the C(role) V(manager), these nodes and the leader are the managers. If
        no node has that role, the default is V(3), or V(1) for fewer than three nodes.
    type: int
  swarm:
    description:
      - The settings of the swarm, in the format of C(swarm) in C(swarm.yml). A setting that you omit keeps
        its current value.
    type: dict
    default: {}
    suboptions:
      cluster_id:
        description: The ID of the swarm. Hosts that belong to another swarm are refused.
        type: str
      listen_addr:
        description: The IP address or network interface on which managers listen, optionally with a port.
        type: str
      data_path_addr:
        description:
          - The IP address or network interface for container traffic. C(data_path_addr) of a node takes
            precedence.
        type: str
      data_path_port:
        description: The UDP port for container traffic. Takes effect only when the swarm is created.
        type: int
      default_addr_pool:
        description: The pools for overlay network subnets. Take effect only when the swarm is created.
        type: list
        elements: str
      subnet_size:
        description: The prefix length of these subnets. Takes effect only when the swarm is created.
        type: int
      autolock:
        description: Whether a manager requires the unlock key after its engine restarts.
        type: bool
      task_history_limit:
        description: The number of ended tasks that Swarm keeps for each slot.
        type: int
      heartbeat_seconds:
        description: The interval at which nodes report to the managers, in seconds.
        type: float
      cert_expiry_days:
        description: The validity period of node certificates, in days.
        type: float
      snapshot_interval:
        description: The number of Raft log entries between two snapshots.
        type: int
      keep_old_snapshots:
        description: The number of old Raft snapshots to keep.
        type: int
      log_entries_for_slow_followers:
        description: The number of Raft log entries to keep for slow managers.
        type: int
      forget_after_seconds:
        description:
          - How long a node must be down before the module removes its entry, in seconds. The module only
            removes the entry of a host that is back under another ID.
        type: float
      paused_updates:
        description:
          - What to do with updates that Swarm paused. V(auto) continues an update if all tasks run, and rolls
            the service back otherwise. V(report) only warns.
        type: str
        choices: [auto, resume, rollback, report]
  members:
    description:
      - Maps each host to the RV(orcastra.swarm.swarm_member_info#module:member) that its engine reports. For
        a host that did not answer, use a mapping with the key C(problem), which holds the reason as text.
    type: dict
    default: {}
"""
