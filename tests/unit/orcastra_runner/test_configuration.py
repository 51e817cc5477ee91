# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the configuration, using it again when a file changed, and what stays when something vanishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Removals
from orcastra_runner.configuration import Configuration
from orcastra_runner.kept import STABLE_SECONDS
from orcastra_runner.settings import Settings
from tests.unit.orcastra_runner.conftest import Clock

NODES = "nodes:\n  alpha: {labels: [ssd, zfs], ip: 10.0.0.1}\n  bravo: {labels: {rack: r-12}}\n"
DEPENDENCIES = "dependencies:\n  db: [web, api]\n  cache: {stack: '', services: [worker]}\n"
EVERYTHING = NODES + DEPENDENCIES


@pytest.fixture
def here(settings: Settings, config_dir: Path) -> Settings:
    return replace(settings, config_dir=config_dir)


class Folder:
    """A folder of files and the configuration made of them, looked at each second."""

    def __init__(self, settings: Settings, path: Path, clock: Clock, **texts: str) -> None:
        self.path, self.clock = path, clock
        self.settings = replace(settings, config_dir=path)
        for file in path.iterdir():
            file.unlink()
        for name, text in texts.items():
            self.file(name).write_text(text)
        self.configuration = Configuration(self.settings, clock)
        self.before = self.configuration.wanted

    def file(self, name: str) -> Path:
        return self.path / (name if "." in name else f"{name}.yml")

    def wait(self, seconds: float, *, at_once: bool = False) -> list[str]:
        """Let time pass. Returns what changed."""
        found = []
        for _second in range(round(seconds)):
            self.clock.now += 1
            changes = self.configuration.reload(at_once=at_once)
            if changes:
                found.append(changes)
        return found

    @property
    def labels(self) -> dict[str, dict[str, str]]:
        return {name: dict(node.labels) for name, node in self.configuration.wanted.nodes.items()}

    @property
    def followers(self) -> dict[str, set[str]]:
        found = self.configuration.wanted.dependencies
        return {anchor: set(dependency.followers) for anchor, dependency in found.items()}

    @property
    def is_as_before(self) -> bool:
        now = self.configuration.wanted
        return (now.nodes, now.dependencies) == (self.before.nodes, self.before.dependencies)


@pytest.fixture
def folder(settings: Settings, config_dir: Path, clock: Clock) -> Callable[..., Folder]:
    return lambda **texts: Folder(settings, config_dir, clock, **texts)


def settled(configuration: Configuration) -> str | None:
    """What a change turns out to be once it has been seen twice."""
    assert configuration.reload() is None
    return configuration.reload()


# Where the files are.


def test_no_file_at_all_names_the_places(settings: Settings, tmp_path: Path) -> None:
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
def test_without_any_file_it_is_said_what_is_there(
    settings: Settings, tmp_path: Path, names: list[str]
) -> None:
    for name in names:
        (tmp_path / name).write_text("nodes: {}\n")
    with pytest.raises(ConfigError) as caught:
        Configuration(replace(settings, config_dir=tmp_path))
    assert all(name in caught.value.problems[0].found for name in names)


def test_a_folder_that_is_missing_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Configuration(replace(settings, config_dir=tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in caught.value.problems[0].found


def test_files_named_by_themselves_win_over_the_folder(here: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other" / "n.yml"
    other.parent.mkdir()
    other.write_text("bravo: {labels: [hdd]}\n")
    configuration = Configuration(replace(here, nodes_file=other))
    assert set(configuration.wanted.nodes) == {"alpha", "bravo"}


@pytest.mark.parametrize("kind", ["absent", "dangling", "in a file"])
@pytest.mark.parametrize(
    ("field", "variable"),
    [
        ("swarm_file", "SWARM_FILE"),
        ("dependencies_file", "DEPENDENCIES_FILE"),
        ("nodes_file", "NODES_FILE"),
    ],
)
def test_a_named_file_that_is_missing_is_an_error(
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


def test_all_named_files_that_are_missing_at_once(here: Settings, tmp_path: Path) -> None:
    no = tmp_path / "no.yml"
    with pytest.raises(ConfigError) as caught:
        Configuration(replace(here, swarm_file=no, dependencies_file=no, nodes_file=no))
    assert [problem.key for problem in caught.value.problems] == [
        "SWARM_FILE",
        "DEPENDENCIES_FILE",
        "NODES_FILE",
    ]


def test_a_variable_that_only_repeats_the_usual_place_names_no_file(here: Settings) -> None:
    folder = here.config_dir
    said = replace(here, nodes_file=folder / "nodes.yml", dependencies_file=folder / "dependencies.yml")
    assert set(Configuration(said).wanted.nodes) == {"alpha"}


def test_a_link_to_nowhere_is_an_error_at_its_usual_place_too(here: Settings) -> None:
    (here.config_dir / "nodes.yml").symlink_to("nowhere")
    with pytest.raises(ConfigError, match="a link to nowhere"):
        Configuration(here)


@pytest.mark.parametrize("name", ["swarm", "nodes", "dependencies"])
def test_yaml_is_as_good_as_yml(folder: Callable[..., Folder], name: str) -> None:
    text = {"swarm": EVERYTHING, "nodes": NODES, "dependencies": DEPENDENCIES}[name]
    one = folder(**{f"{name}.yaml": text})
    assert one.configuration.present() == [one.path / f"{name}.yaml"]
    assert one.labels or one.followers
    one.file(f"{name}.yaml").write_text(text.replace("ssd", "nvme").replace("web", "www"))
    assert one.wait(2)


@pytest.mark.parametrize("name", ["swarm", "nodes", "dependencies"])
def test_both_endings_at_once_are_an_error_that_names_both(folder: Callable[..., Folder], name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        folder(**{f"{name}.yaml": "{}", f"{name}.yml": "{}"})
    assert f"{name}.yml and {name}.yaml" in str(caught.value)


def test_another_ending_while_it_runs(folder: Callable[..., Folder]) -> None:
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


def test_a_file_being_written_is_waited_for(here: Settings) -> None:
    configuration = Configuration(here)
    path = here.config_dir / "swarm.yml"
    for number in range(5):
        path.write_text("nodes:\n" + "".join(f"  n{index}: {{}}\n" for index in range(number + 1)) + "  [")
        assert configuration.reload() is None
    path.write_text("nodes: {alpha: {labels: [ssd, zfs]}}\n")
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
def test_a_removal_waits_until_the_file_is_quiet(
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
    assert one.configuration.wanted == Configuration(one.settings).wanted


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (NODES.replace("zfs", "btrfs"), {"ssd": "true", "zfs": "true", "btrfs": "true"}),
        (NODES.replace("[ssd, zfs]", "{ssd: nvme}"), {"ssd": "nvme", "zfs": "true"}),
        ("nodes:\n  alpha: {labels: [ssd]}\n  charlie: {labels: [hdd]}\n", {"ssd": "true", "zfs": "true"}),
    ],
)
def test_additions_and_changes_do_not_wait_for_removals(
    folder: Callable[..., Folder], text: str, labels: dict[str, str]
) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm").write_text(text + DEPENDENCIES)
    assert len(one.wait(2)) == 1
    assert one.labels["alpha"] == labels
    assert one.labels["bravo"] == {"rack": "r-12"}
    assert len(one.wait(12)) == 1
    assert one.configuration.wanted == Configuration(one.settings).wanted


def test_a_sync_on_request_does_not_wait_with_removals(folder: Callable[..., Folder]) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm").write_text(NODES.replace("zfs", "btrfs") + "dependencies: {}\n")
    assert len(one.wait(1, at_once=True)) == 1
    assert one.labels["alpha"] == {"ssd": "true", "btrfs": "true"}
    assert one.followers == {}


def test_a_follower_that_has_got_another_anchor_is_not_kept_at_the_old_one(
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
def test_what_would_contradict_what_is_removed_waits_with_it(
    folder: Callable[..., Folder], before: str, after: str
) -> None:
    one = folder(swarm=before)
    one.file("swarm").write_text(after)
    one.wait(12)
    assert one.configuration.wanted == Configuration(one.settings).wanted


def test_a_file_that_is_written_again_with_the_same_content_is_quiet(folder: Callable[..., Folder]) -> None:
    one = folder(swarm=EVERYTHING)
    for _time in range(8):
        one.file("swarm").write_text(NODES + "dependencies: {db: [web, api]}\n")
        one.wait(3)
    assert set(one.followers) == {"db"}


def test_a_file_that_goes_on_changing_is_not_quiet(folder: Callable[..., Folder]) -> None:
    one = folder(swarm=EVERYTHING)
    for number in range(8):
        one.file("swarm").write_text(f"nodes: {{alpha: {{labels: {{n: {number}}}}}}}\ndependencies: {{}}\n")
        one.wait(3)
    assert set(one.followers) == {"db", "cache"}
    one.wait(STABLE_SECONDS)
    assert one.followers == {}


# Halves of files.


@pytest.mark.parametrize("length", range(1, len(EVERYTHING)))
def test_no_half_of_a_file_takes_anything_away(folder: Callable[..., Folder], length: int) -> None:
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
def test_no_half_of_a_file_in_block_style_changes_anything(
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


def test_a_file_that_ends_in_the_middle_of_a_line_may_not_be_whole(folder: Callable[..., Folder]) -> None:
    one = folder(swarm="nodes:\n  alpha:\n    labels:\n      - ssd\n")
    one.file("swarm").write_text("nodes:\n  alpha:\n    labels:\n      - ssd\n      - nv")
    assert one.wait(9) == []
    one.wait(5)
    assert one.labels["alpha"] == {"ssd": "true", "nv": "true"}


# Files and sections that vanish.


def gone(path: Path) -> None:
    path.unlink()


def renamed(path: Path) -> None:
    path.rename(path.with_suffix(".away"))


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def in_a_circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def holding(content: bytes) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(content), None)[1]


def folder_gone(path: Path) -> None:
    path.parent.rename(path.parent.with_name(f"{path.parent.name}-away"))


ABSENT = {"gone": gone, "renamed": renamed, "dangling": dangling, "folder": folder_gone}
BLANK = {
    name: holding(content)
    for name, content in {
        "empty": b"",
        "white space": b"  \n\n",
        "comments": b"# all of it\n#  a: {}\n",
        "start of a document": b"---\n",
        "document without content": b"---\n...\n",
        "null": b"null\n",
        "tilde": b"~",
        "byte order mark": b"\xef\xbb\xbf",
        "extensions": b"x-labels: &labels [ssd]\n",
    }.items()
}
BROKEN = {
    "directory": directory,
    "circle": in_a_circle,
    **{
        name: holding(content)
        for name, content in {
            "NUL": b"\0" * 200,
            "NUL after text": b"nodes:\n" + b"\0" * 64,
            "unparsable": b"nodes: {alpha: [",
            "tab": b"nodes:\n\talpha: {}\n",
            "not UTF-8": b"nodes: {alpha: {labels: [\xff]}}\n",
            "text": b"404 page not found\n",
            "page": b"<html><body>no</body></html>\n",
            "number": b"0\n",
            "a list": b"- alpha\n",
            "typing error": b"node:\n  alpha: {}\n",
            "merge conflict": b"<<<<<<< HEAD\nnodes: {}\n=======\nnodes: {}\n>>>>>>> x\n",
            "two documents": b"nodes: {}\n---\nnodes: {}\n",
        }.items()
    },
}
SPLIT = {"nodes": NODES, "dependencies": DEPENDENCIES}


@pytest.mark.parametrize("files", ["one", "nodes", "dependencies"])
@pytest.mark.parametrize("how", [*ABSENT, *BLANK])
def test_what_a_file_held_stays_in_force_when_it_vanishes(
    folder: Callable[..., Folder], files: str, how: str
) -> None:
    one = folder(**({"swarm": EVERYTHING} if files == "one" else SPLIT))
    file = one.file("swarm" if files == "one" else files)
    text = file.read_text()
    {**ABSENT, **BLANK}[how](file)
    # a request to sync is no confirmation
    assert one.wait(60) == one.wait(1, at_once=True) == []
    assert one.is_as_before
    assert one.configuration.wanted.absent_sections == frozenset()
    assert {str(file)} <= {kept.file for kept in one.configuration.kept}
    assert all(kept.is_blank == (how in BLANK) for kept in one.configuration.kept)
    if how == "folder":
        return
    if file.is_symlink():
        file.unlink()
    file.write_text(text)
    one.wait(3)
    assert one.configuration.kept == ()
    assert one.is_as_before


@pytest.mark.parametrize("files", ["one", "nodes", "dependencies"])
@pytest.mark.parametrize("how", list(BROKEN))
def test_what_a_file_held_stays_in_force_when_it_cannot_be_read(
    folder: Callable[..., Folder], files: str, how: str
) -> None:
    one = folder(**({"swarm": EVERYTHING} if files == "one" else SPLIT))
    file = one.file("swarm" if files == "one" else files)
    text = file.read_text()
    BROKEN[how](file)
    with pytest.raises(ConfigError) as caught:
        one.wait(2)
    assert {problem.file for problem in caught.value.problems} == {str(file)}
    one.wait(60)
    assert one.is_as_before
    if file.is_dir():
        file.rmdir()
    file.unlink(missing_ok=True)
    file.write_text(text)
    one.wait(3)
    assert one.is_as_before


def denied(*_arguments: object, **_more: object) -> None:
    raise PermissionError(13, "denied")


def test_a_file_that_may_not_be_read_is_tried_again(
    folder: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = folder(swarm=EVERYTHING)
    file = one.file("swarm")
    file.write_text(EVERYTHING + "leader: alpha\n")
    with monkeypatch.context() as patched:
        # root may read everything, so the mode does not do it
        patched.setattr(Path, "open", denied)
        with pytest.raises(ConfigError) as caught:
            one.wait(2)
        assert caught.value.problems[0].found == "denied"
        assert one.wait(30) == []
    assert one.wait(1) == ["leader changed from None to alpha"]


@pytest.mark.parametrize(
    "text", ["", "dependencies:\n", "dependencies: ~\n", "dependencies:\n  # db: [web]\n"]
)
def test_what_a_section_held_stays_in_force_when_it_vanishes(
    folder: Callable[..., Folder], text: str
) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm").write_text(NODES.replace("zfs", "btrfs") + text)
    one.wait(60)
    assert one.followers == {"db": {"web", "api"}, "cache": {"worker"}}
    assert one.labels["alpha"] == {"ssd": "true", "btrfs": "true"}
    (kept,) = one.configuration.kept
    assert (kept.section, kept.is_blank) == ("dependencies", text != "")
    assert set(kept.names) == {"dependencies.db", "dependencies.cache"}


@pytest.mark.parametrize("text", ["options: {prune_unknown_labels: true}\n", "swarm: {autolock: true}\n"])
def test_every_section_that_is_a_mapping_stays(folder: Callable[..., Folder], text: str) -> None:
    one = folder(swarm=EVERYTHING + text)
    one.file("swarm").write_text(EVERYTHING)
    one.wait(30)
    assert one.configuration.wanted == one.before
    assert len(one.configuration.kept) == 1
    one.file("swarm").write_text(EVERYTHING + text.partition(":")[0] + ": {}\n")
    one.wait(15)
    assert one.configuration.wanted != one.before


def test_a_single_value_goes_once_the_file_is_quiet(folder: Callable[..., Folder]) -> None:
    one = folder(swarm=EVERYTHING + "managers: 1\n")
    one.file("swarm").write_text(EVERYTHING)
    one.wait(9)
    assert one.configuration.wanted.managers == 1
    one.wait(4)
    assert one.configuration.wanted.managers is None
    assert one.configuration.kept == ()


def test_other_changes_apply_while_a_file_is_gone(folder: Callable[..., Folder]) -> None:
    one = folder(**SPLIT)
    one.file("dependencies").unlink()
    one.wait(3)
    one.file("nodes").write_text(NODES.replace("zfs", "btrfs"))
    one.wait(15)
    assert one.labels["alpha"] == {"ssd": "true", "btrfs": "true"}
    assert set(one.followers) == {"db", "cache"}


def test_a_weaker_file_does_not_take_the_place_of_one_that_is_gone(folder: Callable[..., Folder]) -> None:
    one = folder(swarm="dependencies: {db: [web]}\n", dependencies="db: [web, api]\n")
    one.file("dependencies").unlink()
    one.wait(30)
    assert one.followers == {"db": {"web", "api"}}
    assert one.configuration.kept[0].names == ("dependencies.db",)


@pytest.mark.parametrize("order", ["write first", "remove first", "at once"])
def test_what_was_moved_to_another_file_is_not_kept(folder: Callable[..., Folder], order: str) -> None:
    one = folder(swarm=NODES, dependencies=DEPENDENCIES)
    steps = [lambda: one.file("swarm").write_text(EVERYTHING), lambda: one.file("dependencies").unlink()]
    for step in reversed(steps) if order == "remove first" else steps:
        step()
        if order != "at once":
            one.wait(12)
            assert one.is_as_before
    one.wait(12)
    assert one.is_as_before
    assert one.configuration.kept == ()
    one.file("swarm").write_text(NODES + "dependencies: {db: [web, www]}\n")
    one.wait(15)
    assert one.followers["db"] == {"web", "www"}


def test_a_file_that_vanishes_while_another_is_wrong(folder: Callable[..., Folder]) -> None:
    one = folder(**SPLIT)
    one.file("nodes").write_text("nodes: 3\n")
    one.file("dependencies").unlink()
    with pytest.raises(ConfigError):
        one.wait(2)
    one.wait(30)
    assert one.is_as_before
    one.file("nodes").write_text(NODES)
    one.wait(15)
    assert one.is_as_before
    assert len(one.configuration.kept) == 1


# At the start, and what somebody has confirmed.


@pytest.mark.parametrize(
    ("texts", "nodes", "dependencies"),
    [
        ({"swarm": EVERYTHING}, Removals.ALLOWED, Removals.ALLOWED),
        ({"swarm": NODES}, Removals.ALLOWED, Removals.HELD),
        ({"swarm": DEPENDENCIES}, Removals.HELD, Removals.ALLOWED),
        ({"swarm": ""}, Removals.HELD, Removals.HELD),
        ({"swarm": "leader: alpha\n"}, Removals.HELD, Removals.HELD),
        ({"swarm": "{}"}, Removals.ALLOWED, Removals.ALLOWED),
        ({"nodes": "alpha: {}\n"}, Removals.ALLOWED, Removals.HELD),
        ({"nodes": "", "dependencies": "db: [web]\n"}, Removals.HELD, Removals.ALLOWED),
    ],
)
def test_at_the_start_what_is_absent_holds_removals(
    folder: Callable[..., Folder], texts: dict[str, str], nodes: Removals, dependencies: Removals
) -> None:
    wanted = folder(**texts).configuration.wanted
    assert (wanted.node_removals, wanted.dependency_removals) == (nodes, dependencies)


@pytest.mark.parametrize("how", [*ABSENT, *BLANK])
def test_removals_that_are_accepted_apply_to_what_is_missing_now(
    folder: Callable[..., Folder], how: str
) -> None:
    one = folder(**SPLIT)
    {**ABSENT, **BLANK}[how](one.file("dependencies"))
    one.wait(3)
    assert len(one.configuration.accept_removals()) == (2 if how == "folder" else 1)
    assert one.followers == {}
    wanted = one.configuration.wanted
    assert "dependencies" in wanted.absent_sections
    assert wanted.dependency_removals is Removals.ALLOWED
    if how == "folder":
        return
    assert one.labels == {name: dict(node.labels) for name, node in one.before.nodes.items()}
    # once it was there again, it has to be confirmed again
    if one.file("dependencies").is_symlink():
        one.file("dependencies").unlink()
    one.file("dependencies").write_text(DEPENDENCIES)
    one.wait(3)
    one.file("dependencies").unlink()
    one.wait(30)
    assert one.followers == {"db": {"web", "api"}, "cache": {"worker"}}


def test_removals_that_are_held_since_the_start_are_accepted_until_the_section_is_there(
    folder: Callable[..., Folder],
) -> None:
    one = folder(swarm=NODES)
    assert one.configuration.accept_removals() == ()
    assert one.configuration.wanted.dependency_removals is Removals.ALLOWED
    one.file("swarm").write_text(NODES + "leader: alpha\n")
    one.wait(3)
    assert one.configuration.wanted.dependency_removals is Removals.ALLOWED
    one.file("swarm").write_text(EVERYTHING + "leader: alpha\n")
    one.wait(3)
    assert one.followers == {"db": {"web", "api"}, "cache": {"worker"}}


def test_accepting_does_not_take_what_cannot_be_read_for_nothing(folder: Callable[..., Folder]) -> None:
    one = folder(**SPLIT)
    one.file("dependencies").write_bytes(b"\0\0\0")
    with pytest.raises(ConfigError):
        one.wait(2)
    with pytest.raises(ConfigError):
        one.configuration.accept_removals()
    one.wait(30)
    assert one.is_as_before


def test_accepting_does_not_wait_with_other_removals(folder: Callable[..., Folder]) -> None:
    one = folder(**SPLIT)
    one.file("dependencies").unlink()
    one.file("nodes").write_text("alpha: {labels: [ssd]}\n")
    one.wait(3)
    one.configuration.accept_removals()
    assert (one.labels, one.followers) == ({"alpha": {"ssd": "true"}}, {})


def test_a_command_that_confirms_it_may_start_without_the_files(settings: Settings, tmp_path: Path) -> None:
    missing = replace(settings, config_dir=tmp_path, nodes_file=tmp_path / "no.yml")
    configuration = Configuration(missing, may_be_missing=True)
    assert configuration.wanted.absent_sections == {"nodes", "dependencies"}
    configuration.accept_removals()
    assert configuration.wanted.node_removals is Removals.ALLOWED
