# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra init``: the file it writes is valid, changes nothing, and never replaces another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import STACK_LABEL, SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.anchors.plan import plan_anchors
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.starter import plan_starter
from orcastra_runner.starter import check, existing_files, render, write_starter
from tests.support.builders import node, service, snapshot, task

HOSTILE = [
    "",
    "a: b",
    "# no",
    "- x",
    "{}",
    "yes",
    "null",
    "1e3",
    "~",
    "'",
    '"',
    "|",
    "x" * 300,
    "ä",
    "1.10",
    "true ",
]


def shop(name: str, **fields: Any) -> Any:
    return service(f"shop_{name}", labels={STACK_LABEL: "shop"}, **fields)


SWARM = snapshot(
    node("alpha", role="manager", leader=True, manager_addr="10.0.0.1:2377", engine_version="28.5.1"),
    node("bravo", address="10.0.0.2", labels={"disk": "hdd", "ssd": "true", "db": "true"}),
    node("charlie", address="fd00::3", availability="drain", state="down"),
    shop("db", image="postgres:16", networks=("net",)),
    shop("web", networks=("net",), constraints=("node.labels.db == true",)),
    task("shop_db", "bravo"),
    task("shop_web", "bravo"),
)


def text_of(seen: SwarmSnapshot) -> str:
    return render(plan_starter(seen, State(), {"net": "shop_default"}), "2026-01-01")


def test_written_file_changes_nothing(tmp_path: Path) -> None:
    desired = write_starter(text_of(SWARM), tmp_path / "new" / "swarm.yml")

    plan = plan_anchors(SWARM, desired, State(), 0.0, static_labels=True)
    assert plan.steps == ()
    assert plan.warnings == ()
    assert list(desired.nodes) == ["alpha", "bravo", "charlie"]
    assert desired.nodes["bravo"].labels == {"disk": "hdd", "ssd": "true", "db": "true"}
    assert (desired.nodes["charlie"].availability, str(desired.nodes["charlie"].ip)) == ("drain", "fd00::3")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["swarm.yml"]


@pytest.mark.parametrize("managers", [0, 1, 2, 3, 4, 7, 9])
def test_any_number_of_managers_gives_a_valid_file(tmp_path: Path, managers: int) -> None:
    names = [f"n{number}" for number in range(10)]
    seen = snapshot(
        *(node(name, role="manager" if number < managers else "worker") for number, name in enumerate(names))
    )

    desired = write_starter(text_of(seen), tmp_path / "swarm.yml")

    expected = {"manager", "worker"} if managers in (1, 3, 7) else {None}
    assert {entry.role for entry in desired.nodes.values()} == expected


def test_nodes_behind_one_address_are_written_without_it(tmp_path: Path) -> None:
    seen = snapshot(*(node(name, address="10.0.0.1") for name in ("alpha", "bravo")), node("charlie"))

    desired = write_starter(text_of(seen), tmp_path / "swarm.yml")

    assert [entry.ip for entry in desired.nodes.values()] == [None, None, None]


def uncommented(text: str) -> str:
    """The text with its proposals in use."""
    lines = text.splitlines()
    start = lines.index("# dependencies:")
    end = next(number for number in range(start, len(lines)) if not lines[number].startswith("#"))
    return "\n".join([*lines[:start], *(line.removeprefix("# ") for line in lines[start:end]), *lines[end:]])


def test_proposals_are_valid_once_their_comment_is_removed(tmp_path: Path) -> None:
    text = uncommented(text_of(SWARM))
    assert "remove the label db" in text
    path = tmp_path / "swarm.yml"
    path.write_text(text.replace("      db: true\n", ""))

    assert list(check(path).dependencies) == ["db"]
    assert check(path).dependencies["db"].followers == ("web",)


def test_swarm_without_proposals_shows_an_example(tmp_path: Path) -> None:
    path = tmp_path / "swarm.yml"
    path.write_text(uncommented(text_of(snapshot(node("alpha")))))

    assert check(path).dependencies["db"].followers == ("app", "cache")


@pytest.mark.parametrize("value", HOSTILE)
def test_labels_keep_their_values(tmp_path: Path, value: str) -> None:
    seen = snapshot(node("alpha", labels={"key": value, value.replace(" ", "_"): "x"}))
    desired = write_starter(text_of(seen), tmp_path / "swarm.yml")

    assert desired.nodes["alpha"].labels["key"] == value
    assert plan_anchors(seen, desired, State(), 0.0, static_labels=True).steps == ()


@pytest.mark.parametrize(
    "name", ["a b", "x:\n  y", "# x", "ä", "-a", "", "{{ lookup('x') }}", "yes", "1.0", "0x1f"]
)
def test_host_names_never_break_the_file(tmp_path: Path, name: str) -> None:
    desired = write_starter(text_of(snapshot(node("alpha"), node(name, id="x"))), tmp_path / "swarm.yml")

    assert set(desired.nodes) <= {"alpha", name}
    assert "alpha" in desired.nodes


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31m", "a\u2028nodes: {}", "# x"])
def test_names_of_services_stay_in_their_comments(text: str) -> None:
    seen = snapshot(
        node("alpha"),
        shop(f"db{text}", image=f"postgres:{text}", networks=("n",)),
        shop("w", networks=("n",)),
    )

    data = yaml.safe_load(text_of(seen))

    assert list(data) == ["nodes"]
    assert list(data["nodes"]) == ["alpha"]


@pytest.mark.parametrize("make", ["file", "empty", "link", "folder"])
def test_existing_file_is_kept(tmp_path: Path, make: str) -> None:
    path = tmp_path / "swarm.yml"
    if make == "link":
        path.symlink_to(tmp_path / "nowhere")
    elif make == "folder":
        path.mkdir()
    else:
        path.write_text("mine" if make == "file" else "")

    with pytest.raises(ConfigError):
        write_starter(text_of(SWARM), path)

    assert [one.name for one in tmp_path.iterdir()] == ["swarm.yml"]
    assert make != "file" or path.read_text() == "mine"


def test_file_that_appears_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "swarm.yml"

    def check_slowly(temporary: Path) -> Any:
        path.write_text("mine")
        return check(temporary)

    monkeypatch.setattr("orcastra_runner.starter.check", check_slowly)
    with pytest.raises(ConfigError):
        write_starter(text_of(SWARM), path)

    assert path.read_text() == "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["swarm.yml"]


def test_invalid_text_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        write_starter("nodes: [1]\n", tmp_path / "swarm.yml")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["swarm.yml", "swarm.yaml", "nodes.yml", "dependencies.yaml"])
def test_existing_files_finds_each_kind(tmp_path: Path, name: str) -> None:
    assert existing_files(tmp_path) == []
    (tmp_path / name).write_text("")
    (tmp_path / "notes.yml").write_text("")

    assert existing_files(tmp_path) == [tmp_path / name]
