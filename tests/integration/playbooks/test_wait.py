# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary at the end of a playbook, and waiting for moves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.summary import MORE_TO_DO, NOTHING
from tests.integration.anchors.stage import SLOW_TO_STOP, STACK, Stage
from tests.integration.playbooks.conftest import Playbooks, Run
from tests.lab import Lab

SITE = "orcastra.swarm.site"
ANCHORS = "orcastra.swarm.anchors"


def summary(run: Run) -> list[str]:
    """Return the lines that the last task shows."""
    _before, task, shown = run.output.rpartition("Show what changed]")
    assert task, run.failure
    found = json.JSONDecoder().raw_decode(shown[shown.index("=> ") + 3 :])[0]
    lines: list[str] = found["msg"]
    return lines


def test_one_run_with_wait_leaves_nothing_pending(
    run_playbook: Playbooks, swarm: Lab, tmp_path: Path
) -> None:
    stage = Stage(swarm, tmp_path)
    stage.deploy("db", on="alpha", volume=True)
    stage.deploy("store", on="bravo", volume=True, command=SLOW_TO_STOP)
    stage.constrain("shop_store")
    options: dict[str, Any] = {
        "orcastra_dependencies": {"db": ["store"]},
        "orcastra_nodes": {},
        "orcastra_stack_name": STACK,
    }
    step = "move shop_store to alpha"

    # check mode does not wait
    checked = run_playbook(SITE, "--check", limit="all", orcastra_wait=True, **options)
    assert checked.status == 0, checked.failure
    assert any(line.startswith(f"- Would change: {step}. Reason: ") for line in summary(checked))
    assert stage.places("shop_store") == ["bravo"]

    # the time is over at once: the role names the move, which goes on
    late = run_playbook(ANCHORS, orcastra_wait=True, orcastra_move_timeout=0, **options)
    assert late.status == 2, late.failure
    assert "have not ended within 0 seconds" in late.output
    assert any(line.startswith(f"- Changed: {step}. Reason: ") for line in summary(late))

    done = run_playbook(SITE, limit="all", orcastra_wait=True, **options)
    assert done.status == 0, done.failure
    assert any(line.startswith("- Changed: end the move of shop_store. Reason: ") for line in summary(done))
    assert stage.settled("shop_db", "shop_store") == ""
    again = run_playbook(SITE, orcastra_wait=True, **options)
    assert (again.status, again.changed, summary(again)) == (0, 0, [NOTHING]), again.failure

    # without waiting, the summary says what to do
    stage.move("shop_db", "charlie")
    begun = run_playbook(ANCHORS, **options)
    assert begun.status == 0, begun.failure
    assert f"- Pending: {MORE_TO_DO}" in summary(begun)


def test_summary_names_hosts_without_result(run_playbook: Playbooks, swarm: Lab) -> None:
    swarm["charlie"].cut()
    done = run_playbook(
        "orcastra.swarm.label_sync", limit="all", orcastra_nodes={"alpha": {"labels": ["ssd"]}}
    )
    lines = summary(done)
    assert lines[1].startswith("- Changed: set ssd=true on node alpha. Reason: ")
    assert lines[-1].startswith("Without charlie: ")
