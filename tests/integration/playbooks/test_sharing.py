# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several playbooks, tasks and loop items on one swarm don't undo each other's changes."""

from __future__ import annotations

from typing import Any

from tests.integration.orcastra_runner.swarm_helpers import constraints, create_service, labels
from tests.integration.playbooks.conftest import Playbooks, Run
from tests.lab import Lab

SITE = {
    "nodes": {"alpha": {"labels": ["ssd", "zfs"]}, "bravo": {"labels": {"disk": "hdd", "room": "cellar"}}},
    "dependencies": {"wiki_db": {"stack": "apps", "services": ["wiki"]}},
}
LOOP = {
    "name": "Set the labels of one node after the other",
    "orcastra.swarm.label_sync": {"nodes": "{{ {item.name: {'labels': item.labels}} }}"},
    "loop": [{"name": "alpha", "labels": ["nvme"]}, {"name": "bravo", "labels": {"rack": "4"}}],
}
SEARCH_TEAM = [
    {
        "name": "Keep labels right",
        "orcastra.swarm.label_sync": {"nodes": {"bravo": {"labels": {"disk": "hdd", "room": "attic"}}}},
    },
    {
        "name": "Keep the indexer on the node of the search",
        "orcastra.swarm.anchor_placement": {"stack_name": "apps", "dependencies": {"search": ["indexer"]}},
        "register": "anchors",
        "until": "not anchors.changed and anchors.requeue_after is undefined",
        "retries": 20,
        "delay": 1,
    },
    {
        "name": "Mark the node of the search",
        "orcastra.swarm.label_sync": {"stack_name": "apps", "dependencies": {"search": ["indexer"]}},
    },
]


def play(run_playbook: Playbooks, name: str, *tasks: dict[str, Any]) -> Run:
    """Run tasks as a separate playbook."""
    own = [{"name": name, "hosts": "managers", "gather_facts": False, "tasks": list(tasks)}]
    return run_playbook(str(run_playbook.write(f"{name}.yml", own)))


def test_playbooks_do_not_undo_each_other(run_playbook: Playbooks, swarm: Lab) -> None:
    for name in ("apps_wiki_db", "apps_wiki", "apps_search", "apps_indexer"):
        create_service(swarm, name, "alpha" if "wiki" in name else "charlie")
    run_playbook.write("swarm.yml", SITE)

    def site(*options: str, **more: Any) -> Run:
        done = run_playbook("orcastra.swarm.site", *options, orcastra_swarm_file="swarm.yml", **more)
        assert done.status == 0, done.failure
        return done

    site()
    # another team's playbook with tasks, and a playbook with a loop: both settle and keep other labels
    for name, tasks in (("search", SEARCH_TEAM), ("loop", [LOOP])):
        done = play(run_playbook, name, *tasks)
        assert (done.status, done.changed > 0) == (0, True), done.failure
        again = play(run_playbook, name, *tasks)
        assert (again.status, again.changed) == (0, 0), again.failure
    assert labels(swarm, "alpha") == {"ssd": "true", "zfs": "true", "nvme": "true", "wiki_db": "true"}
    assert labels(swarm, "bravo") == {"disk": "hdd", "room": "attic", "rack": "4"}
    assert labels(swarm, "charlie") == {"search": "true"}
    assert "node.labels.wiki_db==true" in constraints(swarm, "apps_wiki")
    assert "node.labels.search==true" in constraints(swarm, "apps_indexer")

    # site keeps other labels if it has part of the configuration; with all of it, site recognizes its own
    assert site(orcastra_purge=False).changed == 1
    assert play(run_playbook, "loop", LOOP).changed == 0
    assert labels(swarm, "charlie") == {"search": "true"}
    site()
    site()
    assert labels(swarm, "alpha") == {"ssd": "true", "zfs": "true", "wiki_db": "true"}
    assert labels(swarm, "bravo") == {"disk": "hdd", "room": "cellar"}
    assert labels(swarm, "charlie") == {}
    assert constraints(swarm, "apps_indexer") == ["node.hostname==charlie"]
    assert "node.labels.wiki_db==true" in constraints(swarm, "apps_wiki")


def test_missing_section_is_kept_until_confirmed(run_playbook: Playbooks, swarm: Lab) -> None:
    create_service(swarm, "apps_wiki_db", "alpha")
    create_service(swarm, "apps_wiki", "alpha")
    site = "orcastra.swarm.site"
    run_playbook.write("swarm.yml", SITE)
    assert run_playbook(site, orcastra_swarm_file="swarm.yml").status == 0
    held = ["node.hostname==alpha", "node.labels.wiki_db==true"]
    assert constraints(swarm, "apps_wiki") == held

    run_playbook.write("swarm.yml", {"nodes": {"alpha": {"labels": ["ssd"]}}})
    done = run_playbook(site, orcastra_swarm_file="swarm.yml")
    assert done.status == 0, done.failure
    assert "accept_removals" in done.output
    assert (labels(swarm, "alpha"), labels(swarm, "bravo")) == ({"ssd": "true", "wiki_db": "true"}, {})
    assert constraints(swarm, "apps_wiki") == held
    again = run_playbook(site, orcastra_swarm_file="swarm.yml")
    assert (again.status, again.changed) == (0, 0), again.failure

    for _ in range(2):  # the label is removed when no constraint requires it
        accepted = run_playbook(site, orcastra_swarm_file="swarm.yml", orcastra_accept_removals=True)
        assert accepted.status == 0, accepted.failure
    assert labels(swarm, "alpha") == {"ssd": "true"}
    assert constraints(swarm, "apps_wiki") == ["node.hostname==alpha"]


def test_inventory_without_managers_is_an_error(run_playbook: Playbooks, inventory: dict[str, Any]) -> None:
    run_playbook.write("swarm.yml", SITE)
    run_playbook.write("inventory.yml", {"masters": inventory["managers"]})

    for playbook, variables in (
        ("orcastra.swarm.site", {"orcastra_swarm_file": "swarm.yml"}),
        ("orcastra.swarm.remove_labels", {}),
        ("orcastra.swarm.drain_node", {"orcastra_nodes": ["alpha"]}),
    ):
        refused = run_playbook(playbook, limit=None, **variables)
        assert refused.status != 0, refused.failure
        assert "no host of the inventory matches managers" in refused.output
    named = run_playbook("orcastra.swarm.site", limit=None, orcastra_hosts="nobody:nowhere")
    assert named.status != 0, named.failure
