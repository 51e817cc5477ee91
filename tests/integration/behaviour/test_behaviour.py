# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Behaviour of the real Swarm: runs ``tests/behaviour`` in the lab."""

from tests.behaviour.balancing import *  # noqa: F403
from tests.behaviour.failure import *  # noqa: F403
from tests.behaviour.finished import *  # noqa: F403
from tests.behaviour.placement import *  # noqa: F403
from tests.behaviour.records import *  # noqa: F403
from tests.behaviour.updates import *  # noqa: F403
from tests.behaviour.writes import *  # noqa: F403
