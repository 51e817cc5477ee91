# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin, called by ansible-inventory, with a simulated swarm."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import sim as simulator
from tests.support.warm_python import ANSIBLE_INVENTORY, run_ansible

PLUGIN = "plugin: orcastra.swarm.swarm\n"


@pytest.fixture
def sim() -> Iterator[simulator.Sim]:
    with simulator.swarm(workers=["delta"]) as sim:
        yield sim


def inventory(
    folder: Path,
    *arguments: str,
    docker_host: str,
    files: tuple[str, ...] = ("orcastra.yml",),
    plugins: str = "orcastra.swarm.swarm",
) -> tuple[dict[str, Any], str]:
    """Return the list of ansible-inventory, and its messages in one line."""
    sources = [argument for file in files for argument in ("-i", file)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER", "ANSIBLE_"))}
    done = run_ansible(
        ANSIBLE_INVENTORY,
        *(*sources, "--list", *arguments),
        cwd=folder,
        env={
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
            # enable only this plugin, so that no other one reads the file
            "ANSIBLE_INVENTORY_ENABLED": plugins,
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "1000",
            "DOCKER_HOST": docker_host,
            "LC_ALL": "C.UTF-8",
        },
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout, object_hook=_plain), " ".join(done.stderr.split())


def _plain(value: dict[str, Any]) -> Any:
    """Since ansible-core 2.19, the list marks values that must not be evaluated as templates."""
    return value["__ansible_unsafe"] if set(value) == {"__ansible_unsafe"} else value


def hosts(found: dict[str, Any], group: str) -> list[str]:
    return list(found.get(group, {}).get("hosts", []))


def test_inventory_sets_groups_and_variables(sim: simulator.Sim, tmp_path: Path) -> None:
    sim.node("delta").spec["Labels"] = {"node.rack": "{{ 1 + 1 }}"}
    (tmp_path / "sw.yml").write_text(
        "nodes: {alpha: {ip: 10.0.0.1, swarm_addr: 127.20.0.1}, delta: , yankee: }\n"
    )
    (tmp_path / "nodes.yml").write_text("zulu: {ip: 10.0.0.9}\n")
    (tmp_path / "orcastra.yml").write_text(
        f"{PLUGIN}swarm_file: sw.yml\nnodes_file: nodes.yml\nstrict: true\n"
        "compose: {where: swarm_ip + '!'}\ngroups: {work: swarm_role == 'worker'}\n"
        "keyed_groups: [{key: swarm_availability, prefix: is, default_value: unset}]\n"
    )
    found, output = inventory(tmp_path, docker_host=sim.docker_host())
    assert hosts(found, "managers") == ["alpha", "bravo", "charlie"], output
    assert hosts(found, "workers") == hosts(found, "work") == ["delta"]
    assert hosts(found, "leader") == ["alpha"]
    assert (hosts(found, "missing"), hosts(found, "unknown")) == (["yankee", "zulu"], ["bravo", "charlie"])
    assert hosts(found, "label_node_rack") == hosts(found, "label_node_rack____1___1___") == ["delta"]
    assert hosts(found, "is_active") == ["alpha", "bravo", "charlie", "delta"]
    variables = found["_meta"]["hostvars"]
    assert variables["alpha"]["where"] == "10.0.0.1!"
    assert variables["delta"]["swarm_labels"] == {"node.rack": "{{ 1 + 1 }}"}
    # empty groups exist, too
    assert "down" in found["all"]["children"] or "down" in found


def test_inventory_without_configuration_has_no_missing_or_unknown_hosts(
    sim: simulator.Sim, tmp_path: Path
) -> None:
    (tmp_path / "orcastra.yml").write_text(PLUGIN)
    found, _output = inventory(tmp_path, docker_host=sim.docker_host())
    assert hosts(found, "swarm") == ["alpha", "bravo", "charlie", "delta"]
    assert hosts(found, "missing") == hosts(found, "unknown") == []


def test_cache_contains_the_swarm_but_not_the_configuration(sim: simulator.Sim, tmp_path: Path) -> None:
    cache = f"{PLUGIN}cache: true\ncache_plugin: ansible.builtin.jsonfile\ncache_connection: cache\n"
    (tmp_path / "orcastra.yml").write_text(cache)
    (tmp_path / "sw.yml").write_text("nodes: {alpha: , zulu: }\n")
    first, _output = inventory(tmp_path, docker_host=sim.docker_host())
    asked = len(sim.requests)
    (tmp_path / "orcastra.yml").write_text(f"{cache}swarm_file: sw.yml\n")
    second, _output = inventory(tmp_path, docker_host=sim.docker_host())
    assert len(sim.requests) == asked
    assert hosts(second, "swarm") == [*hosts(first, "swarm"), "zulu"]
    assert hosts(second, "unknown") == ["bravo", "charlie", "delta"]
    inventory(tmp_path, "--flush-cache", docker_host=sim.docker_host())
    refreshed = len(sim.requests)
    assert refreshed > asked
    # the cache does not apply to another engine
    third, _output = inventory(tmp_path, docker_host=sim.docker_host("bravo"))
    assert len(sim.requests) > refreshed
    assert hosts(third, "swarm") == hosts(second, "swarm")


def test_inventory_of_an_unreachable_swarm_depends_on_strict_connection(
    sim: simulator.Sim, tmp_path: Path
) -> None:
    (tmp_path / "sw.yml").write_text("leader: alpha\nnodes: {alpha: , zulu: }\n")
    for host, what in (
        ("tcp://127.0.0.1:1", "the engine cannot be reached"),
        (sim.docker_host("delta"), "expected a manager of the swarm, found a worker"),
    ):
        (tmp_path / "orcastra.yml").write_text(f"{PLUGIN}swarm_file: sw.yml\n")
        found, output = inventory(tmp_path, docker_host=host)
        assert f"orcastra.yml: {host}: {what}" in output
        assert hosts(found, "swarm") == []
        (tmp_path / "orcastra.yml").write_text(f"{PLUGIN}swarm_file: sw.yml\nstrict_connection: false\n")
        found, output = inventory(tmp_path, docker_host=host)
        assert f"orcastra.yml: {host}: {what}" in output
        assert "Only the configured nodes are in the inventory" in output
        assert (hosts(found, "swarm"), hosts(found, "managers")) == (["alpha", "zulu"], ["alpha"])
        assert hosts(found, "missing") == hosts(found, "reachable") == []


def test_errors_contain_the_file_and_the_key(sim: simulator.Sim, tmp_path: Path) -> None:
    (tmp_path / "wrong.yml").write_text("nodes: {alpha: {role: king}}\n")
    wrong = {
        f"{PLUGIN}swarm_fil: x": "swarm_fil: expected an option of orcastra.swarm.swarm, found another name;"
        " did you mean 'swarm_file'?",
        f"{PLUGIN}timeout: 0": "timeout: expected at least 1 second, found the number 0",
        f"{PLUGIN}timeout: soon": "'timeout'",
        f"{PLUGIN}strict: maybe": "strict: expected true or false, found 'maybe'",
        f"{PLUGIN}swarm_file: nowhere.yml": "swarm_file: expected a file, found none at "
        f"{tmp_path}/nowhere.yml",
        f"{PLUGIN}swarm_file: wrong.yml": f"{tmp_path}/wrong.yml:1: nodes.alpha.role: expected manager or"
        " worker, found 'king'",
        f"{PLUGIN}tls: true\nca_path: /nowhere": "ca_path: expected a file, found none at /nowhere",
        "- plugin": "expected a mapping with the key plugin, found no mapping",
        f"{PLUGIN}strict: true\ncompose: {{a: nothing}}": "Could not set a for host alpha",
    }
    files = []
    for number, text in enumerate(wrong):
        files.append(f"{number}.swarm.yml")
        (tmp_path / files[-1]).write_text(text)
    _found, output = inventory(tmp_path, docker_host=sim.docker_host(), files=tuple(files))
    for file, what in zip(files, wrong.values(), strict=True):
        assert f"{tmp_path}/{file}: {what}" in output or (
            f"{tmp_path}/{file}" in output and what in output
        ), what


def test_plugin_accepts_only_its_file_names(tmp_path: Path) -> None:
    ours = ("orcastra.yml", "orcastra.yaml", "prod.swarm.yml", "a.orcastra.yaml", "swarm_inventory.yml")
    others = ("swarm.yml", "hosts.yml", "docker_swarm.yml")
    for name in (*ours, *others):
        (tmp_path / name).write_text(f"{PLUGIN}mark_of_{name.replace('.', '_')}: 1\n")
    _found, output = inventory(tmp_path, docker_host="tcp://127.0.0.1:1", files=(*ours, *others))
    assert [name for name in (*ours, *others) if f"mark_of_{name.replace('.', '_')}" in output] == [*ours]


class TestRoleVariables:
    BOTH = "orcastra.swarm.swarm,ansible.builtin.yaml"

    @pytest.fixture(autouse=True)
    def files(self, tmp_path: Path) -> None:
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "sw.yml").write_text("nodes: {alpha: }\n")
        (tmp_path / "orcastra.yml").write_text(f"{PLUGIN}swarm_file: config/sw.yml\n")

    def given(
        self, sim: simulator.Sim, folder: Path, name: str = "orcastra_swarm_file", **more: Any
    ) -> dict[str, Any]:
        """Host → value."""
        found, output = inventory(folder, docker_host=sim.docker_host(), **more)
        variables = found["_meta"]["hostvars"]
        assert set(variables) >= {"alpha", "bravo", "charlie", "delta"}, output
        return {host: variables[host].get(name) for host in sorted(variables)}

    def test_roles_get_the_absolute_path_of_the_file(self, sim: simulator.Sim, tmp_path: Path) -> None:
        path = f"{tmp_path}/config/sw.yml"

        assert self.given(sim, tmp_path) == dict.fromkeys(("alpha", "bravo", "charlie", "delta"), path)

    def test_roles_get_no_variables_without_a_file(self, sim: simulator.Sim, tmp_path: Path) -> None:
        (tmp_path / "orcastra.yml").write_text(PLUGIN)

        assert set(self.given(sim, tmp_path).values()) == {None}

    @pytest.mark.parametrize(
        ("where", "text"),
        [
            (
                "orcastra.yml",
                f"{PLUGIN}swarm_file: config/sw.yml\ncompose: {{orcastra_swarm_file: \"'mine'\"}}\n",
            ),
            ("group_vars/all.yml", "orcastra_swarm_file: mine\n"),
            ("group_vars/managers.yml", "orcastra_swarm_file: mine\n"),
            ("host_vars/alpha.yml", "orcastra_swarm_file: mine\n"),
            ("before.yml", "all: {vars: {orcastra_swarm_file: mine}}\n"),
            ("later.yml", "all: {vars: {orcastra_swarm_file: mine}}\n"),
            ("before.yml", "managers: {vars: {orcastra_swarm_file: mine}}\n"),
            ("later.yml", "all: {hosts: {alpha: {orcastra_swarm_file: mine}}}\n"),
        ],
    )
    def test_variables_of_the_user_take_precedence(
        self, sim: simulator.Sim, tmp_path: Path, where: str, text: str
    ) -> None:
        (tmp_path / where).parent.mkdir(exist_ok=True)
        (tmp_path / where).write_text(text)
        files = [name for name in ("before.yml", "orcastra.yml", "later.yml") if (tmp_path / name).exists()]

        assert self.given(sim, tmp_path, files=tuple(files), plugins=self.BOTH)["alpha"] == "mine"

    def test_two_swarms_have_separate_variables(self, sim: simulator.Sim, tmp_path: Path) -> None:
        (tmp_path / "config" / "other.yml").write_text("nodes: {zulu: }\n")
        (tmp_path / "z.orcastra.yml").write_text(
            f"{PLUGIN}swarm_file: config/other.yml\nstrict_connection: false\ndocker_host: tcp://127.0.0.1:1\n"
        )
        for files in (("orcastra.yml", "z.orcastra.yml"), ("z.orcastra.yml", "orcastra.yml")):
            given = self.given(sim, tmp_path, files=files)
            assert given["zulu"] == f"{tmp_path}/config/other.yml"
            assert given["alpha"] == f"{tmp_path}/config/sw.yml"

    def test_roles_get_the_contents_of_the_nodes_file(self, sim: simulator.Sim, tmp_path: Path) -> None:
        (tmp_path / "nodes.yml").write_text("bravo: {labels: {disk: '{{ 1 + 1 }}'}}\n")
        (tmp_path / "orcastra.yml").write_text(f"{PLUGIN}swarm_file: config/sw.yml\nnodes_file: nodes.yml\n")

        assert self.given(sim, tmp_path)["alpha"] == f"{tmp_path}/config/sw.yml"
        nodes = self.given(sim, tmp_path, "orcastra_nodes")
        assert nodes["delta"] == {"bravo": {"labels": {"disk": "{{ 1 + 1 }}"}}}

        (tmp_path / "nodes.yml").write_text("leader: alpha\noptions: {prune_unknown_labels: true}\nnodes:\n")
        assert self.given(sim, tmp_path, "orcastra_nodes")["alpha"] is None
        assert self.given(sim, tmp_path, "orcastra_leader")["alpha"] == "alpha"
        assert self.given(sim, tmp_path, "orcastra_options")["alpha"] == {"prune_unknown_labels": True}

    def test_blank_file_is_an_error(self, sim: simulator.Sim, tmp_path: Path) -> None:
        (tmp_path / "config" / "sw.yml").write_text("# nodes: {alpha: }\n")

        _found, output = inventory(tmp_path, docker_host=sim.docker_host())

        assert f"{tmp_path}/config/sw.yml: expected a mapping ({{}} for an empty one)" in output
