# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader

from ansible_collections.orcastra.swarm.plugins.lookup.swarm_file import LookupModule
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import build_rebalance

NOTHING = {
    "leader": "",
    "advertise_addr": "",
    "managers": None,
    "swarm": {},
    "options": {},
}


def look_up(*terms: str, search_path: Path | None = None) -> list[dict[str, Any]]:
    variables = {"ansible_search_path": [str(search_path)]} if search_path else {}
    found: list[dict[str, Any]] = LookupModule(loader=DataLoader()).run(list(terms), variables)
    return found


def test_lookup_returns_the_parts_of_each_file(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yml", tmp_path / "second.yml"
    first.write_text("x-any: {a: 1}\nleader: alpha\nnodes: {alpha: {labels: {disk: '{{1}}'}}}\noptions:\n")
    second.write_text("dependencies: {db: [app]}\n")

    assert look_up(str(first), str(second)) == [
        {**NOTHING, "leader": "alpha", "nodes": {"alpha": {"labels": {"disk": "{{1}}"}}}},
        {**NOTHING, "dependencies": {"db": ["app"]}},
    ]


@pytest.mark.parametrize("kind", ["swarm", "rebalance", "node_exporter", "mods"])
@pytest.mark.parametrize("text", ["", "\n", "# nodes: {}\n", "---\n", "null\n", "x-only: an extension\n"])
def test_lookup_refuses_a_blank_file(tmp_path: Path, kind: str, text: str) -> None:
    path = tmp_path / "blank.yml"
    path.write_text(text)

    with pytest.raises(AnsibleLookupError, match=r"blank\.yml.*expected a mapping \({} for an empty one\)"):
        LookupModule(loader=DataLoader()).run([str(path)], {}, kind=kind)


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("{}", {"nodes": {}, "dependencies": {}}),
        ("[]", {"nodes": {}, "dependencies": {}}),
        ("leader: alpha", {}),
        ("nodes:", {}),
        ("nodes: ~\ndependencies: {}", {"dependencies": {}}),
        ("nodes: []", {"nodes": {}}),
        ("nodes: {alpha: }", {"nodes": {"alpha": None}}),
    ],
)
def test_lookup_omits_missing_sections(tmp_path: Path, text: str, sections: dict[str, Any]) -> None:
    path = tmp_path / "swarm.yml"
    path.write_text(text)

    (found,) = look_up(str(path))

    assert {part: found[part] for part in ("nodes", "dependencies") if part in found} == sections


def test_lookup_resolves_relative_paths_in_the_current_directory_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    playbooks, current = tmp_path / "playbooks", tmp_path / "current"
    (playbooks / "files").mkdir(parents=True)
    current.mkdir()
    monkeypatch.chdir(current)
    (playbooks / "files" / "swarm.yml").write_text("nodes: {bravo: {}}\n")
    assert look_up("swarm.yml", search_path=playbooks)[0]["nodes"] == {"bravo": {}}

    (current / "swarm.yml").write_text("nodes: {alpha: {}}\n")
    assert look_up("swarm.yml", search_path=playbooks)[0]["nodes"] == {"alpha": {}}


def test_lookup_reports_all_problems(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yml"
    path.write_text("nods: {}\nnodes: [alpha]\n")

    with pytest.raises(AnsibleLookupError) as caught:
        look_up(str(path))

    assert f"{path}:1: nods: expected " in str(caught.value)
    assert f"{path}:2: nodes: expected " in str(caught.value)


def test_lookup_reports_a_missing_file() -> None:
    with pytest.raises(AnsibleLookupError, match=r"missing\.yml: expected a file, found none"):
        look_up("missing.yml")


def test_lookup_separates_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tmp_path / "rebalance_config.yml"
    rules.write_text(
        "node_exporters:\n"
        "  a: {exporter_url: 'http://a/', username: prom, password: 's3cret'}\n"
        "  b: {exporter_url: 'http://b/', username: '${B_USER}', password: '${B_PASSWORD}'}\n"
        "  c: http://c/\n"
        "metrics:\n"
        "  cadvisors: {a: {url: 'http://c/', bearer_token: 's3cret too'}}\n"
        "  prometheus_url: http://p/\n"
        "  prometheus_auth: {headers: {X-Key: 'key ${KEY}'}}\n"
    )
    (tmp_path / "key").write_text("s3cret key\n")
    monkeypatch.setenv("KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("B_USER", "bob")
    lookup = LookupModule(loader=DataLoader())
    (data,) = lookup.run([str(rules)], {}, kind="rebalance")
    (variables,) = lookup.run([str(rules)], {}, kind="rebalance_variables")
    assert "s3cret" not in str(data)
    assert data["node_exporters"]["a"]["username"] == "prom"
    # variables that only the host defines stay unchanged
    assert data["node_exporters"]["b"]["password"] == "${B_PASSWORD}"
    assert sorted(variables.values()) == ["bob", "key s3cret key", "s3cret", "s3cret too"]
    built = build_rebalance(data, {**variables, "B_PASSWORD": "x"}, may_be_literal=False)
    assert built.sources.headers["http://p/"] == {"X-Key": "key s3cret key"}
    assert built.sources.headers["http://c/"] == {"Authorization": "Bearer s3cret too"}

    monkeypatch.setenv("KEY_FILE", str(tmp_path / "missing"))
    with pytest.raises(AnsibleLookupError, match="KEY_FILE"):
        lookup.run([str(rules)], {}, kind="rebalance_variables")


def test_lookup_reads_other_kinds_of_files(tmp_path: Path) -> None:
    rules, service = tmp_path / "rebalance_config.yml", tmp_path / "deploy_node_exporter.yml"
    rules.write_text("services: {wiki: }\n")
    service.write_text("image: mine\nargs: 5\n")
    lookup = LookupModule(loader=DataLoader())

    assert lookup.run([str(rules)], {}, kind="rebalance") == [{"services": {"wiki": None}}]
    with pytest.raises(AnsibleLookupError, match=r"yml:2: args: expected a list of arguments"):
        lookup.run([str(service)], {}, kind="node_exporter")
    with pytest.raises(
        AnsibleLookupError,
        match="kind: expected one of swarm, rebalance, rebalance_variables, node_exporter, mods",
    ):
        lookup.run([str(rules)], {}, kind="wishes")
    mods = tmp_path / "config.json"
    mods.write_text('["https://host/a.jar"]')
    (found,) = lookup.run([str(mods)], {}, kind="mods")
    assert found == {"config": {"mods": ["https://host/a.jar"]}, "variables": {}}
