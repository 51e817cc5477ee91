# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loops the playbooks of the collection ``orcastra.swarm``.

Layers, upper ones import lower ones: ``cli`` → ``commands`` → ``loop`` → ``jobs`` → ``swarm``, ``execute``.
Also: ``command``, what users ask for once; ``local``, what each instance does beside the loop; ``web``.
Third-party clients are imported in one module each: structlog in ``log``, environs in ``settings``,
ansible-runner in ``execute``.
"""

from __future__ import annotations
