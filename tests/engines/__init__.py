# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests on real engines, with each supported version of the engine: ``make engines``."""

from __future__ import annotations

from tests.lab.releases import ENGINES, MIXED

MATRIX = (*ENGINES, MIXED)
# A few tests of everything that depends on the engine, short enough to run for each version.
SELECTION = (
    "tests/integration/anchors/test_moves.py",
    "tests/integration/plugins/modules/test_label_sync.py",
    "tests/integration/plugins/modules/test_swarm_info.py",
    "tests/integration/plugins/module_utils/_apply",
)
ALL = ("tests/integration",)
