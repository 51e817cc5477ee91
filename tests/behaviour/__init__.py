# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of Swarm's behaviour that run against the simulator and against real engines.

``tests/unit/sim`` and ``tests/integration/behaviour`` collect the functions and provide the ``swarm``
fixture. The simulator is correct as long as both agree.
"""
