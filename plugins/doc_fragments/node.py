# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  manager_host:
    description:
      - The URL of a manager's engine, for a node that is not a manager. The other connection options apply to
        this connection, too.
      - On a manager, the module uses the node's own engine instead.
    type: str
  services_in_use:
    description:
      - What the services of the swarm use, as returned in RV(orcastra.swarm.swarm_info#module:in_use) on a
        manager. For workers, this is the alternative to O(manager_host).
    type: dict
    suboptions:
      images:
        description: The images of all services, including the images that a rollback would return to.
        type: list
        elements: str
        default: []
      volumes:
        description: The names of the volumes that the services mount.
        type: list
        elements: str
        default: []
      stop_grace:
        description: Maps the ID of each service to its stop grace period in seconds.
        type: dict
        default: {}
  state_dir:
    description:
      - The directory in which the module saves the state of the node, on the host that the module runs on. It
        contains one file for each engine.
    type: path
    default: /var/lib/orcastra
"""
