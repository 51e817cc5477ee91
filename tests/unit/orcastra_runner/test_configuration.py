# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the configuration, reloading changed files, and retaining what disappears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from orcastra_runner.configuration import Configuration
from orcastra_runner.kept import STABLE_SECONDS
from orcastra_runner.settings import Settings
from tests.unit.orcastra_runner.config_folder import DEPENDENCIES, EVERYTHING, NODES, Folder
from tests.unit.orcastra_runner.conftest import Clock


@pytest.fixture
def here(settings: Settings, config_dir: Path) -> Settings:
    return replace(settings, config_dir=config_dir)


@pytest.fixture
def folder(settings: Settings, config_dir: Path, clock: Clock) -> Callable[..., Folder]:
    return lambda **texts: Folder(settings, config_dir, clock, **texts)


def settled(configuration: Configuration) -> str | None:
    """Return the changes once two checks have found the same content."""
    assert configuration.reload() is None
    return configuration.reload()


# The paths of the files.


def test_configuration_without_files_names_the_paths(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Configuration(replace(settings, config_dir=tmp_path))
    assert f"{tmp_path}/swarm.yml, {tmp_path}/dependencies.yml or {tmp_path}/nodes.yml" in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        ["Swarm.yml"],
        ["swarm.yml.bak"],
        ["node.yml"],
        ["dependency.yaml"],
        ["swarm.json"],
        ["nodes.txt", "depends.ini"],
        ["orcastra.yaml"],
    ],
)
def test_configuration_without_files_names_the_files_found(
    settings: Settings, tmp_path: Path, names: list[str]
) -> None:
    for name in names:
        (tmp_path / name).write_text("nodes: {}\n")
    with pytest.raises(ConfigError) as caught:
        Configuration(replace(settings, config_dir=tmp_path))
    assert all(name in caught.value.problems[0].found for name in names)


def test_configuration_names_a_missing_folder(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Configuration(replace(settings, config_dir=tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in caught.value.problems[0].found


def test_configuration_prefers_named_files_to_the_folder(here: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other" / "n.yml"
    other.parent.mkdir()
    other.write_text("bravo: {labels: [hdd]}\n")
    configuration = Configuration(replace(here, nodes_file=other))
    assert set(configuration.desired.nodes) == {"alpha", "bravo"}


@pytest.mark.parametrize("kind", ["absent", "dangling", "in a file"])
@pytest.mark.parametrize(
    ("field", "variable"),
    [
        ("swarm_file", "SWARM_FILE"),
        ("dependencies_file", "DEPENDENCIES_FILE"),
        ("nodes_file", "NODES_FILE"),
    ],
)
def test_configuration_rejects_a_missing_named_file(
    here: Settings, tmp_path: Path, field: str, variable: str, kind: str
) -> None:
    path = tmp_path / "no.yml"
    if kind == "dangling":
        path.symlink_to(tmp_path / "nowhere.yml")
    if kind == "in a file":
        path = here.config_dir / "swarm.yml" / "no.yml"
    with pytest.raises(ConfigError) as caught:
        Configuration(replace(here, **{field: path}))
    (problem,) = caught.value.problems
    assert problem.key == variable
    assert str(path) in problem.found


def test_configuration_reports_all_missing_named_files(here: Settings, tmp_path: Path) -> None:
    no = tmp_path / "no.yml"
    with pytest.raises(ConfigError) as caught:
        Configuration(replace(here, swarm_file=no, dependencies_file=no, nodes_file=no))
    assert [problem.key for problem in caught.value.problems] == [
        "SWARM_FILE",
        "DEPENDENCIES_FILE",
        "NODES_FILE",
    ]


def test_configuration_accepts_variables_with_the_default_path(here: Settings) -> None:
    folder = here.config_dir
    named = replace(here, nodes_file=folder / "nodes.yml", dependencies_file=folder / "dependencies.yml")
    assert set(Configuration(named).desired.nodes) == {"alpha"}


def test_configuration_rejects_a_dangling_link_at_the_default_path(here: Settings) -> None:
    (here.config_dir / "nodes.yml").symlink_to("nowhere")
    with pytest.raises(ConfigError, match="to nowhere, which does not exist"):
        Configuration(here)


@pytest.mark.parametrize("name", ["swarm", "nodes", "dependencies"])
def test_configuration_accepts_yaml_like_yml(folder: Callable[..., Folder], name: str) -> None:
    text = {"swarm": EVERYTHING, "nodes": NODES, "dependencies": DEPENDENCIES}[name]
    one = folder(**{f"{name}.yaml": text})
    assert one.configuration.present() == [one.path / f"{name}.yaml"]
    assert one.labels or one.followers
    one.file(f"{name}.yaml").write_text(text.replace("ssd", "nvme").replace("web", "www"))
    assert one.wait(2)


@pytest.mark.parametrize("name", ["swarm", "nodes", "dependencies"])
def test_configuration_rejects_both_extensions_at_once(folder: Callable[..., Folder], name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        folder(**{f"{name}.yaml": "{}", f"{name}.yml": "{}"})
    assert f"{name}.yml and {name}.yaml" in str(caught.value)


def test_reload_notices_another_extension(folder: Callable[..., Folder]) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm.yml").rename(one.file("swarm.yaml"))
    assert one.wait(15) == []
    assert one.configuration.kept == ()
    one.file("swarm.yaml").write_text(NODES.replace("zfs", "btrfs") + DEPENDENCIES)
    one.wait(15)
    assert one.labels["alpha"] == {"ssd": "true", "btrfs": "true"}
    one.file("swarm.yml").write_text("{}\n")
    with pytest.raises(ConfigError, match="swarm.yml and swarm.yaml".replace(".", "[.]")):
        one.wait(2)
    one.wait(15)
    assert one.labels["alpha"] == {"ssd": "true", "btrfs": "true"}


# Changes.


def test_configuration_applies_settings_to_dependencies(here: Settings) -> None:
    (here.config_dir / "dependencies.yml").write_text("db: [web]\n")
    desired = Configuration(
        replace(here, stack_name="shop", label_prefix="orc.", restart_dependents=True)
    ).desired
    dependency = desired.dependencies["db"]
    assert (dependency.stack, dependency.label, dependency.restart_dependents) == ("shop", "orc.db", True)


def test_reload_returns_none_without_changes(here: Settings) -> None:
    configuration = Configuration(here)
    assert settled(configuration) is None


def test_reload_waits_while_a_file_is_being_written(here: Settings) -> None:
    configuration = Configuration(here)
    path = here.config_dir / "swarm.yml"
    for number in range(5):
        path.write_text("nodes:\n" + "".join(f"  n{index}: {{}}\n" for index in range(number + 1)) + "  [")
        assert configuration.reload() is None
    path.write_text("nodes: {alpha: {labels: [ssd, zfs]}}\n")
    assert settled(configuration) == "node alpha changed"


def test_reload_at_once_reads_without_delay(here: Settings) -> None:
    configuration = Configuration(here)
    (here.config_dir / "nodes.yml").write_text("bravo: {}\n")
    assert configuration.reload(at_once=True) == "node bravo added"


def test_reload_rejects_an_invalid_change_once(here: Settings) -> None:
    configuration = Configuration(here)
    before = configuration.desired
    path = here.config_dir / "swarm.yml"
    path.write_text("nodes:\n  alpha: {labels: 3, rle: x}\n")
    assert configuration.reload() is None
    with pytest.raises(ConfigError) as caught:
        configuration.reload()
    assert len(caught.value.problems) == 2
    assert configuration.desired is before
    assert configuration.reload() is None
    path.write_text("nodes:\n  alpha: {labels: [ssd, zfs]}\n")
    assert settled(configuration) == "node alpha changed"


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        (EVERYTHING.replace("ssd, ", ""), {"label ssd of node alpha"}),
        (EVERYTHING.replace(", ip: 10.0.0.1", ""), {"ip of node alpha"}),
        (EVERYTHING.replace("  bravo: {labels: {rack: r-12}}\n", ""), {"node bravo"}),
        (EVERYTHING.replace("{rack: r-12}", ""), {"label rack of node bravo"}),
        (EVERYTHING.replace(", api", ""), {"follower api of db"}),
        (EVERYTHING.replace("  db: [web, api]\n", ""), {"dependency db"}),
        (NODES + "dependencies: {}\n", {"dependency db", "dependency cache"}),
        (NODES + "dependencies: []\n", {"dependency db", "dependency cache"}),
        ("nodes: {}\n" + DEPENDENCIES, {"node alpha", "node bravo"}),
        ("{}\n", {"node alpha", "node bravo", "dependency db", "dependency cache"}),
        ("[]", {"node alpha", "node bravo", "dependency db", "dependency cache"}),
    ],
)
def test_reload_delays_removals_until_the_file_is_stable(
    folder: Callable[..., Folder], text: str, gone: set[str]
) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm").write_text(text)
    assert one.wait(STABLE_SECONDS) == []
    assert set(one.configuration.waiting) == gone
    assert one.is_as_before
    assert len(one.wait(2)) == 1
    assert not one.is_as_before
    assert (one.configuration.waiting, one.configuration.kept) == ((), ())
    assert one.configuration.desired == Configuration(one.settings).desired


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (NODES.replace("zfs", "btrfs"), {"ssd": "true", "zfs": "true", "btrfs": "true"}),
        (NODES.replace("[ssd, zfs]", "{ssd: nvme}"), {"ssd": "nvme", "zfs": "true"}),
        ("nodes:\n  alpha: {labels: [ssd]}\n  charlie: {labels: [hdd]}\n", {"ssd": "true", "zfs": "true"}),
    ],
)
def test_reload_applies_additions_and_changes_before_removals(
    folder: Callable[..., Folder], text: str, labels: dict[str, str]
) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm").write_text(text + DEPENDENCIES)
    assert len(one.wait(2)) == 1
    assert one.labels["alpha"] == labels
    assert one.labels["bravo"] == {"rack": "r-12"}
    assert len(one.wait(12)) == 1
    assert one.configuration.desired == Configuration(one.settings).desired


def test_reload_at_once_applies_removals(folder: Callable[..., Folder]) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm").write_text(NODES.replace("zfs", "btrfs") + "dependencies: {}\n")
    assert len(one.wait(1, at_once=True)) == 1
    assert one.labels["alpha"] == {"ssd": "true", "btrfs": "true"}
    assert one.followers == {}


def test_reload_drops_a_follower_that_moved_to_another_anchor(
    folder: Callable[..., Folder],
) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm").write_text(NODES + "dependencies: {db: [api], cache: {stack: '', services: [worker]},"
                                 " search: [web]}\n")  # fmt: skip
    assert one.wait(2)
    assert one.followers == {"db": {"api"}, "cache": {"worker"}, "search": {"web"}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("dependencies: {a: [b]}\n", "dependencies: {b: [a]}\n"),
        ("dependencies: {a: [b], b: [c]}\n", "dependencies: {c: [a]}\n"),
        ("nodes: {alpha: {role: manager}}\nmanagers: 1\n", "nodes: {alpha: {role: worker}, b: {}}\n"),
    ],
)
def test_reload_delays_changes_that_contradict_delayed_removals(
    folder: Callable[..., Folder], before: str, after: str
) -> None:
    one = folder(swarm=before)
    one.file("swarm").write_text(after)
    one.wait(12)
    assert one.configuration.desired == Configuration(one.settings).desired


def test_reload_treats_an_identical_rewrite_as_stable(folder: Callable[..., Folder]) -> None:
    one = folder(swarm=EVERYTHING)
    for _time in range(8):
        one.file("swarm").write_text(NODES + "dependencies: {db: [web, api]}\n")
        one.wait(3)
    assert set(one.followers) == {"db"}


def test_reload_treats_a_file_that_keeps_changing_as_unstable(folder: Callable[..., Folder]) -> None:
    one = folder(swarm=EVERYTHING)
    for number in range(8):
        one.file("swarm").write_text(f"nodes: {{alpha: {{labels: {{n: {number}}}}}}}\ndependencies: {{}}\n")
        one.wait(3)
    assert set(one.followers) == {"db", "cache"}
    one.wait(STABLE_SECONDS)
    assert one.followers == {}


# Truncated files.


@pytest.mark.parametrize("length", range(1, len(EVERYTHING)))
def test_reload_removes_nothing_for_a_truncated_file(folder: Callable[..., Folder], length: int) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm").write_text(EVERYTHING[:length])
    for _second in range(8):
        try:
            one.wait(1)
        except ConfigError:
            continue
    assert one.is_as_before
    one.file("swarm").write_text(EVERYTHING)
    one.wait(15)
    assert one.is_as_before
    assert (one.configuration.kept, one.configuration.waiting) == ((), ())


BLOCKS = """\
nodes:
  alpha:
    ip: 10.0.0.1
    labels:
      - ssd
      - zfs
  bravo:
    labels:
      rack: r-12
dependencies:
  db:
    - web
    - api
  cache:
    services:
      - worker
"""


@pytest.mark.parametrize("length", range(1, len(BLOCKS)))
def test_reload_changes_nothing_for_a_truncated_block_style_file(
    folder: Callable[..., Folder], length: int
) -> None:
    one = folder(swarm=BLOCKS)
    one.file("swarm").write_text(BLOCKS[:length])
    for _second in range(8):
        try:
            one.wait(1)
        except ConfigError:
            continue
    assert one.is_as_before


def test_reload_delays_a_file_that_ends_midway(folder: Callable[..., Folder]) -> None:
    one = folder(swarm="nodes:\n  alpha:\n    labels:\n      - ssd\n")
    one.file("swarm").write_text("nodes:\n  alpha:\n    labels:\n      - ssd\n      - nv")
    assert one.wait(9) == []
    one.wait(5)
    assert one.labels["alpha"] == {"ssd": "true", "nv": "true"}
