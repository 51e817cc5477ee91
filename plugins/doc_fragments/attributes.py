# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the plan without carrying it out.
    support: full
  diff_mode:
    description:
      - Returns details on the changes, or on the changes that check mode predicts, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
  action_group:
    description: Use C(group/orcastra.swarm.swarm) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - orcastra.swarm.swarm
"""

    INFO = r"""
attributes:
  check_mode:
    description: This module does not change anything.
    support: full
  diff_mode:
    description: This module does not change anything, so there are no differences to show.
    support: N/A
  idempotent:
    description: This module does not change anything.
    support: full
"""
