# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``ansible-test integration`` with a target of this folder; ``make targets`` runs all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import Lab
from tests.targets.run import run_targets

TARGETS = ("test_label_sync", "test_service_restart", "test_swarm_info")


@pytest.mark.slow
def test_targets(swarm: Lab, tmp_path: Path) -> None:
    result = run_targets(swarm, tmp_path, TARGETS, capture=True)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "SKIPPED" not in result.stdout
    for target in TARGETS:
        assert f"Running {target} integration test role" in result.stdout
