# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which paths of the machine a lab's hosts see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import shared
from tests.lab.errors import LabError


def test_checkout_and_interpreter_are_shared() -> None:
    found = shared.paths()
    for path in (shared.CHECKOUT, Path(sys.executable).absolute()):
        assert any(one == path or one in path.parents for one in found)


def test_shared_paths_contain_no_path_below_another() -> None:
    found = shared.paths()
    assert not any(one in path.parents for one in found for path in found)


@pytest.mark.parametrize("base", ["/usr", "/usr/local"])
def test_folders_with_a_hosts_own_programs_are_not_shared_whole(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", base)
    assert not {Path("/usr"), Path("/usr/local")} & set(shared.paths())


def test_an_interpreter_reached_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tmp_path / "python-3.12.1"
    real.mkdir()
    link = tmp_path / "python"
    link.symlink_to(real)
    monkeypatch.setattr(sys, "base_prefix", str(link))
    assert {link, real} <= set(shared.paths())


class HostThat:
    def __init__(self, answer: subprocess.CompletedProcess[str] | Exception) -> None:
        self._answer = answer

    def run(self, *_arguments: object, **_options: object) -> subprocess.CompletedProcess[str]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_check_accepts_a_host_that_runs_the_code() -> None:
    shared.check(HostThat(subprocess.CompletedProcess([], 0, "", "")))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (subprocess.CompletedProcess([], 127, "", "nsenter: not found"), "not found"),
        (subprocess.CompletedProcess([], 1, "", "Traceback\nImportError: x"), "ImportError: x"),
        (subprocess.CompletedProcess([], 1, "", ""), "exit code 1"),
        (subprocess.TimeoutExpired([], 20), "20 s"),
    ],
)
def test_check_says_why_a_host_cannot(
    answer: subprocess.CompletedProcess[str] | Exception, found: str
) -> None:
    with pytest.raises(LabError) as raised:
        shared.check(HostThat(answer))
    assert found in str(raised.value)
