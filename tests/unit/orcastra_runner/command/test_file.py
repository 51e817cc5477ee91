# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command file: valid entries, errors with their lines, identities, and changes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orcastra_runner.command.file import MAX_ENTRIES, CommandFile, Content, parse_words
from orcastra_runner.command.table import COMMANDS, commands_help
from orcastra_runner.settings import UsageError
from tests.conftest import CHECKOUT

KEYS = "command, service, id, expires"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "swarm-orch.command.yml"


def read(path: Path, text: str) -> Content:
    path.write_text(text)
    file = CommandFile(path)
    file.refresh(at_once=True)
    assert file.content is not None
    return file.content


def words(content: Content) -> list[str]:
    return [entry.words for entry in content.entries]


def test_command_file_accepts_strings_and_mappings(path: Path) -> None:
    content = read(
        path,
        "- relabel_all\n"
        "- restart_service:shop_app\n"
        "- {command: restart_service, service: shop_app, id: 7, expires: 2026-01-31T18:00:00+01:00}\n"
        "- {command: 'drain_node:mgr-a', id: x y}\n",
    )
    assert not content.problems
    assert words(content) == [
        "relabel_all",
        "restart_service shop_app",
        "restart_service shop_app",
        "drain_node mgr-a",
    ]
    assert [entry.id for entry in content.entries] == [None, None, "7", "x y"]
    assert [entry.line for entry in content.entries] == [1, 2, 3, 4]
    assert content.entries[2].expires == datetime(2026, 1, 31, 17, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("relable_all", r": \[0\]: expected one of relabel_all, .*; did you mean 'relabel_all'"),
        (
            "restart_service",
            r": \[0\]: expected restart_service:SERVICE with the name of a service, found no",
        ),
        ("'restart_service:'", r"with the name of a service, found nothing"),
        ("restart_service:a/b", "with the name of a service, found 'a/b'"),
        ("relabel_all:now", "expected relabel_all without an argument, found 'now'"),
        ("restart_service: web", r"expected 'restart_service:SERVICE', or the key command, found 'restart_s"),
        ("{id: x}", r"\[0\].command: expected one of relabel_all, .*, found nothing"),
        ("{command: relabel_all, id: ''}", r"\[0\].id: expected "),
        ("{command: relabel_all, id: [a]}", r"\[0\].id: expected "),
        ("{command: relabel_all, id: true}", r"\[0\].id: expected "),
        ("{command: relabel_all, expires: soon}", r"expires: expected a time such as .*, found 'soon'"),
        ("{command: relabel_all, expires: 60}", r"expires: expected a time such as .*, found the number 60"),
        ("{command: relabel_all, service: x}", r"service: expected one of command, id, expires, found"),
        ("{command: restart_service, sevice: x}", f"expected one of {KEYS}, found 'sevice'; did you mean"),
        ("{command: restart_service, service: 5}", r"service: expected the name of a service, found the num"),
        ("{command: 'restart_service:a', service: b}", r"service: expected the service once, found "),
        ("{command: restart_service, service: a, service: b}", r"expected each key once, found "),
        ("{command: [relabel_all]}", r"\[0\].command: expected the name of a command, found the list"),
        ("!!python/object:os.system {}", r"expected a plain value, found the tag"),
        ("5", r"\[0\]: expected a command such as relabel_all or restart_service:NAME, found the number 5"),
    ],
)
def test_command_file_reports_invalid_entry_and_reads_the_next(path: Path, entry: str, problem: str) -> None:
    content = read(path, f"- {entry}\n- relabel_all\n")
    assert words(content) == ["relabel_all"]
    text = "\n".join(str(found) for found in content.problems)
    assert text.startswith(f"{path}:1: ")
    assert re.search(problem, text), text
    assert content.is_known


def test_command_file_accepts_each_id_once(path: Path) -> None:
    content = read(path, "- {command: relabel_all, id: a}\n- {command: rebalance, id: a}\n")
    assert words(content) == ["relabel_all"]
    (problem,) = content.problems
    assert (problem.line, problem.key) == (2, "[1].id")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("restart_service: web\n", ":1: expected a list of commands, found the mapping"),
        ("- [a\n", ": expected valid YAML, found "),
        ("relabel_all\n", ":1: expected a list of commands, found 'relabel_all'"),
    ],
)
def test_command_file_that_is_not_a_list_is_one_problem(path: Path, text: str, expected: str) -> None:
    content = read(path, text)
    (problem,) = content.problems
    assert expected.rsplit(":", maxsplit=1)[-1] in str(problem)
    assert str(path) in str(problem)
    assert (content.entries, content.is_known) == ((), False)


def test_command_file_limits_the_number_of_entries(path: Path) -> None:
    content = read(path, "- relabel_all\n" * (MAX_ENTRIES + 2))
    assert len(content.entries) == MAX_ENTRIES
    (problem,) = content.problems
    assert (problem.key, problem.found) == (f"[{MAX_ENTRIES}]", str(MAX_ENTRIES + 2))


def test_entry_keys_identify_equal_commands_by_number(path: Path) -> None:
    content = read(
        path,
        "- restart_service:a\n"
        "- {command: restart_service, service: a}\n"
        "- restart_service:b\n"
        "- {command: restart_service, service: a, id: x}\n"
        "- {command: restart_service, service: a, expires: 2030-01-01}\n",
    )
    first, second, third, fourth, fifth = (entry.key for entry in content.entries)
    assert first.endswith("#1")
    assert second == first.replace("#1", "#2")
    assert len({first, second, third, fourth, fifth}) == 5
    assert fourth == "id:x"
    # the position in the file does not matter
    moved = read(path, "- relabel_all\n- restart_service:b\n- restart_service:a\n")
    assert [entry.key for entry in moved.entries][1:] == [third, first]


def test_refresh_reads_a_change_once_it_is_stable(path: Path) -> None:
    path.write_text("- relabel_all\n")
    file = CommandFile(path)
    assert (file.refresh(), file.content) == (False, None)
    assert file.refresh() is True
    assert file.refresh() is False
    path.write_text("- relabel_all\n- rebalance\n")
    assert file.refresh() is False
    path.write_text("- relabel_all\n- rebalance\n- refresh_mods\n")
    assert file.refresh() is False
    assert file.refresh() is True
    assert file.content is not None
    assert len(file.content.entries) == 3
    path.write_text("- rebalance\n")
    assert file.refresh(at_once=True) is True


def test_refresh_treats_a_file_that_disappeared_as_empty(path: Path) -> None:
    file = CommandFile(path)
    assert file.refresh(at_once=True) is True
    assert file.content == Content(is_known=False)
    path.write_text("- relabel_all\n")
    file.refresh(at_once=True)
    path.unlink()
    file.refresh(at_once=True)
    assert file.content == Content(is_known=True)
    assert len(file.known) == 1


def test_command_file_without_entries_is_an_empty_list(path: Path) -> None:
    assert read(path, "# nothing\n") == Content(is_known=True)


def test_parse_words_accepts_the_syntax_of_the_file() -> None:
    command, argument = parse_words("restart_service", "shop_app", None)
    assert (command.name, argument) == ("restart_service", "shop_app")
    for arguments in (
        ("nonsense", None, None),
        ("restart_service", None, None),
        ("relabel_all", "x", None),
        ("relabel_all", None, "x" * 65),
    ):
        with pytest.raises(UsageError, match="expected "):
            parse_words(*arguments)


def test_command_table_matches_help_and_documentation() -> None:
    page = (CHECKOUT / "docs" / "guides" / "command-file.md").read_text()
    for command in COMMANDS.values():
        assert command.usage.replace(":", " ") in commands_help()
        assert len([line for line in page.splitlines() if line.startswith(f"| `{command.usage}` |")]) == 1


def test_command_playbooks_exist() -> None:
    for command in [one for one in COMMANDS.values() if not one.accepts_removals]:
        name = command.playbook.rpartition(".")[2]
        assert (CHECKOUT / "playbooks" / f"{name}.yml").is_file()
