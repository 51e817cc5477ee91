# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that makes a host join or leave a swarm, without the roles."""

from __future__ import annotations

from typing import Any

from tests.integration import accidents
from tests.integration.plugins.modules.conftest import Modules
from tests.lab import Lab
from tests.lab.swarm import swarm_info


def _members(run_module: Modules, swarm: Lab, *names: str) -> dict[str, Any]:
    """Return these hosts' reports about the swarm."""
    hosts = {name: swarm[name].docker_host for name in names}
    return {
        name: run_module("swarm_member_info", docker_host=docker_host)["member"]
        for name, docker_host in hosts.items()
    }


def test_swarm_member_leaves_and_joins_again(run_module: Modules, swarm: Lab) -> None:
    charlie = swarm["charlie"]
    at_charlie = {"docker_host": charlie.docker_host, "name": "charlie"}
    look = run_module("swarm_member_info", join_tokens=True)
    token = look["tokens"]["worker"]

    planned = run_module("swarm_member", state="absent", check=True, **at_charlie)
    assert planned["changed"]
    assert swarm_info(charlie)["ControlAvailable"]

    left = run_module("swarm_member", state="absent", **at_charlie)
    assert [step["action"] for step in left["plan"]] == ["leave_swarm"]
    assert left["member"]["state"] == "inactive"
    # it was demoted first, so that it doesn't count towards the quorum
    (entry,) = accidents.nodes(swarm, "charlie")
    assert "ManagerStatus" not in entry
    assert not run_module("swarm_member", state="absent", **at_charlie)["changed"]

    # one host's report isn't enough to join its swarm
    alone = run_module("swarm_member", members=_members(run_module, swarm, "alpha"), **at_charlie)
    assert alone["failed"]
    members = _members(run_module, swarm, "alpha", "bravo")
    untold = run_module("swarm_member", members=members, **at_charlie)
    assert (untold["changed"], untold["joins"]) == (False, True)
    # the right ID, but the digest of another swarm's certificate
    secret, digest = token.split("-")[3], token.split("-")[2]
    wrong = token.replace(digest, digest[::-1])
    refused = run_module("swarm_member", members=members, join_token=wrong, **at_charlie)
    assert refused["failed"]
    assert "charlie" in refused["msg"]
    assert secret not in str(refused)
    assert swarm_info(charlie)["LocalNodeState"] == "inactive"

    joined = run_module("swarm_member", members=members, join_token=token, **at_charlie)
    assert [step["action"] for step in joined["plan"]] == ["join_swarm"]
    assert joined["member"]["state"] == "active"
    assert token not in str(joined)
    members = _members(run_module, swarm, "alpha", "bravo")
    assert not run_module("swarm_member", members=members, join_token=token, **at_charlie)["changed"]


def test_swarm_member_refuses_to_remove_last_managers(run_module: Modules, swarm: Lab) -> None:
    for name in ("bravo", "charlie"):
        accidents.demote(swarm, name)

    refused = run_module("swarm_member", state="absent", name="alpha")
    assert refused["failed"]
    assert refused["reason"]["code"] == "leaving_last_manager"
    assert refused["reason"]["params"] == {"host": "alpha"}
    assert refused["msg"] == refused["reason"]["text"]
    assert swarm_info(swarm["alpha"])["ControlAvailable"]


def test_swarm_member_reports_wrong_names(run_module: Modules, swarm: Lab) -> None:
    def member(name: str, host: str, **options: Any) -> dict[str, Any]:
        return run_module("swarm_member", docker_host=swarm[host].docker_host, name=name, **options)

    long = member("alpha.example.com", "alpha", nodes={"alpha.example.com": {"labels": ["ssd"]}})
    assert not long["changed"]
    differs = [warning for warning in long["warning_reasons"] if warning["code"] == "host_name_differs"]
    assert [warning["params"] for warning in differs] == [{"name": "alpha.example.com", "hostname": "alpha"}]

    first = member("alpha", "alpha")["member"]
    twin = member("twin", "alpha", members={"alpha": first})
    assert twin["failed"]
    assert twin["reason"]["code"] == "host_at_fault"
    assert twin["reason"]["params"]["because"]["code"] == "node_id_shared"
