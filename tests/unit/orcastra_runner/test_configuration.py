# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the configuration, and using it again when a file changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from orcastra_runner.configuration import Configuration
from orcastra_runner.settings import Settings


@pytest.fixture
def here(settings: Settings, config_dir: Path) -> Settings:
    return replace(settings, config_dir=config_dir)


def settled(configuration: Configuration) -> str | None:
    """What a change turns out to be once it has been seen twice."""
    assert configuration.reload() is None
    return configuration.reload()


def test_no_file_at_all_names_the_places(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Configuration(replace(settings, config_dir=tmp_path, nodes_file=tmp_path / "else.yml"))
    assert f"{tmp_path}/swarm.yml, {tmp_path}/dependencies.yml or {tmp_path}/else.yml" in str(caught.value)


def test_files_named_by_themselves_win_over_the_folder(here: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other" / "n.yml"
    other.parent.mkdir()
    other.write_text("bravo: {labels: [hdd]}\n")
    configuration = Configuration(replace(here, nodes_file=other))
    assert set(configuration.wanted.nodes) == {"alpha", "bravo"}
    assert configuration.absent() == []


def test_a_named_file_that_is_not_there_is_known(here: Settings, tmp_path: Path) -> None:
    configuration = Configuration(replace(here, dependencies_file=tmp_path / "no.yml"))
    assert configuration.absent() == ["DEPENDENCIES_FILE"]
    assert configuration.present() == [here.config_dir / "swarm.yml"]


def test_settings_reach_the_dependencies(here: Settings) -> None:
    (here.config_dir / "dependencies.yml").write_text("db: [web]\n")
    wanted = Configuration(
        replace(here, stack_name="shop", label_prefix="orc.", restart_dependents=True)
    ).wanted
    dependency = wanted.dependencies["db"]
    assert (dependency.stack, dependency.label, dependency.restart_dependents) == ("shop", "orc.db", True)


def test_nothing_changed_is_none(here: Settings) -> None:
    configuration = Configuration(here)
    assert settled(configuration) is None


def test_a_change_is_used_once_it_stays_and_said_in_words(here: Settings) -> None:
    configuration = Configuration(here)
    (here.config_dir / "swarm.yml").write_text(
        "nodes:\n  bravo: {labels: [ssd]}\noptions: {prune_unknown_labels: true}\ndependencies: {db: [web]}\n"
    )
    assert settled(configuration) == (
        "node bravo added, node alpha removed, dependency db added, "
        "prune_unknown_labels changed from False to True"
    )
    assert set(configuration.wanted.nodes) == {"bravo"}
    assert configuration.reload() is None


def test_a_file_being_written_is_waited_for(here: Settings) -> None:
    configuration = Configuration(here)
    path = here.config_dir / "swarm.yml"
    for number in range(5):
        path.write_text("nodes:\n" + "".join(f"  n{index}: {{}}\n" for index in range(number + 1)) + "  [")
        assert configuration.reload() is None
    path.write_text("nodes: {alpha: {labels: [zfs]}}\n")
    assert settled(configuration) == "node alpha changed"


def test_a_sync_on_request_does_not_wait(here: Settings) -> None:
    configuration = Configuration(here)
    (here.config_dir / "nodes.yml").write_text("bravo: {}\n")
    assert configuration.reload(at_once=True) == "node bravo added"


def test_an_invalid_change_is_refused_once_and_the_old_one_stays(here: Settings) -> None:
    configuration = Configuration(here)
    before = configuration.wanted
    path = here.config_dir / "swarm.yml"
    path.write_text("nodes:\n  alpha: {labels: 3, rle: x}\n")
    assert configuration.reload() is None
    with pytest.raises(ConfigError) as caught:
        configuration.reload()
    assert len(caught.value.problems) == 2
    assert configuration.wanted is before
    assert configuration.reload() is None
    path.write_text("nodes:\n  alpha: {labels: []}\n")
    assert settled(configuration) == "node alpha changed"


def test_files_that_vanish_are_refused(here: Settings) -> None:
    configuration = Configuration(here)
    (here.config_dir / "swarm.yml").unlink()
    with pytest.raises(ConfigError, match="found none of them"):
        configuration.reload(at_once=True)
    assert set(configuration.wanted.nodes) == {"alpha"}
