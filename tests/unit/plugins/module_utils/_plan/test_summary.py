# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary at the end of a playbook, from results as the roles register them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.orcastra.swarm.plugins.filter.pending_moves import pending_moves
from ansible_collections.orcastra.swarm.plugins.filter.summary import DOCUMENTATION, summary
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.summary import (
    DUE,
    EVICTION,
    LATER,
    MAX_LINES,
    MORE_TO_DO,
    MOVING,
    NOTHING,
    NOTHING_DONE,
    PARTS,
    UNTIL_MOVED,
)
from ansible_collections.orcastra.swarm.plugins.module_utils.messages import MESSAGES
from tests.conftest import CHECKOUT

WHY = Reason("anchor_runs_there", anchor="db")
MOVES = Reason("move_watched", service="web")
HOSTS = ("alpha", "bravo", "charlie")


def step(text: str, *why: Reason, action: str = "place_service") -> dict[str, Any]:
    return {
        "action": action,
        "target": "service web",
        "summary": text,
        "why": [one.to_data() for one in why],
        "why_not": [],
    }


def result(
    *steps: dict[str, Any], notes: tuple[Reason, ...] = (), warnings: tuple[Reason, ...] = (), **fields: Any
) -> dict[str, Any]:
    return {
        "changed": bool(steps),
        "plan": list(steps),
        "notes": [one.to_data() for one in notes],
        "warning_reasons": [one.to_data() for one in warnings],
        **fields,
    }


QUIET = result()
SKIPPED = {"changed": False, "skipped": True, "skip_reason": "Conditional result was False"}


def lines(roles: tuple[str, ...], variables: dict[str, Any], **options: Any) -> list[str]:
    """Summarize results that all hosts share, as after ``run_once``."""
    return summary(dict.fromkeys(HOSTS, variables), roles, HOSTS, **options)


def test_summary_of_quiet_run_is_one_line() -> None:
    assert lines(("label_sync", "anchors"), {"label_sync_result": QUIET, "anchors_result": QUIET}) == [
        NOTHING
    ]
    assert lines(("rebalance",), {"rebalance_result": SKIPPED}) == [NOTHING]
    assert lines(("rebalance",), {}) == [NOTHING]


@pytest.mark.parametrize(("check_mode", "done"), [(False, "Changed"), (True, "Would change")])
def test_summary_lists_changes_once_with_reasons(check_mode: bool, done: str) -> None:
    label = step("set db=true", WHY, action="label_node")
    found = lines(
        ("label_sync", "anchors"),
        # in check mode, both modules plan the label
        {"label_sync_result": result(label), "anchors_result": result(label, step("pin web"))},
        check_mode=check_mode,
    )
    assert found == [
        "Node labels:",
        f"- {done}: set db=true. Reason: {WHY.text}",
        "Anchors and followers:",
        f"- {done}: pin web",
    ]


def test_summary_says_how_to_finish_moves_unless_in_check_mode() -> None:
    begun = {"anchors_result": result(step("move web"), requeue_after=1.0)}
    hint = f"- Pending: {MORE_TO_DO}"
    assert lines(("anchors",), begun)[-1] == hint
    assert hint not in lines(("anchors",), begun, check_mode=True)
    # after a wait that was too short, the role itself fails
    assert hint not in lines(("anchors",), {**begun, "anchors_cycles": [begun["anchors_result"]]})


def test_summary_of_heal_combines_the_results_of_all_hosts() -> None:
    variables = {
        "alpha": {"heal_step": QUIET, "heal_result": result(step("promote node bravo to manager"))},
        "bravo": {"heal_step": result(step("leave another swarm on bravo")), "heal_result": SKIPPED},
        "charlie": {"heal_step": QUIET, "heal_joined": SKIPPED},
    }
    assert summary(variables, ["heal"], HOSTS) == [
        "Membership and settings:",
        "- Changed: promote node bravo to manager",
        "- Changed: leave another swarm on bravo",
    ]


def test_summary_of_wait_has_all_changes_and_only_final_notes() -> None:
    note = Reason("job_not_moved", service="job", mode="global-job")
    failed = Reason("move_failed", service="web", nodes=None, failure=Reason("move_rolled_back"))
    found = lines(
        ("label_sync", "anchors"),
        {
            "label_sync_result": result(notes=(MOVES,), requeue_after=1.0),
            "anchors_result": result(step("move web"), notes=(MOVES,), requeue_after=1.0),
            "anchors_cycles": [
                result(step("undo move"), warnings=(failed,), requeue_after=1.0),
                result(notes=(note,)),
            ],
        },
    )
    assert found == [
        "Anchors and followers:",
        "- Changed: move web",
        "- Changed: undo move",
        f"- Not changed: {note.text}",
        f"- Warning: {failed.text}",
    ]


def test_summary_keeps_notes_below_the_quiet_line() -> None:
    note = Reason("job_not_moved", service="job", mode="global-job")
    assert lines(("anchors",), {"anchors_result": result(notes=(note,))}) == [
        NOTHING,
        "Anchors and followers:",
        f"- Not changed: {note.text}",
    ]


def test_summary_with_warnings_does_not_claim_that_all_is_well() -> None:
    warning = Reason("leader_unheard", service="web", nodes=("alpha",))
    assert lines(("anchors",), {"anchors_result": result(warnings=(warning,))}) == [
        NOTHING_DONE,
        "Anchors and followers:",
        f"- Warning: {warning.text}",
    ]


def test_summary_names_hosts_for_roles_that_work_on_each_host() -> None:
    variables = {
        "alpha": {"prune_result": result(*(step(f"remove {number}") for number in range(MAX_LINES + 2)))},
        "bravo": {"prune_result": {"failed": True, "msg": "no\nengine"}},
        "charlie": {"prune_result": {"unreachable": True, "msg": "no route"}},
    }
    found = summary(variables, ["prune"], HOSTS, ["alpha"])
    assert found == [
        "Containers, images and volumes:",
        *(f"- Changed on alpha: remove {number}" for number in range(MAX_LINES)),
        "- Failed on bravo: no\\nengine",
        "- Changed on alpha: 2 more; -v shows all of them",
        "Without bravo, charlie: unreachable, failed or skipped; see the output above",
    ]


def test_summary_names_the_file_that_log_rotate_writes() -> None:
    variables = {
        "alpha": {"log_rotate_result": {"changed": True, "path": "/etc/logrotate.d/orcastra"}},
        "bravo": {"log_rotate_result": {"changed": False, "path": "/etc/logrotate.d/orcastra"}},
        "charlie": {},
    }
    assert summary(variables, ["log_rotate"], HOSTS) == [
        "Log files:",
        "- Changed on alpha: write /etc/logrotate.d/orcastra",
    ]


def test_summary_contains_nothing_of_censored_results() -> None:
    censored = {"censored": "the output has been hidden", "plan": [step("secret")]}
    assert lines(("mods",), {"mods_result": censored}) == [NOTHING]


def test_summary_refuses_unknown_roles_and_other_input() -> None:
    with pytest.raises(AnsibleFilterError, match=r"expected some of .* found anchor"):
        lines(("anchor",), {})
    with pytest.raises(AnsibleFilterError, match="expected a mapping"):
        summary([], [], [])
    with pytest.raises(AnsibleFilterError, match="expected a mapping"):
        pending_moves("text")


def test_pending_moves_are_steps_and_notes_of_moves() -> None:
    restart = step("restart web", action="restart_service")
    waits = Reason("restart_waits", service="web", problem=WHY, seconds=60)
    assert pending_moves(QUIET) == []
    # without a time for the next run, nothing is pending
    assert pending_moves(result(step("pin web"))) == []
    assert pending_moves(result(step("move web"), restart, requeue_after=1.0)) == ["move web"]
    assert pending_moves(result(notes=(MOVES, MOVES), requeue_after=1.0)) == [MOVES.text]
    assert pending_moves(result(notes=(waits,), requeue_after=60.0)) == []
    assert pending_moves(result(requeue_after=1.0)) == [EVICTION]


def test_codes_and_roles_exist() -> None:
    assert set(MESSAGES) >= MOVING | DUE | LATER | UNTIL_MOVED
    assert sorted(PARTS) == yaml.safe_load(DOCUMENTATION)["options"]["roles"]["choices"]


@pytest.mark.parametrize("role", PARTS)
def test_roles_register_the_results(role: str) -> None:
    tasks = "".join(path.read_text() for path in (CHECKOUT / "roles" / role / "tasks").glob("*.yml"))
    for variable in PARTS[role].variables:
        assert f"register: {variable}\n" in tasks or f"{variable}: " in tasks
