# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tasks have done what they were for: they neither run again nor are missed."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._model.picture import Service, Task


def is_finished(task: Task, service: Service) -> bool:
    """Whether the task has ended well, and the service's restart policy leaves it at that.

    Swarm calls a task complete if its container has ended with exit code 0.
    """
    return task.state == "complete" and service.restart_condition in ("none", "on-failure")
