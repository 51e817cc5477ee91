# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Docker Swarm on one Linux machine: several hosts, each a set of namespaces with its own engine.

``python -m tests.lab --help`` is the command line; from Python, start with :class:`Lab`.
"""

from __future__ import annotations

from tests.lab.errors import CommandFailed, EngineError, LabError
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.wait import wait_until

__all__ = ["CommandFailed", "EngineError", "Host", "Lab", "LabError", "wait_until"]
