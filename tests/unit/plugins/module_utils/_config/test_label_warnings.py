# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warnings about labels that Swarm accepts but no constraint can match, with a suggestion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import is_printable
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.labels.plan import plan_labels
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.scheduling.constraints import (
    ConstraintError,
    parse_constraint,
)
from orcastra_runner import cli
from tests.support.builders import node, snapshot
from tests.support.problems import placed


def warnings(labels: Any) -> tuple[str, ...]:
    return tuple(map(str, parse_config({"nodes": {"n": {"labels": labels}}}, stack_name="").warnings))


@pytest.mark.parametrize(
    "labels",
    [
        ["ssd", "zfs", "com.example.rack", "a-b", "a_b", "A1", "1"],
        {
            "disk": "hdd",
            "rack": 7,
            "on": True,
            "mac": "aa:bb",
            "path": "/srv/x",
            "any": "a b (c) [d] x|y $1 ^",
        },
        {"nodes": "x", "node": "x", "labels": "y", "engine": "z", "orcastra": "1", "nodelabels.x": "1"},
        [],
        {},
        None,
    ],
)
def test_label_warnings_ignore_valid_labels(labels: Any) -> None:
    assert warnings(labels) == ()


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("node.labels.db", "did you mean 'db'?"),
        ("Node.Labels.db", "did you mean 'db'?"),
        ("node.label.db", "did you mean 'db'?"),
        ("node.labels.com.example.db", "did you mean 'com.example.db'?"),
        ("engine.labels.ssd", "did you mean 'ssd'?"),
        ("labels.db", "did you mean 'db'?"),
        ("node.role", "did you mean 'role'?"),
        ("node.hostname", "did you mean 'hostname'?"),
        ("com.example/rack", "did you mean 'com.example.rack'?"),
        ("a/b/c", "did you mean 'a.b.c'?"),
        ("rack#1", "did you mean 'rack.1'?"),
        ("a,b", "did you mean 'a.b'?"),
        ("x@y", "did you mean 'x.y'?"),
        ("Größe", "'ö', 'ß'"),
        ("полка", "'п'"),
        ("аb", "'а'"),  # the first letter is Cyrillic
        ("a\u200bb", r"\u200b"),
        ("a\u202eb", r"\u202e"),
        ("+", "'+'"),
        ("orcastra.state", "'orcastra.'"),
        ("Orcastra.x", "'orcastra.'"),
    ],
)
def test_label_warnings_of_keys(key: str, hint: str) -> None:
    for labels in ([key], {key: "x"}, {key: ""}):
        found = warnings(labels)
        assert found[0].startswith("nodes.n.labels")
        assert hint in found[0]
        assert all(is_printable(character) for character in "".join(found))


@pytest.mark.parametrize(
    ("key", "hint"),
    [("ssd:true", "ssd: true"), ("disk:hdd", "disk: hdd"), ("ssd:", "ssd: true"), ("a:b:c", "a: b:c")],
)
def test_label_warnings_suggest_mapping(key: str, hint: str) -> None:
    (found,) = warnings([key])
    assert f"did you mean {hint} (in a mapping)?" in found


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("", "did you mean true?"),
        (None, "did you mean true?"),
        ("  ", "did you mean true?"),
        (" x", "' x'"),
        ("x ", "'x '"),
        ("größer", "'ö', 'ß'"),
        ("a=b", "'='"),
        ("a,b", "','"),
        ("a@b", "'@'"),
        ("{{ 1 }}", "'{', '}'"),
        ("50%", "'%'"),
        ("a'b", '"\'"'),
        ("a\u00a0b", r"\xa0"),
    ],
)
def test_label_warnings_of_values(value: Any, hint: str) -> None:
    (found,) = parse_config({"nodes": {"n": {"labels": {"a": value}}}}, stack_name="").warnings
    assert (found.code, found.key) == ("unmatchable_label", "nodes.n.labels.a")
    assert hint in str(found)


@pytest.mark.parametrize("text", [chr(code) for code in range(0x20, 0x7F)] + ["é", "\u200b"])
def test_label_warnings_agree_with_constraint_parser(text: str) -> None:
    """Other tests compare the constraint parser with real engines."""

    def is_refused(expression: str) -> bool:
        try:
            parse_constraint(expression)
        except ConstraintError:
            return True
        return False

    if text not in " =!":
        assert bool(warnings([f"a{text}b"])) == is_refused(f"node.labels.a{text}b==x")
        assert bool(warnings({"a": f"b{text}c"})) == is_refused(f"node.labels.a==b{text}c")


def test_label_warnings_have_locations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    file = tmp_path / "swarm.yml"
    file.write_text("nodes:\n  n:\n    labels:\n      - good\n      - ssd:true\n  m: {labels: {a/b: x}}\n")
    desired = load_configuration(ConfigFiles(swarm=file), stack_name="")
    assert placed(desired.warnings) == [
        ("unmatchable_label", "swarm.yml:5", "nodes.n.labels[1]"),
        ("unmatchable_label", "swarm.yml:6", "nodes.m.labels.a/b"),
    ]
    # they are not errors, and every plan includes them
    monkeypatch.setenv("ORCASTRA_CONFIG_DIR", str(tmp_path))
    assert cli.main(["config", "check"]) == 0
    said = capsys.readouterr()
    assert said.err.count("warning: ") == 2
    plan = plan_labels(snapshot(node("n"), node("m")), desired, State())
    assert list(map(str, plan.warnings)) == list(map(str, desired.warnings))
    assert {one.code for one in plan.warnings if isinstance(one, Reason)} == {"configuration_warning"}


def test_label_warnings_are_limited() -> None:
    assert len(warnings({f"a/{number}": "x" for number in range(5000)})) == 100
