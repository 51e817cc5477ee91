# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings: defaults, spellings, all errors at once."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from orcastra_runner.settings import (
    VARIABLES,
    Settings,
    collect_settings,
    read_settings,
    unknown_variables,
    variables_help,
)

# A valid value of each kind that is not the default of another kind.
GOOD = {
    "text": "some-text",
    "stack": "apps",
    "prefix": "orc.",
    "label": "heal.me",
    "path": "/srv/x",
    "bool": "true",
    "seconds": "77",
    "minutes": "8",
    "count": "9",
    "list": "a,b",
    "domains": "swarm.example.org",
    "links": "http://{address}:6060/",
    "cron": "0 4 * * *",
    "zone": "Europe/Berlin",
    "address": "127.0.0.1:7070",
    "url": "https://hooks.example.org/x",
    "urls": "ntfy://topic\njson://hooks.example.org/x",
}


def good(name: str) -> str:
    variable = next(one for one in VARIABLES if one.name == name)
    return variable.choices[0] if variable.choices else GOOD[variable.kind]


def wrong(monkeypatch: pytest.MonkeyPatch, **values: str) -> dict[str, Problem]:
    """Return the errors in these variables, by name."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return {problem.key: problem for problem in collect_settings()[1]}


def test_settings_default_to_the_table() -> None:
    settings = read_settings()
    assert (settings.stack_name, settings.relabel_time, settings.polling_mode) == ("swarm-dev", 60.0, True)
    assert settings.config_dir == Path("/etc/swarm-orchestration")
    assert (settings.swarm_file, settings.artifacts_dir, settings.label_prefix) == (None, None, "")
    assert not settings.acts_anywhere
    for variable in VARIABLES:
        assert hasattr(settings, variable.field)


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "1", "yes", "on", "y", "t", " true "])
def test_bool_accepts_every_spelling_of_true(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("DRY_RUN", word)
    assert read_settings().dry_run is True


@pytest.mark.parametrize("word", ["false", "FALSE", "0", "no", "off", "n", "f"])
def test_bool_accepts_every_spelling_of_false(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("POLLING_MODE", "true")
    monkeypatch.setenv("DEBUG", word)
    assert read_settings().debug is False


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable.name, "  ")
    settings = read_settings()
    assert settings.relabel_time == 60
    assert settings.leader == "auto"
    assert settings.nodes_file is None


def test_settings_read_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELABEL_TIME", "2.5")
    monkeypatch.setenv("ORCASTRA_LEADER", "always")
    monkeypatch.setenv("NODES_FILE", "/srv/nodes.yml")
    monkeypatch.setenv("ORCASTRA_KEEP_ARTIFACTS", "3")
    settings = read_settings()
    assert settings.relabel_time == 2.5
    assert settings.acts_anywhere
    assert settings.nodes_file == Path("/srv/nodes.yml")
    assert settings.keep_artifacts == 3


@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES])
def test_variables_accept_valid_values(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("ORCASTRA_INVENTORY", "/srv/hosts.yml")
    assert wrong(monkeypatch, **{name: good(name)}) == {}


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES])
def test_variables_reject_quotes(monkeypatch: pytest.MonkeyPatch, name: str, quote: str) -> None:
    (problem,) = wrong(monkeypatch, **{name: f"{quote}{good(name)}{quote}"}).values()
    assert problem.key == name
    assert "quotes" in problem.found


@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES])
def test_variables_reject_windows_line_endings(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert "line end" in wrong(monkeypatch, **{name: f"{good(name)}\r"})[name].found


@pytest.mark.parametrize("name", [variable.name for variable in VARIABLES if variable.is_secret])
def test_secret_variables_are_never_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for value in ('"hunter2"', "hunter2\r", " hunter2 "):
        assert "hunter2" not in str(wrong(monkeypatch, **{name: value})[name])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TZ", "Europe/Berln"),
        ("TZ", "CET-1CEST"),
        ("TZ", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("TZ", "UTC+2"),
        ("TZ", "europe/berlin"),
        ("TZ", "Berlin"),
        ("TZ", "Europe"),
        ("TZ", "../../etc/passwd"),
        ("TZ", "/etc/passwd"),
        ("TZ", "/nowhere/Europe/Berlin"),
        ("TZ", "Europe/Berlin "),
        ("GC_CRON", "0 4 * * * *"),
        ("GC_CRON", "@every 4h"),
        ("GC_CRON", "60 * * * *"),
        ("GC_CRON", "never"),
        ("WEBHOOK_URL", "hooks.example.org/x"),
        ("WEBHOOK_URL", "ftp://hooks.example.org/x"),
        ("WEBHOOK_URL", "http://"),
        ("WEBHOOK_URL", "https:///x"),
        ("WEBHOOK_URL", "http://host:port/x"),
        ("WEBHOOK_URL", "http://hooks.example.org/a b"),
        ("ORCASTRA_HTTP_HOSTS", "https://swarm.example.org"),
        ("ORCASTRA_HTTP_HOSTS", "swarm.example.org:6060"),
        ("ORCASTRA_HTTP_HOSTS", "swarm.example.org,a b"),
        ("ORCASTRA_HTTP_HOSTS", "*.example.org"),
        ("ORCASTRA_HTTP_ADDRESS", "6060"),
        ("ORCASTRA_HTTP_ADDRESS", "http://0.0.0.0:6060"),
        ("STACK_NAME", "my apps"),
        ("STACK_NAME", "_apps"),
        ("ORCASTRA_LABEL_PREFIX", "orc/"),
        ("AUTOHEAL_CONTAINER_LABEL", "autoheal=true"),
        ("RELABEL_TIME", "60s"),
        ("RELABEL_TIME", "inf"),
        ("RELABEL_TIME", "1e300"),
        ("LOOP_INTERVAL", "nan"),
        ("LOOP_INTERVAL", "-5"),
        ("MOD_MANAGER_REFRESH_INTERVAL_MINUTES", "6m"),
        ("GC_MINIMUM_IMAGES_TO_SAVE", "2.5"),
        ("GC_MINIMUM_IMAGES_TO_SAVE", "9999999999999"),
        ("EVENT_MODE", "enabled"),
        ("ORCASTRA_LEADER", "Always"),
        ("ORCASTRA_LOG_FORMAT", "JSON"),
        ("ORCASTRA_API_TOKEN", " token "),
    ],
)
def test_variables_reject_invalid_values_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    problems = wrong(monkeypatch, **{name: value})
    assert list(problems) == [name]
    assert len(str(problems[name]).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TZ", "UTC"),
        ("TZ", ":Europe/Berlin"),
        ("TZ", "Etc/GMT+5"),
        ("TZ", "EST5EDT"),
        ("GC_CRON", "off"),
        ("GC_CRON", "@daily"),
        ("WEBHOOK_URL", "http://user:secret@127.0.0.1:8080/x?y=z"),
        ("WEBHOOK_URL", "HTTPS://hooks.example.org"),
        ("ORCASTRA_HTTP_HOSTS", "swarm.example.org, other.example.org ,"),
        ("ORCASTRA_HTTP_ADDRESS", "[::1]:6060"),
        ("ORCASTRA_HTTP_ADDRESS", "off"),
        ("GC_EXCLUDE_IMAGES", "redis:*,reg.example.org:5000/*"),
        ("RELABEL_TIME", "1e3"),
        ("AUTOHEAL_CONTAINER_LABEL", "all"),
    ],
)
def test_variables_accept_unusual_values(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert wrong(monkeypatch, **{name: value}) == {}


@pytest.mark.parametrize(
    ("value", "suggested"), [("europe/berlin", "Europe/Berlin"), ("Berlin", "Europe/Berlin")]
)
def test_time_zone_gets_a_suggestion(monkeypatch: pytest.MonkeyPatch, value: str, suggested: str) -> None:
    assert suggested in wrong(monkeypatch, TZ=value)["TZ"].found


def test_settings_report_all_errors_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "RELABEL_TIME": "0",
        "ORCASTRA_RESYNC_INTERVAL": "nan",
        "DEBUG": "perhaps",
        "ORCASTRA_LEADER": "never",
        "ORCASTRA_KEEP_ARTIFACTS": "2.5",
        "TZ": "Nowhere",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        read_settings()
    assert {problem.key for problem in caught.value.problems} == set(values)
    assert all(repr(values[problem.key]) in problem.found for problem in caught.value.problems)
    expected = {problem.key: problem.expected for problem in caught.value.problems}
    assert expected["ORCASTRA_LEADER"] == "auto or always"


def test_collect_settings_uses_defaults_for_invalid_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELABEL_TIME", "soon")
    monkeypatch.setenv("MOD_MANAGER_DEST", '"/srv/mods"')
    settings, problems = collect_settings()
    assert (settings.relabel_time, settings.mod_manager_dest) == (60.0, Path("/mnt/mods"))
    assert [problem.key for problem in problems] == ["RELABEL_TIME", "MOD_MANAGER_DEST"]


def test_settings_reject_disabling_both_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLLING_MODE", "no")
    with pytest.raises(ConfigError, match="POLLING_MODE: expected true, or EVENT_MODE=true"):
        read_settings()
    monkeypatch.setenv("EVENT_MODE", "yes")
    assert read_settings().event_mode


def test_settings_reject_two_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = wrong(monkeypatch, ORCASTRA_API_TOKEN="a", ORCASTRA_API_TOKEN_FILE="/run/secrets/token")
    assert list(problems) == ["ORCASTRA_API_TOKEN_FILE"]


def test_unknown_variables_finds_typos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCASTRA_LEADR", "always")
    monkeypatch.setenv("ORCASTRA_LEADER", "always")
    assert unknown_variables() == ["ORCASTRA_LEADR"]


def test_variables_help_has_names_and_defaults() -> None:
    text = variables_help()
    for variable in VARIABLES:
        assert f"  {variable.name}\n" in text
    assert "[60]" in text
    assert "[false]" in text


def test_settings_declare_each_variable_once() -> None:
    assert [variable.field for variable in VARIABLES] == [field.name for field in fields(Settings)]
    assert len({variable.name for variable in VARIABLES}) == len(VARIABLES)


def test_settings_repr_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_URL", "https://hooks.example/secret")
    monkeypatch.setenv("ORCASTRA_API_TOKEN", "secret-enough-for-a-token")
    assert "secret" not in repr(read_settings())
