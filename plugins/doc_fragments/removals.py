# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  purge:
    description:
      - Whether O(nodes) and O(dependencies) are the whole configuration of the swarm. If so, whatever
        Orcastra has set and they do not name is removed, whoever asked for it.
      - An option that is not given is no empty one. What it once led to stays, and a warning says so. Give an
        empty mapping to remove it, or confirm with O(accept_removals).
    type: bool
    default: false
    version_added: 0.2.0
  accept_removals:
    description: With O(purge), whether O(nodes) or O(dependencies) means an empty mapping if it is not given.
    type: bool
    default: false
    version_added: 0.2.0
"""
