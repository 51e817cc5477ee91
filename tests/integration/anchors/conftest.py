# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.anchors.stage import Stage
from tests.lab import Lab


@pytest.fixture
def stage(swarm: Lab, tmp_path: Path) -> Stage:
    """The clean lab, and an empty folder for the configuration."""
    folder = tmp_path / "configuration"
    folder.mkdir()
    return Stage(swarm, folder)
