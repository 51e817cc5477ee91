# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mod_progress import (
    PROGRESS_SECONDS,
    ModProgress,
)


def test_progress_reports_each_download_at_intervals() -> None:
    said: list[tuple[str, str]] = []
    times = iter(
        [0.0, PROGRESS_SECONDS - 1, PROGRESS_SECONDS, PROGRESS_SECONDS + 1, 2 * PROGRESS_SECONDS + 1]
    )
    progress = ModProgress(lambda title, size: said.append((title, size)), times.__next__)
    progress.report("a", 1 << 20, 9 << 20)
    progress.report("a", 2 << 20, 9 << 20)
    progress.report("a", 3 << 20, 9 << 20)
    progress.report("b", 1 << 20, None)
    progress.report("b", 5 << 20, None)
    assert said == [("a", "3 MiB of 9 MiB"), ("b", "5 MiB")]
