# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mods import ModRules, name_fault
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import (
    build_mods,
    load_mods,
    mods_variables,
    read_mods,
)


def test_load_mods_reads_all_kinds_of_entries(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "discover": {"docker_mods": False, "label_prefix": "mods."},
                "mods": [
                    "https://host/x/a%20b.jar?token=s",
                    {
                        "url": "https://host/${WHERE}/pack.tar.gz",
                        "sha256": "A" * 64,
                        "unpack": True,
                        "optional": True,
                        "headers": {"X-Key": "Bearer ${TOKEN}"},
                    },
                    {"image": "lscr.io/linuxserver/mods:universal-docker"},
                    {"api": "https://api.host/latest", "select": "{url: url}", "name": "sub/m.jar"},
                ],
                "prune": False,
                "concurrency": 2,
                "max_bytes": 10,
            }
        )
    )
    (tmp_path / "token").write_text("s3cret\n")
    rules = load_mods(path, {"WHERE": "here", "TOKEN_FILE": str(tmp_path / "token")})
    plain, packed, image, api = rules.entries
    assert (plain.name, plain.title) == ("a b.jar", "https://host/x/a%20b.jar?token=***")
    assert (packed.source, packed.name) == ("https://host/here/pack.tar.gz", "pack")
    assert (packed.digest, packed.headers) == ("sha256:" + "a" * 64, {"X-Key": "Bearer s3cret"})
    assert (packed.unpack, packed.optional) == (True, True)
    assert image.name == "linuxserver.mods.universal-docker.tar.xz"
    assert (api.name, api.select) == ("sub/m.jar", "{url: url}")
    assert (rules.docker_mods, rules.label_prefix, rules.prune) == (False, "mods.", False)
    assert (rules.concurrency, rules.max_bytes) == (2, 10)
    assert "s3cret" not in repr(rules)


def test_build_mods_without_configuration_only_discovers(tmp_path: Path) -> None:
    assert load_mods(tmp_path / "absent.json", {}) == build_mods(None, {}) == ModRules(is_given=False)
    assert build_mods({}, {}) == build_mods([], {}) == ModRules()
    assert ModRules().discovers
    assert not build_mods({"discover": {"docker_mods": False, "label_prefix": None}}, {}).discovers


def test_load_mods_accepts_a_bare_list(tmp_path: Path) -> None:
    path = tmp_path / "mods.yml"
    path.write_text("- https://host/a.jar\n- https://host/b.jar\n")
    assert [entry.name for entry in load_mods(path, {}).entries] == ["a.jar", "b.jar"]


def test_load_mods_reports_all_problems_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(
        "modz: []\n"
        "concurrency: 0\n"
        "mods:\n"
        "- {url: https://h/a.jar, image: a/b}\n"
        "- {}\n"
        "- {url: 'https://h/${NOT SET}'}\n"
        "- {url: https://h/a.jar, headers: {X: '${MISSING}'}}\n"
        "- {url: https://h/a.jar, name: ../a}\n"
        "- ftp://h/a.jar\n"
        "- {image: h/g/s/mod}\n"
        "- {api: https://h/a}\n"
        "- {api: https://h/a, select: '[?'}\n"
        "- {url: https://h/a.jar, sha255: x}\n"
        "- https://h/x/b.jar\n"
        "- https://h/y/b.jar\n"
        "- https://h/\n"
        "- {image: a/b, unpack: true}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_mods(path, {})
    lines = str(caught.value).replace(str(path), "F").splitlines()
    desired = [
        "F:1: modz: expected one of",
        "F:2: concurrency: expected an integer from 1 to 32, found the number 0",
        "F:4: mods[0]: expected exactly one of url, image and api, found url and image",
        "F:5: mods[1]: expected exactly one of url, image and api, found none of them",
        "F:6: mods[2].url: expected the name of a variable in ${…}, found 'NOT SET'",
        "F:7: mods[3].headers.X: expected the environment variable MISSING or MISSING_FILE",
        "F:8: mods[4].name: expected a name inside the folder",
        "F:9: mods[5].url: expected a URL that starts with http:// or https://, found 'ftp://h/a.jar'",
        "F:10: mods[6].image: expected a mod's image, found 'h/g/s/mod'",
        "F:11: mods[7].select: expected a JMESPath expression, found nothing",
        "F:12: mods[8].select: expected a JMESPath expression, found '[?'",
        "F:13: mods[9].sha255: expected one of",
        "F:15: mods[11]: expected a file of its own, found 'b.jar', as at F:14",
        "F:16: mods[12].url: expected a URL that ends in a name",
        "F:17: mods[13].unpack: expected nothing in addition to image, found true",
    ]
    assert [line[: len(start)] for line, start in zip(lines, desired, strict=True)] == desired


def test_read_mods_separates_header_values(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    headers = {"Authorization": "Bearer s3cret", "Accept": "a/b", "X": "${X}"}
    path.write_text(json.dumps({"mods": ["https://h/a", {"url": "https://h/b", "headers": headers}]}))
    found = read_mods(path)
    assert "s3cret" not in str(found["config"])
    entry = build_mods(found["config"], {**found["variables"], "X": "x"}).entries[1]
    assert entry.headers == {"Authorization": "Bearer s3cret", "Accept": "a/b", "X": "x"}


SECRET = "s3cret"


@pytest.mark.parametrize(
    "url",
    [
        "https://h/a?token=s3cret",
        "https://h/a?x=1&token=s3cret&y=2",
        "https://h/a?s3cret",
        "https://h/a?token=s3cret=",
        "https://h/a?token=s3cret;x=1",
        "https://h/a?next=/b?token=s3cret",
        "https://h/a#s3cret",
        "https://h/a?x=#s3cret",
        "https://h/a?sig=%2Bs3cret%3D",
        "https://h/a?token=s3cret&other=${OTHER}",
    ],
)
def test_read_mods_separates_query_values(tmp_path: Path, url: str) -> None:
    path = tmp_path / "config.yml"
    api = {"api": url, "select": "@"}
    path.write_text(json.dumps([url, {"url": url, "name": "b"}, api, "https://h/c", "https://h/d?"]))
    found = read_mods(path)
    assert SECRET not in str(found["config"])
    environment = {"OTHER": "o"}
    rules = build_mods(found["config"], {**found["variables"], **environment})
    assert rules == load_mods(path, environment)
    assert rules.entries[0].source == url.replace("${OTHER}", "o")


def make(kind: str, path: Path) -> None:
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        path.write_bytes(b"x" * 2_000_000)
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "dangling":
        path.symlink_to("/nonexistent")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))


@pytest.mark.parametrize(
    "kind", ["pipe", "folder", "large", "binary", "device", "dangling", "socket", "absent"]
)
def test_variables_are_only_read_from_small_files(tmp_path: Path, kind: str) -> None:
    path, value = tmp_path / "config.yml", tmp_path / "value"
    path.write_text(json.dumps(["https://h/a?token=${TOKEN}"]))
    make(kind, value)
    environment = {"TOKEN_FILE": str(value)}
    with pytest.raises(OrcastraError):
        mods_variables(path, environment)
    with pytest.raises(ConfigError) as caught:
        load_mods(path, environment)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("kind", ["pipe", "folder", "large", "binary", "device", "socket"])
def test_load_mods_refuses_other_than_small_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.yml"
    make(kind, path)
    for read in (lambda: mods_variables(path, {}), lambda: load_mods(path, {}), lambda: read_mods(path)):
        with pytest.raises(OrcastraError):
            read()


def test_mods_variables_returns_the_values_in_use(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    assert mods_variables(path, {"A": "a"}) == {}
    path.write_text("[{url: 'https://h/a?x=${A}', headers: {X: '${B} ${C}'}}]")
    (tmp_path / "b").write_text("\ufeffb\n")
    assert mods_variables(path, {"A": "a", "B_FILE": str(tmp_path / "b"), "D": "d"}) == {"A": "a", "B": "b"}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        ".a",
        "a/.b",
        "a\0b",
        "a\nb",
        "a\\b",
        "x" * 300,
        "a/./b",
        "\u202eb",
    ],
)
def test_load_mods_refuses_hostile_names(name: Any) -> None:
    assert name_fault(name) is not None


@pytest.mark.parametrize("name", ["a", "a.jar", "a/b c/d+e.jar", "ä.jar", "a..b"])
def test_load_mods_accepts_plain_names(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize("entry", [{"url": "image://${TOKEN}"}, {"api": "x://${TOKEN}", "select": "a"}])
def test_load_mods_does_not_echo_variables_in_wrong_urls(tmp_path: Path, entry: dict[str, str]) -> None:
    path = tmp_path / "mods.yml"
    path.write_text(yaml.safe_dump({"mods": [entry]}))
    with pytest.raises(ConfigError) as caught:
        load_mods(path, {"TOKEN": "not-for-the-log"})
    (problem,) = caught.value.problems
    assert "not-for-the-log" not in str(problem)
    assert "${TOKEN}" in problem.found
