# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E402 - Ansible requires the documentation above the imports

from __future__ import annotations

DOCUMENTATION = r"""
name: pending_moves
short_description: List the moves that have not ended after a run of a module
version_added: 0.1.0
author:
  - Orcastra contributors (@orcastra)
description:
  - Lists the moves that are under way after a run of M(orcastra.swarm.anchor_placement) or
    M(orcastra.swarm.rebalance). These modules take one step at a time. Repeat the task until the list is
    empty.
  - The list contains the steps of the run itself, because only the next run knows how they went. Restarts
    that wait for their next attempt are not moves.
positional: _input
options:
  _input:
    description: The result of the module.
    type: dict
    required: true
seealso:
  - plugin: orcastra.swarm.summary
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Move the wiki to the node of its database, and wait until it runs there
  orcastra.swarm.anchor_placement:
    stack_name: apps
    dependencies:
      wiki_db: [wiki]
  register: result
  until: result is success and result | orcastra.swarm.pending_moves | length == 0
  retries: 150
  delay: 2
"""

RETURN = r"""
_value:
  description: The moves as text. Empty if all of them have ended.
  type: list
  elements: str
  sample:
    - apps_wiki is moving to wrk-b
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.orcastra.swarm.plugins.module_utils._plan import summary


def pending_moves(result: Any) -> list[str]:
    if not isinstance(result, Mapping):
        raise AnsibleFilterError("orcastra.swarm.pending_moves: expected a mapping for the result")
    return summary.pending_moves(result)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"pending_moves": pending_moves}
