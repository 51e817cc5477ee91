# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files: their forms, what wins over what, and all problems of all files at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import (
    Dependency,
    DesiredState,
    NodeConfig,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError

EXAMPLE = Path(__file__).resolve().parents[5] / "inventory" / "example"


class Folder:
    """A folder of configuration files; ``swarm``, ``dependencies`` and ``nodes`` are their texts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = ConfigFiles.in_directory(path)

    def load(self, **texts: str) -> DesiredState:
        for name, text in texts.items():
            (self.path / f"{name}.yml").write_text(text)
        return load_configuration(self.files, stack_name="main")

    def problems(self, **texts: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.load(**texts)
        return [str(problem).replace(f"{self.path}/", "") for problem in caught.value.problems]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


NODE_KEYS = "expected one of ip, labels, role, availability, data_path_addr, swarm_addr"
PARTS = "expected one of leader, advertise_addr, managers, nodes, options, swarm, dependencies"
MAPPING = "expected a mapping with leader, advertise_addr, managers, nodes, options, swarm or dependencies"
OTHER = "expected another service than the anchor"

UPSTREAM = """\
leader: mgr-a                      # host name of the first manager
advertise_addr: 10.0.0.11
nodes:
  mgr-a:   {ip: 10.0.0.11, labels: [ssd, zfs]}
  wrk-b:   {ip: 10.0.0.12, labels: [hdd]}
options:
  prune_unknown_labels: false
dependencies:
  wiki_db:                         # the anchor: a service name without its stack prefix
    stack: apps
    restart_dependents: true
    retry_intervals: [2, 10, 60, 300, 900]
    services: [wiki, wiki_cache]
  search: [indexer, crawler]       # the short form
"""

NODES = {
    "mgr-a": NodeConfig("mgr-a", {"ssd": "true", "zfs": "true"}, "10.0.0.11"),
    "wrk-b": NodeConfig("wrk-b", {"hdd": "true"}, "10.0.0.12"),
}
DEPENDENCIES = {
    "wiki_db": Dependency("wiki_db", "apps", "wiki_db", ("wiki", "wiki_cache"), restart_dependents=True),
    "search": Dependency("search", "main", "search", ("indexer", "crawler")),
}


def test_all_in_one_file(folder: Folder) -> None:
    assert folder.load(swarm=UPSTREAM) == DesiredState(NODES, DEPENDENCIES, "mgr-a", "10.0.0.11")


def test_the_same_in_separate_files(folder: Folder) -> None:
    nodes, _, dependencies = UPSTREAM.partition("dependencies:\n")
    whole = folder.load(nodes=nodes, dependencies=f"dependencies:\n{dependencies}")
    assert whole == DesiredState(NODES, DEPENDENCIES, "mgr-a", "10.0.0.11")


def test_separate_files_without_their_top_key(folder: Folder) -> None:
    nodes = "mgr-a: {ip: 10.0.0.11, labels: [ssd, zfs]}\nwrk-b: {ip: 10.0.0.12, labels: [hdd]}\n"
    dependencies = UPSTREAM.partition("dependencies:\n")[2]
    assert folder.load(nodes=nodes, dependencies=dependencies) == DesiredState(NODES, DEPENDENCIES)


@pytest.mark.parametrize("text", ["{}\n", "nodes: {}\noptions: {}\ndependencies: {}\nleader:\n"])
def test_nothing_configured(folder: Folder, text: str) -> None:
    assert folder.load(swarm=text) == DesiredState()


def test_blank_separate_files(folder: Folder) -> None:
    whole = folder.load(swarm=UPSTREAM, nodes="", dependencies="dependencies:\n")
    assert (whole.nodes, whole.dependencies, whole.leader) == (NODES, DEPENDENCIES, "mgr-a")


def test_separate_files_win_key_by_key(folder: Folder) -> None:
    desired = folder.load(
        swarm=UPSTREAM.replace("prune_unknown_labels: false", "prune_unknown_labels: true"),
        nodes="leader: wrk-b\nadvertise_addr:\noptions: {prune_unknown_labels: }\n"
        "nodes: {wrk-b: {role: manager}, wrk-c: {}}",
        dependencies="search: [spider]\nqueue: [consumer]",
    )
    # given there: it wins; there without a value, or not there at all: swarm.yml's
    assert (desired.leader, desired.advertise_addr, desired.prune_unknown_labels) == (
        "wrk-b",
        "10.0.0.11",
        True,
    )
    # entries are taken as a whole: wrk-b has neither its old labels nor its address
    assert desired.nodes == {
        "mgr-a": NODES["mgr-a"],
        "wrk-b": NodeConfig("wrk-b", role="manager"),
        "wrk-c": NodeConfig("wrk-c"),
    }
    assert desired.dependencies == {
        "wiki_db": DEPENDENCIES["wiki_db"],
        "search": Dependency("search", "main", "search", ("spider",)),
        "queue": Dependency("queue", "main", "queue", ("consumer",)),
    }


def test_a_node_without_anything_wins_too(folder: Folder) -> None:
    assert folder.load(swarm=UPSTREAM, nodes="nodes: {wrk-b: }").nodes["wrk-b"] == NodeConfig("wrk-b")


def test_arguments(folder: Folder) -> None:
    folder.load(swarm=UPSTREAM)
    desired = load_configuration(folder.files, stack_name="", label_prefix="at.", restart_dependents=True)
    assert desired.dependencies["search"] == Dependency(
        "search", "", "at.search", ("indexer", "crawler"), restart_dependents=True
    )
    assert desired.dependencies["wiki_db"].label == "at.wiki_db"


def test_all_problems_of_all_files_at_once(folder: Folder) -> None:
    assert folder.problems(
        swarm="leeder: mgr-a\nnodes:\n  mgr-a: {ip: 10.0.0.1.1}\ndependencies: {db: [db]}\n",
        dependencies="web: [api\n",
        nodes="nodes:\n  wrk-b:\n    lables: [x]\n    lables: [y]\n",
    ) == [
        (
            "dependencies.yml:2: expected valid YAML, found a list in [ ] with a ',' or the ']' missing; "
            "it belongs to what starts in line 1"
        ),
        (f"nodes.yml:3: nodes.wrk-b.lables: {NODE_KEYS}, found 'lables'; did you mean 'labels'?"),
        "nodes.yml:4: nodes.wrk-b.lables: expected each key once, found it again (first in line 3)",
        (f"swarm.yml:1: leeder: {PARTS}, found 'leeder'; did you mean 'leader'?"),
        "swarm.yml:3: nodes.mgr-a.ip: expected an IP address, found '10.0.0.1.1'",
        f"swarm.yml:4: dependencies.db[0]: {OTHER}, found 'db', the anchor itself",
    ]


def test_problems_across_files_name_both_places(folder: Folder) -> None:
    assert folder.problems(
        swarm="nodes:\n  mgr-a: {ip: 10.0.0.1, labels: [db]}\n\ndependencies:\n  db: [web]\n",
        nodes="\nwrk-b: {ip: 10.0.0.1}\n",
        dependencies="\n\ncache:\n  - web\n",
    ) == [
        (
            "nodes.yml:2: nodes.wrk-b.ip: expected an address of its own for each node, found '10.0.0.1', "
            "which is the address of 'mgr-a' (swarm.yml:2)"
        ),
        (
            "swarm.yml:2: nodes.mgr-a.labels[0]: expected a label that is no anchor's, found 'db', "
            "which marks the nodes of the anchor 'db' (swarm.yml:5)"
        ),
    ]


def test_anchors_keep_the_order_of_the_files(folder: Folder) -> None:
    """Of several anchors of a service the first one leads."""
    desired = folder.load(
        swarm="dependencies:\n  web: [app]\n  cache: [app]\n",
        dependencies="cache: [app]\nbroker: [app]\n",
    )
    assert list(desired.dependencies) == ["web", "cache", "broker"]


def test_what_is_won_over_is_checked_for_its_shape_only(folder: Folder) -> None:
    clash = "nodes:\n  mgr-a: {ip: 10.0.0.1}\n  wrk-b: {ip: 10.0.0.1}\n"
    assert folder.load(swarm=clash, nodes="wrk-b: {ip: 10.0.0.2}").nodes["wrk-b"].ip == "10.0.0.2"
    assert folder.problems(swarm=clash.replace("wrk-b: {ip", "wrk-b: {ipp")) == [
        f"swarm.yml:3: nodes.wrk-b.ipp: {NODE_KEYS}, found 'ipp'; did you mean 'ip'?"
    ]


def test_the_leader_may_be_in_a_file_that_cannot_be_read(folder: Folder) -> None:
    problems = folder.problems(swarm="leader: boss\nnodes: {mgr-a: }", nodes="[")
    assert len(problems) == 1
    assert problems[0].startswith("nodes.yml:1: expected valid YAML")
    assert folder.problems(nodes="") == [
        "swarm.yml:1: leader: expected one of the configured nodes, found 'boss'"
    ]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "swarm",
            "[a]",
            (f"swarm.yml:1: {MAPPING}, found the list ['a']"),
        ),
        (
            "swarm",
            "a",
            (f"swarm.yml:1: {MAPPING}, found 'a'"),
        ),
        (
            "nodes",
            "[a]",
            "nodes.yml:1: nodes: expected a mapping of host names to nodes, found the list ['a']",
        ),
        (
            "nodes",
            "\nnodes: [a]",
            "nodes.yml:2: nodes: expected a mapping of host names to nodes, found the list ['a']",
        ),
        (
            "nodes",
            "nodes: {}\ndependencies: {}",
            (
                "nodes.yml:2: dependencies: expected one of leader, advertise_addr, "
                "nodes, options, found 'dependencies'"
            ),
        ),
        (
            "nodes",
            "\nmgr-a: [ssd]",
            (
                "nodes.yml:2: nodes.mgr-a: expected a mapping with ip, labels, role or availability, "
                "found the list ['ssd']"
            ),
        ),
        (
            "dependencies",
            "a",
            (
                "dependencies.yml:1: dependencies: expected a mapping of anchors to the services that "
                "follow them, found 'a'"
            ),
        ),
        (
            "dependencies",
            "dependencies: {}\nnodes: {}",
            "dependencies.yml:2: nodes: expected dependencies, found 'nodes'",
        ),
        (
            "dependencies",
            "\ndb: web",
            (
                "dependencies.yml:2: dependencies.db: expected a list of service names, or a "
                "mapping with services, found 'web'"
            ),
        ),
    ],
)
def test_wrong_kinds_of_files(folder: Folder, name: str, text: str, expected: str) -> None:
    assert folder.problems(**{name: text}) == [expected]


def test_extensions_are_ignored(folder: Folder) -> None:
    desired = folder.load(
        swarm="x-any: [1]\nnodes:\n  x-ray: {x-note: [1], labels: {x-label: 1}}\noptions: {x-other: 1}",
        nodes="x-base: &base {labels: [hdd]}\nwrk-b: *base",
        dependencies="x-tool: {}\ndb: {x-note: {1: 2}, services: [web]}".replace("1: 2", "one: 2"),
    )
    # among names of nodes, services and labels x- means nothing
    assert desired.nodes == {
        "x-ray": NodeConfig("x-ray", {"x-label": "1"}),
        "wrk-b": NodeConfig("wrk-b", {"hdd": "true"}),
    }
    assert list(desired.dependencies) == ["db"]


def test_fingerprint_changes_with_each_file(folder: Folder) -> None:
    seen = [folder.files.fingerprint()]
    assert seen[0] == (None, None, None)
    for name in ("swarm", "dependencies", "nodes"):
        file = folder.path / f"{name}.yml"
        file.write_text("")
        seen.append(folder.files.fingerprint())
        # another size; then the same size and time, but another file
        file.write_text("{}")
        seen.append(folder.files.fingerprint())
        status = file.stat()
        other = folder.path / "other"
        other.write_text("[]")
        os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
        other.replace(file)
        seen.append(folder.files.fingerprint())
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        seen.append(folder.files.fingerprint())
        assert folder.files.fingerprint() == seen[-1]
    assert len(set(seen)) == len(seen)


def test_fingerprint_of_what_cannot_be_looked_at(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    fingerprint = ConfigFiles(swarm=loop).fingerprint()
    assert isinstance(fingerprint[0], str)
    loop.unlink()
    assert ConfigFiles(swarm=loop).fingerprint() == (None, None, None)


def test_the_examples_load() -> None:
    whole = load_configuration(ConfigFiles(swarm=EXAMPLE / "swarm.yml"), stack_name="main")
    assert list(whole.nodes) == ["mgr-a", "wrk-b", "wrk-c"]
    assert whole.nodes["wrk-b"].labels == {"disk": "hdd", "room": "cellar", "rack": "4", "firmware": "1.10"}
    assert list(whole.dependencies) == ["wiki_db", "wiki", "search"]
    separate = load_configuration(ConfigFiles.in_directory(EXAMPLE / "separate"), stack_name="main")
    assert list(separate.nodes) == list(whole.nodes)
    assert separate.nodes["wrk-c"] == NodeConfig(
        "wrk-c", {"hdd": "true"}, "10.0.0.13", role="worker", availability="pause"
    )
    assert list(separate.dependencies) == ["wiki_db", "search"]
