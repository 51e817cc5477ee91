# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles that get no configuration fail, and roles that get part of one keep the rest of the swarm as it is.

The quick tests evaluate the argument specification and the first check of a role. The slow ones run the whole
role on a simulated swarm that has managed labels and constraints.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import sim as simulator
from tests.conftest import CHECKOUT
from tests.support.warm_python import ANSIBLE_PLAYBOOK, run_ansible

WHOLE: dict[str, Any] = {
    "nodes": {"alpha": {"labels": ["ssd", "zfs"]}, "bravo": {"labels": {"disk": "hdd"}}},
    "dependencies": {"db": ["app"]},
}
FILES = {
    "swarm.yml": yaml.safe_dump(WHOLE),
    "blank.yml": "",
    "comments.yml": "# nodes: {}\n",
    "dashes.yml": "---\n",
    "null.yml": "null\n",
    "extension.yml": "x-labels: &ssd [ssd]\n",
    "leader.yml": "leader: alpha\n",
    "options.yml": "options: {prune_unknown_labels: true}\n",
    "sections.yml": "nodes:\ndependencies: ~\n",
    "cut-off.yml": "nodes: {alpha: {labels: [ssd",
    "nodes.yml": yaml.safe_dump({"nodes": WHOLE["nodes"]}),
    "no-anchors.yml": yaml.safe_dump({"nodes": WHOLE["nodes"], "dependencies": None}),
    "dependencies.yml": yaml.safe_dump({"dependencies": WHOLE["dependencies"]}),
    "nothing.yml": "{}\n",
}
SWARM_FILES = {name.partition(".")[0]: {"orcastra_swarm_file": name} for name in FILES}

# Not a configuration, for the roles that need one.
NOTHING: dict[str, dict[str, Any]] = {
    "unset": {},
    "misspelt": {"orcastra_swarmfile": "swarm.yml", "orcastra_node": {}, "orcastra_dependancies": {}},
    "empty text": {"orcastra_swarm_file": ""},
    "null": {"orcastra_swarm_file": None, "orcastra_nodes": None, "orcastra_dependencies": None},
    "text for a mapping": {"orcastra_nodes": ""},
    "missing": {"orcastra_swarm_file": "missing.yml"},
    "folder": {"orcastra_swarm_file": "."},
    "space": {"orcastra_swarm_file": " "},
    "confirmed": {"orcastra_accept_removals": True},
    "purge": {"orcastra_purge": True, "orcastra_options": {"prune_unknown_labels": True}},
    **{
        name: SWARM_FILES[name]
        for name in (
            *("blank", "comments", "dashes", "null", "extension"),
            *("leader", "options", "sections", "cut-off"),
        )
    },
}
# Part of a configuration: the rest of the swarm stays as it is.
PARTS: dict[str, dict[str, Any]] = {
    **{name: SWARM_FILES[name] for name in ("nodes", "no-anchors", "dependencies")},
    "nodes as a variable": {"orcastra_nodes": WHOLE["nodes"]},
    "another team's": {"orcastra_nodes": {"charlie": {}}, "orcastra_purge": False},
    "an empty part": {"orcastra_dependencies": WHOLE["dependencies"], "orcastra_nodes": None},
}


@dataclass
class Control:
    """A control node that runs roles against the swarm, each in a block of one playbook."""

    folder: Path
    sim: simulator.Sim

    def run(self, *blocks: tuple[str, dict[str, Any]], check: bool = False) -> list[dict[str, Any]]:
        """Run blocks, each a role with its variables. Return whether each one failed, and its message."""
        tasks: list[dict[str, Any]] = []
        for role, variables in blocks:
            outcome = {"results": "{{ results + [{'failed': %s, 'msg': %s}] }}"}
            tasks.append(
                {
                    "block": [
                        {
                            "ansible.builtin.include_role": {"name": f"orcastra.swarm.{role}"},
                            "vars": variables,
                        },
                        {"ansible.builtin.set_fact": {"results": outcome["results"] % ("false", "''")}},
                    ],
                    "rescue": [
                        {
                            "ansible.builtin.set_fact": {
                                "results": outcome["results"] % ("true", "ansible_failed_result.msg")
                            }
                        }
                    ],
                }
            )
        tasks.append(
            {
                "ansible.builtin.copy": {
                    "content": "{{ results | to_json }}",
                    "dest": f"{self.folder}/results",
                },
                "check_mode": False,
            }
        )
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {
                "results": [],
                "orcastra_stack_name": "shop",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            },
            "module_defaults": {
                "group/orcastra.swarm.swarm": {"docker_host": self.sim.docker_host(), "timeout": 20}
            },
            "tasks": tasks,
        }
        (self.folder / "playbook.yml").write_text(yaml.safe_dump([play], sort_keys=False))
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("DOCKER", "ANSIBLE_"))
        }
        done = run_ansible(
            ANSIBLE_PLAYBOOK,
            "playbook.yml",
            *(["--check"] if check else []),
            cwd=self.folder,
            env={
                **kept,
                "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_PIPELINING": "1",
                "LC_ALL": "C.UTF-8",
            },
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: list[dict[str, Any]] = json.loads((self.folder / "results").read_text())
        return found

    def owned(self) -> dict[str, Any]:
        """Return the node labels and service constraints that exist in the swarm."""
        nodes = {node.hostname: node.spec["Labels"] for node in self.sim.store.nodes.values()}
        services = {
            service.name: service.spec.raw["TaskTemplate"].get("Placement", {}).get("Constraints") or []
            for service in self.sim.store.services.values()
        }
        return {name: found for name, found in {**nodes, **services}.items() if found}


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    folder = tmp_path_factory.mktemp("control")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    with simulator.swarm() as sim:
        for name in ("shop_db", "shop_app"):
            raw = {"Name": name, "TaskTemplate": {"ContainerSpec": {"Image": "orcastra/app"}}}
            sim.place(raw, [sim.node("charlie")])
        control = Control(folder, sim)
        results = control.run(*((role, SWARM_FILES["swarm"]) for role in ("label_sync", "anchors")))
        assert [result["msg"] for result in results if result["failed"]] == []
        sim.advance(30)
        assert control.owned() == {
            "alpha": {"ssd": "true", "zfs": "true"},
            "bravo": {"disk": "hdd"},
            "charlie": {"db": "true"},
            "shop_app": ["node.labels.db==true"],
        }
        yield control


def first_checks(folder: Path, blocks: list[tuple[str, dict[str, Any]]]) -> dict[str, str | None]:
    """For each role with its variables: what its argument specification or its first check refuses."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    found = run_ansible(FIRST_CHECKS, json.dumps([str(CHECKOUT / "roles"), blocks]), cwd=folder)
    assert found.returncode == 0, found.stderr
    return dict(zip(map(str, blocks), json.loads(found.stdout), strict=True))


# Prints the problem of each block, or None.
FIRST_CHECKS = """
import json, sys
from pathlib import Path
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

loader = DataLoader()
loader.set_basedir(".")
roles, blocks = json.loads(sys.argv[1])

def load(role, name):
    path = Path(roles, role, name)
    return loader.load_from_file(str(path), trusted_as_template=True) or {} if path.exists() else {}

def problem(role, given):
    host = {"inventory_hostname": "localhost"}
    variables = {**host, **load(role, "defaults/main.yml"), **load(role, "vars/main.yml"), **given}
    templar = Templar(loader, variables=variables)
    options = load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    values = {name: templar.template(variables[name]) for name in options if name in variables}
    errors = ArgumentSpecValidator(options).validate(values).error_messages
    if errors:
        return errors[0]
    tasks = load(role, "tasks/main.yml")
    if "ansible.builtin.import_tasks" in tasks[0]:
        tasks = load(role, "tasks/" + tasks[0]["ansible.builtin.import_tasks"])
    check = tasks[0].get("ansible.builtin.assert")
    conditions = check["that"] if check else True
    for condition in conditions if isinstance(conditions, list) else [conditions]:
        if not templar.evaluate_conditional(condition):
            return condition
    return None

problems = []
for role, given in blocks:
    try:
        problems.append(problem(role, given))
    except Exception as error:
        problems.append(str(error))
print(json.dumps(problems))
"""

CONFIGURED = ("label_sync", "anchors")
# Roles that check their options before they send a request.
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("heal", {}),
    ("heal", {"orcastra_swarmfile": "swarm.yml", "orcastra_unlock_key": "x"}),
    ("rebalance", {}),
    ("rebalance", {"orcastra_rebalance_fil": "rebalance.yml"}),
    ("rebalance", {"orcastra_swarm_file": "swarm.yml", "orcastra_rebalance": None}),
    ("log_rotate", {}),
    ("log_rotate", {"orcastra_log_rotate_file": []}),
    ("node_drain", {}),
    ("mods", {"orcastra_mods_file": "blank.yml"}),
]
# These fail later in the role.
LATER: list[tuple[str, dict[str, Any]]] = [
    ("heal", SWARM_FILES["comments"]),
    ("bootstrap", {}),
    ("bootstrap", SWARM_FILES["blank"]),
    ("rebalance", {"orcastra_rebalance_file": "comments.yml"}),
    ("node_drain", {"orcastra_nodes": []}),
    ("service_restart", {"orcastra_services": []}),
    ("node_exporter", {"orcastra_node_exporter_file": "blank.yml"}),
]


def test_roles_refuse_to_start_without_a_configuration(tmp_path: Path) -> None:
    blocks = [(role, given) for role in CONFIGURED for given in NOTHING.values()] + OTHERS

    problems = first_checks(tmp_path, blocks)

    assert [block for block, problem in problems.items() if problem is None] == []


def test_roles_start_with_part_of_a_configuration(tmp_path: Path) -> None:
    given = [*PARTS.values(), SWARM_FILES["swarm"], SWARM_FILES["nothing"]]
    blocks = [(role, variables) for role in CONFIGURED for variables in given]
    blocks += [("heal", SWARM_FILES["swarm"]), ("rebalance", {"orcastra_rebalance": {}})]
    blocks += [("log_rotate", {"orcastra_log_rotate_files": []})]

    problems = first_checks(tmp_path, blocks)

    assert {block: problem for block, problem in problems.items() if problem is not None} == {}


@pytest.mark.slow
@pytest.mark.parametrize("check", [True, False])
def test_roles_without_a_configuration_change_nothing(control: Control, check: bool) -> None:
    before = control.owned()
    blocks = [(role, given) for role in CONFIGURED for given in NOTHING.values()]

    results = control.run(*blocks, check=check)

    names = [f"{role}: {name}" for role in CONFIGURED for name in NOTHING]
    assert [name for name, result in zip(names, results, strict=True) if not result["failed"]] == []
    assert all(result["msg"] for result in results)
    assert control.owned() == before


@pytest.mark.slow
def test_other_roles_without_a_configuration_change_nothing(control: Control) -> None:
    before = control.owned()
    blocks = OTHERS + LATER

    results = control.run(*blocks, check=True)

    assert [given for given, result in zip(blocks, results, strict=True) if not result["failed"]] == []
    assert control.owned() == before


@pytest.mark.slow
def test_roles_with_part_of_a_configuration_keep_the_rest(control: Control) -> None:
    before = control.owned()

    results = control.run(*((role, given) for role in CONFIGURED for given in PARTS.values()))

    assert [result["msg"] for result in results if result["failed"]] == []
    assert control.owned() == before


@pytest.mark.slow
def test_roles_with_an_explicitly_empty_configuration_remove_all(control: Control) -> None:
    for role in ("anchors", "label_sync"):
        (result,) = control.run((role, SWARM_FILES["nothing"]))
        assert not result["failed"]
        control.sim.advance(30)

    assert control.owned() == {}
