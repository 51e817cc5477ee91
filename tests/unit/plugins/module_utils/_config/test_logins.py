# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logins for exporters and servers: all their forms, and messages that never show a secret."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import (
    build_rebalance,
    extract_secrets,
    load_rebalance,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._config.variables import MAX_FILE_BYTES
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from tests.support.problems import problems_of

URL = "http://10.0.0.11:9100/metrics"
AT = "http://u:s3cret@{address}/"


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def headers(data: dict[str, Any], environment: dict[str, str] | None = None, **options: bool) -> Any:
    return build_rebalance(data, environment or {}, **options).sources.headers


def faults(data: Any, environment: dict[str, str] | None = None, **options: bool) -> list[str]:
    """The keys of all problems. No message may show a secret."""
    with pytest.raises(ConfigError) as caught:
        build_rebalance(data, environment or {}, **options)
    assert "s3cret" not in str(caught.value)
    return [problem.key for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ({"username": "prom", "password": "pä:ss ${X}"}, basic("prom:pä:ss one")),
        ({"username": "${X}", "password": "${X}${Y}"}, basic("one:onetwo")),
        ({"username": "prom", "password": ""}, basic("prom:")),
        ({"bearer_token": "t-${Y}"}, {"Authorization": "Bearer t-two"}),
        (
            {"headers": {"X-Scope-OrgID": "${X}", "authorization": "Token ${Y}"}},
            {"X-Scope-OrgID": "one", "authorization": "Token two"},
        ),
        ({"headers": {"X-A": "b"}, "username": "u", "password": "p"}, {"X-A": "b", **basic("u:p")}),
        ({"username": None, "x-note": "ours"}, None),
    ],
)
def test_login_headers(login: dict[str, Any], expected: dict[str, str] | None) -> None:
    environment = {"X": "one", "Y": "two"}
    for part in ("node_exporters", "node_exporter_nodes"):
        found = headers({part: {"a": {"exporter_url": URL, **login}}}, environment)
        assert found == ({} if expected is None else {URL: expected})
    found = headers({"metrics": {"cadvisors": {"a": {"url": URL, **login}}}}, environment)
    assert found.get(URL) == expected
    for kind, address in (
        ("prometheus", "http://p:9090"),
        ("node_exporter", "http://{address}/"),
        ("cadvisor", "http://{hostname}/"),
    ):
        found = headers({"metrics": {f"{kind}_url": address, f"{kind}_auth": login}}, environment)
        assert found.get(address) == expected


def test_endpoint_without_login_uses_default_login() -> None:
    data = {
        "node_exporters": {
            "a": "http://a/",
            "b": {"exporter_url": "http://b/"},
            "c": {"exporter_url": "http://c/", "bearer_token": "own"},
        },
        "metrics": {
            "node_exporter_auth": {"username": "u", "password": "p"},
            "cadvisors": {"a": "http://ca/", "b": {"url": "http://cb/", "bearer_token": "b"}},
            "prometheus_url": "http://p/",
        },
    }
    assert headers(data) == {
        "http://a/": basic("u:p"),
        "http://b/": basic("u:p"),
        "http://c/": {"Authorization": "Bearer own"},
        "http://cb/": {"Authorization": "Bearer b"},
    }
    # without endpoints, the login is for the default URL
    default = {"metrics": {"node_exporter_auth": {"username": "u", "password": "p"}}}
    assert headers(default) == {"http://{address}:9100/metrics": basic("u:p")}


@pytest.mark.parametrize(
    ("login", "keys"),
    [
        ({"username": "u"}, ["password"]),
        ({"password": "s3cret"}, ["username"]),
        ({"username": "u", "password": "s3cret", "bearer_token": "s3cret"}, ["username"]),
        ({"bearer_token": "s3cret", "headers": {"Authorization": "s3cret"}}, ["bearer_token"]),
        ({"username": "u:s3cret", "password": "s3cret"}, ["username"]),
        ({"username": "u", "password": "${MISSING}"}, ["password"]),
        ({"username": "u", "password": "${no name}"}, ["password"]),
        ({"username": "u", "password": "${}"}, ["password"]),
        ({"username": "u", "password": "s3cret\nX: y"}, ["password"]),
        ({"username": "u", "password": "${LINES}"}, ["password"]),
        ({"bearer_token": "s3cret\r"}, ["bearer_token"]),
        ({"headers": {"X-A": "s3cret\0"}}, ["headers.X-A"]),
        ({"headers": {"Host": "s3cret"}}, ["headers.Host"]),
        ({"headers": {"content-length": "5"}}, ["headers.content-length"]),
        ({"headers": {"a b": "s3cret"}}, ["headers.'a b'"]),
        ({"headers": {"X-A": ["s3cret"]}}, ["headers.X-A"]),
        ({"headers": {"X-A": 5}}, ["headers.X-A"]),
        ({"headers": ["s3cret"]}, ["headers"]),
        ({"headers": "s3cret"}, ["headers"]),
        ({"username": ["s3cret"], "password": "p"}, ["username"]),
        ({"username": "u", "password": {"s3cret": 1}}, ["password"]),
        ({"username": "u", "password": ["s3cret"]}, ["password"]),
        ({"bearer_token": True}, ["bearer_token"]),
        ({"user": "u", "pasword": "s3cret"}, ["pasword", "user"]),
    ],
)
def test_build_rebalance_rejects_login(login: dict[str, Any], keys: list[str]) -> None:
    environment = {"LINES": "s3cret\ns3cret"}
    for path, data in (
        ("node_exporters.a", {"node_exporters": {"a": {"exporter_url": URL, **login}}}),
        ("metrics.cadvisors.a", {"metrics": {"cadvisors": {"a": {"url": URL, **login}}}}),
        ("metrics.prometheus_auth", {"metrics": {"prometheus_url": URL, "prometheus_auth": login}}),
    ):
        assert faults(data, environment) == [f"{path}.{key}" for key in keys]


@pytest.mark.parametrize("value", [12345678, 1.5, True])
def test_problem_hides_password_that_is_not_a_string(value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build_rebalance({"node_exporters": {"a": {"exporter_url": URL, "username": "u", "password": value}}})
    (problem,) = caught.value.problems
    assert problem.key == "node_exporters.a.password"
    assert str(value).lower() not in problem.found


@pytest.mark.parametrize(
    "data",
    [
        {"node_exporters": [{"password": "s3cret"}]},
        {"node_exporters": {"a": [{"password": "s3cret"}]}},
        {"node_exporters": {"a": {"password": "s3cret"}}},
        {"node_exporters": "s3cret"},
        {"metrics": [{"password": "s3cret"}]},
        {"metrics": {"node_exporter_auth": ["s3cret"]}},
        {"metrics": {"node_exporter_auth": "s3cret"}},
        {"metrics": {"cadvisors": {"a": ["s3cret"]}}},
    ],
)
def test_problem_hides_misplaced_secret(data: dict[str, Any]) -> None:
    assert len(faults(data)) == 1


@pytest.mark.parametrize(
    ("data", "key", "hint"),
    [
        ({"node_exporters": {"a": AT}}, "node_exporters.a", "username"),
        ({"node_exporters": {"a": {"exporter_url": AT}}}, "node_exporters.a.exporter_url", "username"),
        ({"metrics": {"cadvisors": {"a": AT}}}, "metrics.cadvisors.a", "username"),
        ({"metrics": {"cadvisors": {"a": {"url": AT}}}}, "metrics.cadvisors.a.url", "username"),
        ({"metrics": {"prometheus_url": AT}}, "metrics.prometheus_url", "prometheus_auth"),
        ({"metrics": {"node_exporter_url": AT}}, "metrics.node_exporter_url", "node_exporter_auth"),
        ({"metrics": {"cadvisor_url": AT}}, "metrics.cadvisor_url", "cadvisor_auth"),
    ],
)
def test_build_rebalance_rejects_credentials_in_url(data: dict[str, Any], key: str, hint: str) -> None:
    assert faults(data) == [key]
    with pytest.raises(ConfigError, match=hint):
        build_rebalance(data)


def test_build_rebalance_rejects_two_logins_for_one_url() -> None:
    first, second = ({"exporter_url": URL, "bearer_token": token} for token in ("s3cret", "s3cret too"))
    assert faults({"node_exporters": {"a": first, "b": second}}) == ["node_exporters.b"]
    assert faults({"node_exporters": {"a": first, "b": URL}}) == ["node_exporters.b"]
    assert headers({"node_exporters": {"a": first, "b": first}}) == {URL: {"Authorization": "Bearer s3cret"}}


@pytest.mark.parametrize(
    "login",
    [{"username": "u", "password": "s3cret"}, {"bearer_token": "s3cret"}, {"headers": {"X-Key": "s3cret"}}],
)
def test_module_parameter_must_not_contain_secret(login: dict[str, Any]) -> None:
    """The host logs parameters before the module sees them."""
    data = {"node_exporters": {"a": {"exporter_url": URL, **login}}}
    (problem,) = problems_of(lambda: build_rebalance(data, {}, may_be_literal=False))
    assert problem.code == "exposed_secret"
    assert problem.key.startswith("node_exporters.a.")
    extracted, variables = extract_secrets(data, {})
    assert headers(extracted, variables, may_be_literal=False) == headers(data)
    assert "s3cret" not in str(extracted)


def test_extract_secrets_keeps_the_meaning() -> None:
    data: dict[str, Any] = {
        "node_map": {"a": "b"},
        "node_exporters": {"a": URL, "b": {"exporter_url": "http://b/", "username": "u", "password": "${P}"}},
        "metrics": {
            "timeout_seconds": 3,
            "ca_path": None,
            "cadvisors": {"a": "http://c/"},
            "prometheus_auth": None,
        },
    }
    secret = {"username": "u", "password": "s3cret"}
    metrics: Any = {**data["metrics"], "x-login": secret}
    hidden = {**data, "metrics": metrics, "x-login": secret}
    hidden["node_exporters"] = {**data["node_exporters"], "x-login": secret}
    assert "s3cret" not in str(extract_secrets(hidden, {}))
    assert headers({"metrics": {"prometheus_url": URL, "prometheus_auth": {"headers": {"x-key": "k"}}}}) == {
        URL: {"x-key": "k"}
    }
    extracted, variables = extract_secrets(data, {"P": "s3cret"})
    assert build_rebalance(extracted, variables) == build_rebalance(data, {"P": "s3cret"})
    assert {**extracted, "node_exporters": data["node_exporters"]} == data
    assert extract_secrets(data, {}) == (data, {})
    assert "s3cret" not in repr(build_rebalance(data, {"P": "s3cret"}))


def test_variable_value_comes_from_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    path = tmp_path / "rebalance_config.yml"
    path.write_text(
        "node_exporters:\n  a:\n    exporter_url: http://a/\n    username: prom\n"
        "    password: ${PROM_PASSWORD}\n"
    )
    environment = {"PROM_PASSWORD_FILE": str(file)}
    file.write_text("s3cret\n")
    found, _data = load_rebalance(path, environment)
    assert found.sources.headers == {"http://a/": basic("prom:s3cret")}

    def assert_rejected(code: str) -> None:
        (problem,) = problems_of(lambda: load_rebalance(path, environment))
        assert (problem.code, problem.line, problem.key) == (code, 5, "node_exporters.a.password")
        assert "s3cret" not in str(problem)

    for content, code in (
        (b"s3cret\ns3cret\n", "invalid_value"),
        (b"s3cret\xff", "unreadable"),
        (b"s3cret" * MAX_FILE_BYTES, "too_large"),
    ):
        file.write_bytes(content)
        assert_rejected(code)
    file.unlink()
    assert_rejected("unreadable")
    os.mkfifo(file)
    assert_rejected("unreadable")
    with pytest.raises(OrcastraError, match="PROM_PASSWORD_FILE"):
        extract_secrets(_data, environment)
    file.unlink()
    file.mkdir()
    assert_rejected("unreadable")
    environment.clear()
    assert_rejected("unset_variable")
