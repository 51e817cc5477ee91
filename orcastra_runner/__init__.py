# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller: runs the planners and playbooks of the collection ``orcastra.swarm`` in a loop.

Layers, from top to bottom: ``cli`` → ``commands`` → ``application`` → ``loop`` → ``scheduler`` → ``jobs`` →
``swarm``, ``execute``. ``application`` creates and connects the parts; ``scheduler`` runs all jobs.

``command`` has the commands of users, ``local`` the jobs for the instance's own node, ``remote_hosts`` the
jobs for hosts without an instance, and ``status`` the data that ``web`` serves. A third-party client is
imported in a single module: structlog in ``log``, ansible-runner in ``execute``.
"""

from __future__ import annotations
