# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Swarm does, as tests that run twice: against the simulator, and against real engines.

The functions are collected from ``tests/unit/sim`` and ``tests/integration/behaviour``, whose
``swarm`` fixture says against what. The simulator is right as long as both agree.
"""
