# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scripts for shells; that for bash in a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orcastra_runner import cli
from orcastra_runner.command.table import COMMANDS

# Calls the completion function as bash does when the user presses Tab at the end of the line.
ASK = """
. "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
function_name=$(complete -p orcastra | sed -E 's/.*-F ([^ ]+).*/\\1/')
"$function_name" orcastra "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert cli.main(["completion", "bash"]) == cli.EXIT_OK
    path = tmp_path / "orcastra.bash"
    path.write_text(capsys.readouterr().out)
    return path


def complete(script: Path, folder: Path, *words: str) -> set[str]:
    """What bash suggests for the last of the words after ``orcastra``."""
    result = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", str(script), "orcastra", *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stderr == ""
    return {word.strip() for word in result.stdout.split("\n") if word.strip()}


@needs_bash
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("sta",), {"status"}),
        (("co",), {"command", "completion", "config"}),
        (("config", ""), {"check", "schema"}),
        (("status", "--se"), {"--services"}),
        (("plan", "--format", "j"), {"json"}),
        (("command", "re"), {name for name in COMMANDS if name.startswith("re")}),
        (("completion", ""), set(cli.SHELLS)),
    ],
)
def test_bash_completes_commands_options_and_values(
    script: Path, tmp_path: Path, words: tuple[str, ...], found: set[str]
) -> None:
    assert complete(script, tmp_path, *words) == found


@needs_bash
def test_bash_completes_paths(script: Path, tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / "setting.txt").touch()
    assert {path.rstrip("/") for path in complete(script, tmp_path, "plan", "--config", "set")} == {
        "settings"
    }
    found = complete(script, tmp_path, "init", "--output", "set")
    assert {path.rstrip("/") for path in found} == {"settings", "setting.txt"}


@pytest.mark.parametrize("shell", cli.SHELLS)
def test_completion_has_all_commands(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == cli.EXIT_OK
    script = capsys.readouterr().out
    for command in ("what-if", "completion", *COMMANDS):
        assert command in script


def test_completion_works_with_invalid_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RELABEL_TIME", "soon")
    assert cli.main(["completion", "bash"]) == cli.EXIT_OK
    assert "orcastra" in capsys.readouterr().out
