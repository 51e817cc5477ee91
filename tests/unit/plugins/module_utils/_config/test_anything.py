# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any data anywhere: a configuration either loads or raises ConfigError, and never another exception."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem

GOOD = {
    "leader": "a",
    "advertise_addr": "10.0.0.1",
    "nodes": {
        "a": {"ip": "10.0.0.1", "labels": ["ssd"], "role": "manager", "availability": "active"},
        "b": {"ip": "10.0.0.2", "labels": {"disk": "hdd"}},
    },
    "options": {"prune_unknown_labels": True},
    "dependencies": {
        "db": {
            "stack": "apps",
            "services": ["web"],
            "restart_dependents": True,
            "retry_intervals": [2, 10],
            "relocate": "auto",
            "manage_constraint": True,
        },
        "search": ["indexer"],
    },
}

SCALARS = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**64,
    0.5,
    -1e300,
    float("inf"),
    float("-inf"),
    float("nan"),
    "",
    " ",
    "a",
    "b",
    "db",
    "web",
    "apps_web",
    "search",
    "10.0.0.1",
    "::1",
    "a b",
    "a=b",
    "a\n",
    "\x00",
    "ä",
    "\u2028",
    "\ud800",
    "<<",
    "=",
    "~",
    "x-",
    "x-a",
    "labels",
    "dependencies",
    "nodes",
    "v" * 5000,
    "1" * 5000,
    "{{ a }}",
    "!vault",
]
ANYTHING = [
    *SCALARS,
    [],
    {},
    [[]],
    [{}],
    [None],
    ["a", "a"],
    [1.5],
    [True],
    {"a": None},
    {"a": {}},
    {"a": []},
    {"a": {"a": "a"}},
    {"services": None},
    {"services": []},
    {"services": ["db"]},
    {"x-a": 1},
    {"labels": {"db": 1}},
    {"nodes": {}},
    {"stack": "", "services": ["search", "a"]},
]


def paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in ``data``, starting with ``data`` itself."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from paths(value, (*path, key))


def variants() -> Iterator[Any]:
    """GOOD with each value and key replaced by anything, and with anything added everywhere."""
    for path in paths(GOOD):
        for thing in ANYTHING:
            for change in ("replace", "rename", "add"):
                data = {"top": copy.deepcopy(GOOD)}
                parent: Any = data
                *parents, last = ("top", *path)
                for key in parents:
                    parent = parent[key]
                if change == "replace":
                    parent[last] = thing
                elif change == "rename" and isinstance(parent, dict) and isinstance(thing, str) and path:
                    parent[thing] = parent.pop(last)
                elif change == "add" and isinstance(parent[last], list):
                    parent[last].append(thing)
                elif change == "add" and isinstance(parent[last], dict) and isinstance(thing, str):
                    parent[last][thing] = "a"
                else:
                    continue
                yield data["top"]


def outcome(load: Callable[[], DesiredState]) -> DesiredState | ConfigError:
    try:
        return load()
    except ConfigError as error:
        check_problems(error.problems)
        return error


def check_problems(problems: Sequence[Problem]) -> None:
    assert problems
    for problem in problems:
        assert problem.expected
        assert problem.found
        assert len(str(problem)) < 500
        # must be encodable, because logs contain it
        str(problem).encode()


def test_parse_config_raises_only_config_error() -> None:
    outcomes = [outcome(lambda data=data: parse_config(data, stack_name="apps")) for data in variants()]
    loaded = [one for one in outcomes if isinstance(one, DesiredState)]
    # the table covers both outcomes
    assert len(outcomes) > 2000
    assert 100 < len(loaded) < len(outcomes) / 2
    for desired in loaded:
        for node in desired.nodes.values():
            assert all(isinstance(value, str) for value in node.labels.values())
            # Docker's API accepts UTF-8 only
            json.dumps(dict(node.labels), ensure_ascii=False).encode()
        for dependency in desired.dependencies.values():
            assert all(0 < seconds < float("inf") for seconds in dependency.retry_intervals)


@pytest.mark.parametrize(
    "name", ["nodes", *(pytest.param(name, marks=pytest.mark.slow) for name in ("swarm", "dependencies"))]
)
def test_load_configuration_raises_only_config_error(tmp_path: Path, name: str) -> None:
    """Any data as YAML, in each of the files."""
    file = tmp_path / f"{name}.yml"
    files = ConfigFiles.in_directory(tmp_path)
    for part in (GOOD, GOOD["nodes"], GOOD["dependencies"]):
        for thing in ANYTHING:
            for key in ("nodes", "a", "db", "labels"):
                data = {**part, key: thing}  # type: ignore[dict-item]
                # a file can contain \ud800 only as an escape
                file.write_text(yaml.safe_dump(data), encoding="utf-8")
                outcome(lambda: load_configuration(files, stack_name="apps"))


@pytest.mark.parametrize("cut", range(0, 100, 3))
def test_load_configuration_of_truncated_file(tmp_path: Path, cut: int) -> None:
    text = yaml.safe_dump(GOOD)
    file = tmp_path / "swarm.yml"
    file.write_text(text[: len(text) * cut // 100])
    outcome(lambda: load_configuration(ConfigFiles(swarm=file), stack_name="apps"))
