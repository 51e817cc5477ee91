# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  manager_host:
    description:
      - The URL of the engine of a manager, for a node that is none. The other options of the connection count
        for it, too.
      - A node that is a manager asks its own engine.
    type: str
  services_in_use:
    description:
      - What a manager knows of the services, as RV(orcastra.swarm.swarm_info#module:in_use); the other way to
        let a worker know.
    type: dict
    suboptions:
      images:
        description: The images of all services, those that a rollback would return to among them.
        type: list
        elements: str
        default: []
      volumes:
        description: The names of the volumes that they mount.
        type: list
        elements: str
        default: []
      stop_grace:
        description: For the ID of each service, how long it may take to stop, in seconds.
        type: dict
        default: {}
  state_dir:
    description:
      - The folder for what is remembered of the node, on the host that the module runs on. There is one file
        for each engine.
    type: path
    default: /var/lib/orcastra
"""
