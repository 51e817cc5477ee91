# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  purge:
    description:
      - Whether O(nodes) and O(dependencies) are the complete configuration of the swarm. If so, the module
        removes everything that Orcastra has set and that they do not name, no matter which task set it.
      - Omitting an option is not the same as passing an empty mapping. If you omit one of the two, the module
        keeps what Orcastra has set for it and warns. To remove it, pass an empty mapping or set
        O(accept_removals=true).
    type: bool
    default: false
  accept_removals:
    description:
      - With O(purge=true), whether to treat O(nodes) or O(dependencies) as an empty mapping if you omit it.
    type: bool
    default: false
"""
