# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration files: their forms, their precedence, and all problems of all files at once."""

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
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import Problem
from tests.support.problems import placed, problems_of

EXAMPLE = Path(__file__).resolve().parents[5] / "inventory" / "example"


class Folder:
    """A folder of configuration files. ``swarm``, ``dependencies`` and ``nodes`` are the file contents."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = ConfigFiles.in_directory(path)

    def load(self, **texts: str) -> DesiredState:
        for name, text in texts.items():
            (self.path / f"{name}.yml").write_text(text)
        return load_configuration(self.files, stack_name="main")

    def problems(self, **texts: str) -> tuple[Problem, ...]:
        found = problems_of(lambda: self.load(**texts))
        assert found
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


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


def test_load_configuration_from_one_file(folder: Folder) -> None:
    assert folder.load(swarm=UPSTREAM) == DesiredState(NODES, DEPENDENCIES, "mgr-a", "10.0.0.11")


def test_load_configuration_from_separate_files(folder: Folder) -> None:
    nodes, _, dependencies = UPSTREAM.partition("dependencies:\n")
    whole = folder.load(nodes=nodes, dependencies=f"dependencies:\n{dependencies}")
    assert whole == DesiredState(NODES, DEPENDENCIES, "mgr-a", "10.0.0.11")


def test_separate_files_may_omit_top_key(folder: Folder) -> None:
    nodes = "mgr-a: {ip: 10.0.0.11, labels: [ssd, zfs]}\nwrk-b: {ip: 10.0.0.12, labels: [hdd]}\n"
    dependencies = UPSTREAM.partition("dependencies:\n")[2]
    assert folder.load(nodes=nodes, dependencies=dependencies) == DesiredState(NODES, DEPENDENCIES)


@pytest.mark.parametrize("text", ["{}\n", "nodes: {}\noptions: {}\ndependencies: {}\nleader:\n"])
def test_load_configuration_of_empty_file(folder: Folder, text: str) -> None:
    assert folder.load(swarm=text) == DesiredState()


def test_blank_separate_files_do_not_override(folder: Folder) -> None:
    whole = folder.load(swarm=UPSTREAM, nodes="", dependencies="dependencies:\n")
    assert (whole.nodes, whole.dependencies, whole.leader) == (NODES, DEPENDENCIES, "mgr-a")


def test_separate_files_override_keys(folder: Folder) -> None:
    desired = folder.load(
        swarm=UPSTREAM.replace("prune_unknown_labels: false", "prune_unknown_labels: true"),
        nodes="leader: wrk-b\nadvertise_addr:\noptions: {prune_unknown_labels: }\n"
        "nodes: {wrk-b: {role: manager}, wrk-c: {}}",
        dependencies="search: [spider]\nqueue: [consumer]",
    )
    # a key with a value overrides swarm.yml; a key without a value, or no key, does not
    assert (desired.leader, desired.advertise_addr, desired.prune_unknown_labels) == (
        "wrk-b",
        "10.0.0.11",
        True,
    )
    # entries are replaced as a whole: wrk-b has neither its old labels nor its address
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


def test_separate_files_override_node_without_content(folder: Folder) -> None:
    assert folder.load(swarm=UPSTREAM, nodes="nodes: {wrk-b: }").nodes["wrk-b"] == NodeConfig("wrk-b")


def test_load_configuration_passes_arguments(folder: Folder) -> None:
    folder.load(swarm=UPSTREAM)
    desired = load_configuration(folder.files, stack_name="", label_prefix="at.", restart_dependents=True)
    assert desired.dependencies["search"] == Dependency(
        "search", "", "at.search", ("indexer", "crawler"), restart_dependents=True
    )
    assert desired.dependencies["wiki_db"].label == "at.wiki_db"


def test_load_configuration_reports_all_problems_of_all_files(folder: Folder) -> None:
    found = folder.problems(
        swarm="leeder: mgr-a\nnodes:\n  mgr-a: {ip: 10.0.0.1.1}\ndependencies: {db: [db]}\n",
        dependencies="web: [api\n",
        nodes="nodes:\n  wrk-b:\n    lables: [x]\n    lables: [y]\n",
    )
    assert placed(found) == [
        ("invalid_yaml", "dependencies.yml:2", ""),
        ("unknown_key", "nodes.yml:3", "nodes.wrk-b.lables"),
        ("duplicate", "nodes.yml:4", "nodes.wrk-b.lables"),
        ("unknown_key", "swarm.yml:1", "leeder"),
        ("invalid_value", "swarm.yml:3", "nodes.mgr-a.ip"),
        ("cycle", "swarm.yml:4", "dependencies.db[0]"),
    ]


def test_problems_across_files_name_both_locations(folder: Folder) -> None:
    found = folder.problems(
        swarm="nodes:\n  mgr-a: {ip: 10.0.0.1, labels: [db]}\n\ndependencies:\n  db: [web]\n",
        nodes="\nwrk-b: {ip: 10.0.0.1}\n",
        dependencies="\n\ncache:\n  - web\n",
    )
    assert placed(found) == [
        ("duplicate", "nodes.yml:2", "nodes.wrk-b.ip"),
        ("conflict", "swarm.yml:2", "nodes.mgr-a.labels[0]"),
    ]
    assert [problem.found.rpartition("/")[2] for problem in found] == ["swarm.yml:2)", "swarm.yml:5)"]


def test_anchors_keep_order_of_files(folder: Folder) -> None:
    """A follower of several anchors follows the first one."""
    desired = folder.load(
        swarm="dependencies:\n  web: [app]\n  cache: [app]\n",
        dependencies="cache: [app]\nbroker: [app]\n",
    )
    assert list(desired.dependencies) == ["web", "cache", "broker"]


def test_overridden_entries_are_checked_against_schema_only(folder: Folder) -> None:
    clash = "nodes:\n  mgr-a: {ip: 10.0.0.1}\n  wrk-b: {ip: 10.0.0.1}\n"
    assert folder.load(swarm=clash, nodes="wrk-b: {ip: 10.0.0.2}").nodes["wrk-b"].ip == "10.0.0.2"
    found = folder.problems(swarm=clash.replace("wrk-b: {ip", "wrk-b: {ipp"))
    assert placed(found) == [("unknown_key", "swarm.yml:3", "nodes.wrk-b.ipp")]


def test_leader_is_not_checked_if_a_file_is_unreadable(folder: Folder) -> None:
    found = folder.problems(swarm="leader: boss\nnodes: {mgr-a: }", nodes="[")
    assert placed(found) == [("invalid_yaml", "nodes.yml:1", "")]
    assert placed(folder.problems(nodes="")) == [("unknown_name", "swarm.yml:1", "leader")]


@pytest.mark.parametrize(
    ("name", "text", "code", "key", "line"),
    [
        ("swarm", "[a]", "wrong_type", "", 1),
        ("swarm", "a", "wrong_type", "", 1),
        ("nodes", "[a]", "wrong_type", "nodes", 1),
        ("nodes", "\nnodes: [a]", "wrong_type", "nodes", 2),
        ("nodes", "nodes: {}\ndependencies: {}", "unknown_key", "dependencies", 2),
        ("nodes", "\nmgr-a: [ssd]", "wrong_type", "nodes.mgr-a", 2),
        ("dependencies", "a", "wrong_type", "dependencies", 1),
        ("dependencies", "dependencies: {}\nnodes: {}", "unknown_key", "nodes", 2),
        ("dependencies", "\ndb: web", "wrong_type", "dependencies.db", 2),
    ],
)
def test_load_configuration_rejects_wrong_structure(
    folder: Folder, name: str, text: str, code: str, key: str, line: int
) -> None:
    assert placed(folder.problems(**{name: text})) == [(code, f"{name}.yml:{line}", key)]


def test_load_configuration_ignores_extensions(folder: Folder) -> None:
    desired = folder.load(
        swarm="x-any: [1]\nnodes:\n  x-ray: {x-note: [1], labels: {x-label: 1}}\noptions: {x-other: 1}",
        nodes="x-base: &base {labels: [hdd]}\nwrk-b: *base",
        dependencies="x-tool: {}\ndb: {x-note: {1: 2}, services: [web]}".replace("1: 2", "one: 2"),
    )
    # in names of nodes, services and labels, x- has no special meaning
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
        # a different size; then a different file of the same size and time
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


def test_fingerprint_of_unreadable_file(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    fingerprint = ConfigFiles(swarm=loop).fingerprint()
    assert isinstance(fingerprint[0], str)
    loop.unlink()
    assert ConfigFiles(swarm=loop).fingerprint() == (None, None, None)


def test_load_configuration_of_examples() -> None:
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
