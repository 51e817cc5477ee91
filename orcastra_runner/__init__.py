# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loops the playbooks of the collection ``orcastra.swarm``.

Layers, upper ones import lower ones: ``cli`` → ``commands`` → ``application`` → ``loop`` → ``scheduler`` →
``jobs`` → ``swarm``, ``execute``. ``application`` wires the parts from ``settings``; ``scheduler`` runs all
jobs.
Also: ``command``, the commands that users send; ``local``, the jobs for the instance's own node;
``remote_hosts``, those for hosts without an instance; ``status``, what ``web`` shows.
Third-party clients are imported in one module each: structlog in ``log``, ansible-runner in ``execute``.
"""

from __future__ import annotations
