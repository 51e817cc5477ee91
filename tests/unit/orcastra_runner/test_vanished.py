# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and sections that disappear stay in effect, until the user confirms the removal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import Removals
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from orcastra_runner.configuration import Configuration
from orcastra_runner.settings import Settings
from tests.unit.orcastra_runner.config_folder import DEPENDENCIES, EVERYTHING, NODES, Folder
from tests.unit.orcastra_runner.conftest import Clock


@pytest.fixture
def folder(settings: Settings, config_dir: Path, clock: Clock) -> Callable[..., Folder]:
    return lambda **texts: Folder(settings, config_dir, clock, **texts)


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
def test_missing_file_stays_in_effect(folder: Callable[..., Folder], files: str, how: str) -> None:
    one = folder(**({"swarm": EVERYTHING} if files == "one" else SPLIT))
    file = one.file("swarm" if files == "one" else files)
    text = file.read_text()
    {**ABSENT, **BLANK}[how](file)
    # a request to sync does not confirm anything
    assert one.wait(60) == one.wait(1, at_once=True) == []
    assert one.is_as_before
    assert one.configuration.desired.absent_sections == frozenset()
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
def test_unreadable_file_stays_in_effect(folder: Callable[..., Folder], files: str, how: str) -> None:
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


def test_unreadable_file_is_retried(folder: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch) -> None:
    one = folder(swarm=EVERYTHING)
    file = one.file("swarm")
    file.write_text(EVERYTHING + "leader: alpha\n")
    with monkeypatch.context() as patched:
        # root can read a file of any mode
        patched.setattr(Path, "open", denied)
        with pytest.raises(ConfigError) as caught:
            one.wait(2)
        assert caught.value.problems[0].found == "denied"
        assert one.wait(30) == []
    assert one.wait(1) == ["leader changed from None to alpha"]


@pytest.mark.parametrize(
    "text", ["", "dependencies:\n", "dependencies: ~\n", "dependencies:\n  # db: [web]\n"]
)
def test_missing_section_stays_in_effect(folder: Callable[..., Folder], text: str) -> None:
    one = folder(swarm=EVERYTHING)
    one.file("swarm").write_text(NODES.replace("zfs", "btrfs") + text)
    one.wait(60)
    assert one.followers == {"db": {"web", "api"}, "cache": {"worker"}}
    assert one.labels["alpha"] == {"ssd": "true", "btrfs": "true"}
    (kept,) = one.configuration.kept
    assert (kept.section, kept.is_blank) == ("dependencies", text != "")
    assert set(kept.names) == {"dependencies.db", "dependencies.cache"}


@pytest.mark.parametrize("text", ["options: {prune_unknown_labels: true}\n", "swarm: {autolock: true}\n"])
def test_missing_sections_that_are_mappings_stay_in_effect(folder: Callable[..., Folder], text: str) -> None:
    one = folder(swarm=EVERYTHING + text)
    one.file("swarm").write_text(EVERYTHING)
    one.wait(30)
    assert one.configuration.desired == one.before
    assert len(one.configuration.kept) == 1
    one.file("swarm").write_text(EVERYTHING + text.partition(":")[0] + ": {}\n")
    one.wait(15)
    assert one.configuration.desired != one.before


def test_missing_value_is_dropped_once_the_file_is_stable(folder: Callable[..., Folder]) -> None:
    one = folder(swarm=EVERYTHING + "managers: 1\n")
    one.file("swarm").write_text(EVERYTHING)
    one.wait(9)
    assert one.configuration.desired.managers == 1
    one.wait(4)
    assert one.configuration.desired.managers is None
    assert one.configuration.kept == ()


def test_missing_file_does_not_block_other_changes(folder: Callable[..., Folder]) -> None:
    one = folder(**SPLIT)
    one.file("dependencies").unlink()
    one.wait(3)
    one.file("nodes").write_text(NODES.replace("zfs", "btrfs"))
    one.wait(15)
    assert one.labels["alpha"] == {"ssd": "true", "btrfs": "true"}
    assert set(one.followers) == {"db", "cache"}


def test_missing_file_is_not_replaced_by_a_weaker_one(folder: Callable[..., Folder]) -> None:
    one = folder(swarm="dependencies: {db: [web]}\n", dependencies="db: [web, api]\n")
    one.file("dependencies").unlink()
    one.wait(30)
    assert one.followers == {"db": {"web", "api"}}
    assert one.configuration.kept[0].names == ("dependencies.db",)


@pytest.mark.parametrize("order", ["write first", "remove first", "at once"])
def test_entry_moved_to_another_file_is_not_retained(folder: Callable[..., Folder], order: str) -> None:
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


def test_missing_file_stays_in_effect_while_another_is_invalid(folder: Callable[..., Folder]) -> None:
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


# At the start, and confirmed removals.


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
def test_section_absent_at_the_start_blocks_removals(
    folder: Callable[..., Folder], texts: dict[str, str], nodes: Removals, dependencies: Removals
) -> None:
    desired = folder(**texts).configuration.desired
    assert (desired.node_removals, desired.dependency_removals) == (nodes, dependencies)


@pytest.mark.parametrize("how", [*ABSENT, *BLANK])
def test_accept_removals_applies_to_currently_missing_sections(
    folder: Callable[..., Folder], how: str
) -> None:
    one = folder(**SPLIT)
    {**ABSENT, **BLANK}[how](one.file("dependencies"))
    one.wait(3)
    assert len(one.configuration.accept_removals()) == (2 if how == "folder" else 1)
    assert one.followers == {}
    desired = one.configuration.desired
    assert "dependencies" in desired.absent_sections
    assert desired.dependency_removals is Removals.ALLOWED
    if how == "folder":
        return
    assert one.labels == {name: dict(node.labels) for name, node in one.before.nodes.items()}
    # after it existed again, it must be confirmed again
    if one.file("dependencies").is_symlink():
        one.file("dependencies").unlink()
    one.file("dependencies").write_text(DEPENDENCIES)
    one.wait(3)
    one.file("dependencies").unlink()
    one.wait(30)
    assert one.followers == {"db": {"web", "api"}, "cache": {"worker"}}


def test_accept_removals_lasts_until_the_section_exists_again(
    folder: Callable[..., Folder],
) -> None:
    one = folder(swarm=NODES)
    assert one.configuration.accept_removals() == ()
    assert one.configuration.desired.dependency_removals is Removals.ALLOWED
    one.file("swarm").write_text(NODES + "leader: alpha\n")
    one.wait(3)
    assert one.configuration.desired.dependency_removals is Removals.ALLOWED
    one.file("swarm").write_text(EVERYTHING + "leader: alpha\n")
    one.wait(3)
    assert one.followers == {"db": {"web", "api"}, "cache": {"worker"}}


def test_accept_removals_keeps_unreadable_files(folder: Callable[..., Folder]) -> None:
    one = folder(**SPLIT)
    one.file("dependencies").write_bytes(b"\0\0\0")
    with pytest.raises(ConfigError):
        one.wait(2)
    with pytest.raises(ConfigError):
        one.configuration.accept_removals()
    one.wait(30)
    assert one.is_as_before


def test_accept_removals_applies_delayed_removals(folder: Callable[..., Folder]) -> None:
    one = folder(**SPLIT)
    one.file("dependencies").unlink()
    one.file("nodes").write_text("alpha: {labels: [ssd]}\n")
    one.wait(3)
    one.configuration.accept_removals()
    assert (one.labels, one.followers) == ({"alpha": {"ssd": "true"}}, {})


def test_accept_removals_runs_without_files(settings: Settings, tmp_path: Path) -> None:
    missing = replace(settings, config_dir=tmp_path, nodes_file=tmp_path / "no.yml")
    configuration = Configuration(missing, may_be_missing=True)
    assert configuration.desired.absent_sections == {"nodes", "dependencies"}
    configuration.accept_removals()
    assert configuration.desired.node_removals is Removals.ALLOWED
