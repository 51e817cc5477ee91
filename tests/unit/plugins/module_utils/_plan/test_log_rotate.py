# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rotation entries: everything except the engine's own log files is allowed, and all problems are reported at
once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.log_rotate.globs import (
    BraceError,
    expand_braces,
    form_of,
    may_match,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.log_rotate.plan import (
    fixed_folder,
    may_be_engine_log,
    read_rotations,
    render,
)

ID = "0123456789abcdef" * 4
GOOD: dict[str, Any] = {"name": "app", "paths": ["/srv/app.log"], "rotate": 1, "size": "1M"}


def faults(*entries: dict[str, Any], roots: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(one.entry, one.key) for one in read_rotations(entries, roots)[1]]


ENGINE_LOGS = [
    "/var/lib/docker/containers/*/*-json.log",
    "/var/lib/docker/containers/*/*.log",
    f"/var/lib/docker/containers/{ID}/{ID}-json.log",
    f"/var/lib/docker/containers/{ID[:12]}*/*-json.log",
    "/var/lib/docker/containers/*/*-json.log.1",
    "/var/lib/docker/containers/[0-9a-f]*/*.log",
    "/var/lib/docker/containers/*/*.json",
    "/var/lib/docker/containers/*/local-logs/container.log",
    "/var/lib/docker/containers/*/*/*.log",
    "/var/lib/docker/containers/x",
    "/var/lib/docker/./containers/*/*.log",
    "/var//lib///docker/containers//*/*.log",
    "/./var/lib/docker/containers/./*/./*.log",
    "/var/lib/docker/*/*/*.log",
    "/var/lib/docker/*/*/*",
    "/var/lib/docker/c*/*/*.log",
    "/var/lib/docker/[a-d]ontainers/*/*.log",
    "/var/lib/docker/[!v]*/*/*.log",
    "/var/lib/docker/container?/*/*.log",
    "/var/lib/*/containers/*/*.log",
    "/var/lib/*/*/*/*.log",
    "/var/*/docker/containers/*/*.log",
    "/*/*/*/*/*/*-json.log",
    "/var/lib/dock[e]r/containers/*/*.log",
    "/var/lib/docker/*/*/local-logs/*",
    "/var/snap/docker/common/var-lib-docker/containers/*/*.log",
    # an unknown engine
    "/data/docker/containers/*/*.log",
    "/mnt/Docker/data/containers/*/*.log",
    "/data/engine/containers/*/*-json.log",
    f"/data/containers/{ID}/{ID}-json.log",
]
OTHER_LOGS = [
    "/var/lib/docker/volumes/*/_data/*.log",
    "/var/lib/docker/volumes/proxy_logs/_data/access.log",
    "/var/lib/docker/volumes/*/_data/*/*.log",
    "/var/lib/docker/volumes/containers/_data/*.log",
    "/var/lib/docker/v*/*/_data/*.log",
    "/var/lib/docker/*/*/_data/*.log",
    "/var/lib/docker/volumes/*/*/*.log",
    "/var/lib/docker/*.log",
    "/var/lib/docker-volumes/containers.log",
    "/var/log/docker.log",
    "/var/log/containers/*.log",
    "/srv/containers/web/app.log",
    "/srv/containers/*/app-*.log",
    "/srv/containers/*/*.log",
    "/srv/docker/containers/web/*.log",
    "/srv/docker/containers/*/access.log",
    "/srv/*/*/*.log",
    "/srv/app/*-json.log",
    "/data/docker/volumes/*/_data/*.log",
]


@pytest.mark.parametrize("path", ENGINE_LOGS)
def test_engine_log_files_are_refused(path: str) -> None:
    (wrong,) = read_rotations([{**GOOD, "paths": ["/srv/fine.log", path]}], ())[1]
    assert (wrong.entry, wrong.key, wrong.expected.code) == ("app", "paths", "path_not_of_engine")


@pytest.mark.parametrize("path", OTHER_LOGS)
def test_other_log_files_are_allowed(path: str) -> None:
    assert faults({**GOOD, "paths": [path]}) == []


def test_braces_cannot_hide_engine_log_files() -> None:
    for path in (
        "/var/lib/docker/{volumes,containers}/*/*.log",
        "/var/{lib,log}/docker/containers/*/*.log",
        "/var/lib/docker/{con,x}tainers/*/*.log",
        "/{srv,var/lib/docker/containers/{a,*}}/*.log",
    ):
        assert faults({**GOOD, "paths": [path]}) == [("app", "paths")]


def test_known_engine_folder_is_refused() -> None:
    path = "/data/engine/*/*/*.log"
    assert not may_be_engine_log(path, ())
    assert may_be_engine_log(path, ("/data/engine/",))
    assert may_be_engine_log("/data/./engine/containers/x/y", ("/data//engine",))
    assert not may_be_engine_log("/data/engine/volumes/x/_data/y.log", ("/data/engine",))


@pytest.mark.parametrize(
    ("changes", "key", "rule"),
    [
        ({"name": ""}, "name", "rotation_name_characters"),
        ({"name": "my app"}, "name", "rotation_name_characters"),
        ({"name": "a\nb"}, "name", "rotation_name_characters"),
        ({"paths": []}, "paths", "rotation_paths_given"),
        ({"paths": ["app.log"]}, "paths", "path_absolute"),
        ({"paths": [" /srv/app.log"]}, "paths", "path_absolute"),
        ({"paths": ["~/app.log"]}, "paths", "path_absolute"),
        ({"paths": [""]}, "paths", "path_absolute"),
        ({"paths": ["/"]}, "paths", "path_of_files"),
        ({"paths": ["/srv/log/"]}, "paths", "path_of_files"),
        ({"paths": ["/srv/**/app.log"]}, "paths", "path_without_double_star"),
        ({"paths": ["/srv/../var/app.log"]}, "paths", "path_without_parents"),
        ({"paths": ["/srv/a\nb.log"]}, "paths", "path_without_control_characters"),
        ({"paths": ["/srv/a\\b.log"]}, "paths", "path_without_backslashes"),
        ({"paths": ["/srv/{a.log"]}, "paths", "braces_in_pairs"),
        ({"paths": ["/srv/a}.log"]}, "paths", "braces_in_pairs"),
        ({"paths": ["/srv/{a}.log"]}, "paths", "braces_in_pairs"),
        ({"paths": ["/srv/{1..3}.log"]}, "paths", "braces_in_pairs"),
        ({"paths": ["/srv/" + "{a,b}" * 7 + ".log"]}, "paths", "braces_expand_to_few"),
        ({"paths": ["/srv/a.log", "/srv//a.log"]}, "paths", "rotation_path_unique"),
        ({"paths": ["/srv/{a,a/.}/x.log", "/srv/a/x.log"]}, "paths", "rotation_path_unique"),
        ({"rotate": -1}, "rotate", "rotation_count_not_negative"),
        ({"rotate": None}, "rotate", "rotation_count_not_negative"),
        ({"size": None}, "size", "rotation_size_or_frequency"),
        ({"size": "10 MB"}, "size", "rotation_size_format"),
        ({"size": "10MB"}, "size", "rotation_size_format"),
        ({"size": "0"}, "size", "rotation_size_format"),
        ({"size": "1m"}, "size", "rotation_size_format"),
        ({"create": "0640 app adm }"}, "create", "rotation_create_format"),
        ({"create": "app"}, "create", "rotation_create_format"),
        ({"create": "0640\nsu root root"}, "create", "rotation_create_format"),
        ({"su": "app"}, "su", "rotation_su_format"),
        ({"su": "app adm extra"}, "su", "rotation_su_format"),
        ({"postrotate": "true\nendscript\nrm -rf /"}, "postrotate", "rotation_script_without_end"),
        ({"postrotate": "  endscript"}, "postrotate", "rotation_script_without_end"),
        ({"postrotate": "true\0"}, "postrotate", "rotation_script_is_text"),
        ({"postrotate": "true\rendscript"}, "postrotate", "rotation_script_is_text"),
    ],
)
def test_reader_reports_only_the_broken_rule(changes: dict[str, Any], key: str, rule: str) -> None:
    wrong = read_rotations([{**GOOD, **changes}], ())[1]
    assert [(one.key, one.expected.code) for one in wrong] == [(key, rule)]


def test_reader_reports_all_problems_at_once() -> None:
    found = faults(
        {**GOOD, "paths": ["x", "/srv/**/y", "/srv/fine.log"], "size": "1 M"},
        {**GOOD, "name": "good", "paths": ["/srv/good.log"]},
        {**GOOD, "name": "app", "paths": ["/srv/good.log"]},
        {**GOOD, "name": "bad name", "paths": ["/srv/last.log"], "rotate": -1},
    )
    assert found == [
        ("app", "paths"),
        ("app", "paths"),
        ("app", "size"),
        ("app", "name"),
        ("app", "paths"),
        ("number 4", "name"),
        ("number 4", "rotate"),
    ]


def test_problem_names_entry_key_expected_and_found() -> None:
    (fault,) = read_rotations([{**GOOD, "paths": ["x.log"]}], ())[1]
    assert str(fault) == "entry app: paths: expected an absolute path, found 'x.log'"


def test_render_returns_the_configuration() -> None:
    entry = {
        "name": "media",
        "paths": ["/srv/{a,b}/log/*.log", '/srv//Application Support/./Media\'s "Logs"/*.log'],
        "rotate": 3,
        "size": "1M",
        "frequency": "daily",
        "postrotate": "if true; then\r\n  echo '}'\r\nfi\n",
        "compress": False,
        "create": "0640 app adm",
        "su": "app adm",
    }
    rotations, wrong = read_rotations([entry, GOOD], ())
    assert wrong == ()
    assert render(rotations).splitlines()[2:] == [
        "# media",
        '"/srv/a/log/*.log" "/srv/b/log/*.log" "/srv/Application Support/Media\'s \\"Logs\\"/*.log" {',
        "    rotate 3",
        "    daily",
        "    maxsize 1M",
        "    missingok",
        "    notifempty",
        "    create 0640 app adm",
        "    su app adm",
        "    sharedscripts",
        "    postrotate",
        "if true; then",
        "  echo '}'",
        "fi",
        "    endscript",
        "}",
        "",
        "# app",
        '"/srv/app.log" {',
        "    rotate 1",
        "    size 1M",
        "    missingok",
        "    notifempty",
        "    compress",
        "    delaycompress",
        "    create",
        "}",
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/a", ["/a"]),
        ("/{a,b}", ["/a", "/b"]),
        ("/{a,b}{1,2}", ["/a1", "/a2", "/b1", "/b2"]),
        ("/{a,{b,c}d}", ["/a", "/bd", "/cd"]),
        ("/a{,.1}", ["/a", "/a.1"]),
        ("/{a b,c}", ["/a b", "/c"]),
        ("/{*,?}.log", ["/*.log", "/?.log"]),
        ("/{a,a}", ["/a"]),
    ],
)
def test_braces_are_expanded(pattern: str, expected: list[str]) -> None:
    assert expand_braces(pattern) == expected


@pytest.mark.parametrize(
    "pattern", ["{", "}", "{a", "a}", "{a}", "{}", "{a,b", "{{a,b}", "}{", "{1..3}", "{a,b}}"]
)
def test_invalid_braces_are_refused(pattern: str) -> None:
    with pytest.raises(BraceError):
        expand_braces(pattern)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*", "", True), ("*", "abc", True), ("a*c", "abc", True), ("a*c", "abd", False), ("?", "a", True),
        ("?", "", False), ("?", "ab", False), ("[ab]c", "bc", True), ("[!ab]c", "bc", False),
        ("[^ab]c", "xc", True), ("[a-c]", "b", True), ("[a-c]", "d", False), ("[]a]", "]", True),
        ("[a", "[a", True), ("[[:digit:]]", "5", True), ("[[:digit:]]", "a", False),
        ("[[:digit:]x]*", "xyz", True), ("a**b", "ab", True), ("", "", True), ("", "a", False),
        ("[a-]", "-", True), ("*a*b*c*", "xaybzc", True), ("*a*b*c*", "xaybz", False),
    ],
)  # fmt: skip
def test_may_match_patterns_and_names(pattern: str, name: str, expected: bool) -> None:
    assert may_match(pattern, form_of(name)) is expected


def test_fixed_folder_ends_before_the_first_wildcard() -> None:
    for path, folder in (
        ("/a/b/c.log", "/a/b"), ("/a/*/c.log", "/a"), ("/a/b/*.log", "/a/b"), ("/*.log", "/"),
        ("/[a]/b", "/"),
    ):  # fmt: skip
        assert fixed_folder(path) == folder
