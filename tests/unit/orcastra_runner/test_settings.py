# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings: defaults, spellings, all errors at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from orcastra_runner.settings import VARIABLES, read_settings, unknown_variables, variables_help


def test_defaults_are_those_of_the_table() -> None:
    settings = read_settings()
    assert (settings.stack_name, settings.relabel_time, settings.polling_mode) == ("swarm-dev", 60.0, True)
    assert settings.config_dir == Path("/etc/swarm-orchestration")
    assert (settings.swarm_file, settings.artifacts_dir, settings.label_prefix) == (None, None, "")
    assert not settings.acts_anywhere
    for variable in VARIABLES:
        assert hasattr(settings, variable.field)


@pytest.mark.parametrize("word", ["true", "True", "1", "yes", "on", "y"])
def test_true_in_every_spelling(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("DRY_RUN", word)
    assert read_settings().dry_run is True


@pytest.mark.parametrize("word", ["false", "FALSE", "0", "no", "off", "n"])
def test_false_in_every_spelling(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.setenv("POLLING_MODE", "true")
    monkeypatch.setenv("DEBUG", word)
    assert read_settings().debug is False


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable.name, "  ")
    settings = read_settings()
    assert settings.relabel_time == 60
    assert settings.leader == "auto"
    assert settings.nodes_file is None


def test_values_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELABEL_TIME", "2.5")
    monkeypatch.setenv("ORCASTRA_LEADER", "always")
    monkeypatch.setenv("NODES_FILE", "/srv/nodes.yml")
    monkeypatch.setenv("ORCASTRA_KEEP_ARTIFACTS", "3")
    settings = read_settings()
    assert settings.relabel_time == 2.5
    assert settings.acts_anywhere
    assert settings.nodes_file == Path("/srv/nodes.yml")
    assert settings.keep_artifacts == 3


def test_all_errors_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "RELABEL_TIME": "0",
        "ORCASTRA_RESYNC_INTERVAL": "nan",
        "DEBUG": "perhaps",
        "ORCASTRA_LEADER": "never",
        "ORCASTRA_KEEP_ARTIFACTS": "2.5",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        read_settings()
    assert {problem.key: problem.found for problem in caught.value.problems} == {
        name: repr(value) for name, value in wrong.items()
    }
    assert "RELABEL_TIME: expected a number of seconds, at least 1, found '0'" in str(caught.value)
    assert "ORCASTRA_LEADER: expected auto or always, found 'never'" in str(caught.value)


def test_no_mode_at_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLLING_MODE", "no")
    with pytest.raises(ConfigError, match="POLLING_MODE: expected true, or EVENT_MODE=true"):
        read_settings()
    monkeypatch.setenv("EVENT_MODE", "yes")
    assert read_settings().event_mode


def test_typing_errors_in_our_own_names_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCASTRA_LEADR", "always")
    monkeypatch.setenv("ORCASTRA_LEADER", "always")
    assert unknown_variables() == ["ORCASTRA_LEADR"]


def test_help_names_every_variable_and_default() -> None:
    text = variables_help()
    for variable in VARIABLES:
        assert f"  {variable.name}\n" in text
    assert "[60]" in text
    assert "[false]" in text
