# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links to the pages of other instances."""

from __future__ import annotations

import pytest

from orcastra_runner.settings import collect_settings
from orcastra_runner.web.peers import peers_data
from tests.support.builders import node, snapshot
from tests.unit.orcastra_runner.served import observation

MANAGERS = (
    node("alpha", role="manager", leader=True, address="10.0.0.1"),
    node("bravo", role="manager", address="fd00::2"),
    node("charlie", role="manager", address="0.0.0.0", manager_addr="10.0.0.3:2377"),
    node("delta", address="10.0.0.4"),
)


def urls(local: str) -> dict[str, str]:
    seen = observation(snapshot=snapshot(*MANAGERS), local_node_id=f"id-{local}")
    return {one["node"]: one["url"] for one in peers_data(["http://{address}:6060/"], seen)}


def test_peers_are_the_other_managers() -> None:
    bravo, charlie = "http://[fd00::2]:6060/", "http://10.0.0.3:6060/"
    assert urls("alpha") == {"bravo": bravo, "charlie": charlie}
    assert urls("delta") == {"alpha": "http://10.0.0.1:6060/", "bravo": bravo, "charlie": charlie}


def test_peers_say_which_manager_leads() -> None:
    seen = observation(snapshot=snapshot(*MANAGERS), local_node_id="id-bravo")
    found = peers_data(["http://{address}/"], seen)
    assert {one["node"]: one["leads"] for one in found} == {"alpha": True, "charlie": False}


def test_peers_without_an_address_are_links_as_given() -> None:
    link = {"url": "https://swarm.example.org/b/", "node": None, "leads": None}
    assert peers_data([link["url"], "http://{address}/"], None) == [link]


@pytest.mark.parametrize(
    "text", ["{address}:6060", "javascript:alert(1)", "http://{address}:port/", "http://a/,ftp://b/"]
)
def test_peers_must_be_urls(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCASTRA_PEERS", text)
    settings, problems = collect_settings()
    assert [problem.key for problem in problems] == ["ORCASTRA_PEERS"]
    assert settings.peers == ()
