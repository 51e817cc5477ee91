# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running real (tiny) playbooks: results, files that remain, and how they are stopped."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orcastra_runner.execute import KEPT_OUTPUT_BYTES, PlaybookResult, PlaybookRunner, TaskResult, _cut
from tests.support.runner_process import environment

SECRET = "planted-secret-53cr37"

HEAD = "- hosts: \"{{ orcastra_hosts | default('localhost') }}\"\n  gather_facts: false\n  tasks:\n"

SAY = (
    HEAD
    + """
    - name: Return statistics to the caller
      ansible.builtin.set_stats:
        data: {left: {id-a: a}}
        aggregate: false
    - name: Say
      ansible.builtin.debug:
        msg: "{{ word }} {{ lookup('ansible.builtin.env', 'APP_PASSWORD') }}"
      changed_when: true
    - name: Look at ourselves
      ansible.builtin.command: cat /proc/self/environ
      register: environment_seen
      changed_when: false
    - name: The environment has only the variables that are needed
      ansible.builtin.assert:
        that:
          - "'DOCKER_HOST=unix:///x.sock' in environment_seen.stdout"
          - "'APP_PASSWORD' not in environment_seen.stdout"
          - "'ANSIBLE_SSH_EXTRA_ARGS=-o ServerAliveInterval=5' in environment_seen.stdout"
          - environment_seen.stdout is search("ANSIBLE_SSH_CONTROL_PATH_DIR=.+/orcastra-run-")
          - ansible_playbook_python in [this_python]
"""
)

FAIL = (
    HEAD
    + """
    - name: Ignored
      ansible.builtin.fail:
        msg: never mind
      ignore_errors: true
    - name: Boom
      ansible.builtin.fail:
        msg: it was not to be
"""
)

HANG = (
    HEAD
    + """
    - name: Hang
      ansible.builtin.command: "sh -c 'echo $$ > {{ marker }}; exec sleep 300'"
      changed_when: false
"""
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in {"say": SAY, "fail": FAIL, "hang": HANG}.items():
        (folder / f"{name}.yml").write_text(text)
    return folder


@pytest.fixture
def runner() -> Iterator[PlaybookRunner]:
    runner = PlaybookRunner(timeout=60)
    yield runner
    runner.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


def test_run_returns_results_and_leaves_no_secrets(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_PASSWORD", SECRET)
    monkeypatch.setenv("DOCKER_HOST", "unix:///x.sock")
    monkeypatch.setenv("LC_ALL", "C")
    artifacts = tmp_path / "artifacts"
    lines: list[str] = []
    runner = PlaybookRunner(timeout=60, artifacts_dir=artifacts, keep=5, on_line=lines.append)
    folder = runner._folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    word = "{{ 7 * 7 }} ünïcödé \U0001f433 'quoted' \"twice\""
    result = runner.run(str(project / "say.yml"), {"word": word, "this_python": sys.executable})
    assert result.status == "successful", result.problem
    assert result.ok
    assert result.changed
    assert result.tasks[1].task == "Say"
    assert result.tasks[1].message == f"{word} "
    assert result.stats == {"left": {"id-a": "a"}}
    assert any("Say" in line for line in lines)

    kept = [path for root in (artifacts, folder) for path in root.rglob("*") if path.is_file()]
    for path in kept:
        assert SECRET not in path.read_text(errors="replace"), path
    (run,) = artifacts.iterdir()
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert sorted(path.name for path in run.iterdir()) == ["rc", "status", "stderr", "stdout"]
    assert not (folder / "env" / "extravars").exists()
    runner.close()
    assert not folder.exists()


def test_run_reports_the_message_of_the_failed_task(project: Path, runner: PlaybookRunner) -> None:
    result = runner.run(str(project / "fail.yml"), {})
    assert not result.ok
    assert result.status == "failed"
    assert "it was not to be" in result.problem
    assert "never mind" not in result.problem
    assert not list((runner._folder / "artifacts").iterdir())


def test_run_reports_a_missing_playbook(runner: PlaybookRunner) -> None:
    result = runner.run("orcastra.swarm.no_such_playbook", {})
    assert not result.ok
    assert "could not be found" in result.problem


def test_run_recreates_its_folder(project: Path, runner: PlaybookRunner) -> None:
    shutil.rmtree(runner._folder)
    assert "it was not to be" in runner.run(str(project / "fail.yml"), {}).problem
    assert stat.S_IMODE(runner._folder.stat().st_mode) == 0o700


def test_run_kills_all_processes_when_asked_to_stop(
    project: Path, tmp_path: Path, runner: PlaybookRunner
) -> None:
    marker = tmp_path / "marker"
    result = runner.run(str(project / "hang.yml"), {"marker": str(marker)}, marker.exists)
    assert result.status == "canceled"
    wait_until_gone(int(marker.read_text()))


def test_run_kills_the_playbook_after_the_timeout(project: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    runner = PlaybookRunner(timeout=2)
    result = runner.run(str(project / "hang.yml"), {"marker": str(marker)})
    runner.close()
    assert result.status == "timeout"
    assert 2 <= result.seconds < 60
    if marker.exists():  # it may not have come that far
        wait_until_gone(int(marker.read_text()))


def test_run_keeps_only_the_last_runs_and_other_folders(project: Path, tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    runner = PlaybookRunner(timeout=60, artifacts_dir=artifacts, keep=2)
    artifacts.mkdir()
    (artifacts / "of-the-user").mkdir()
    for second in range(5):
        (artifacts / f"2026010{second}T000000Z-label_sync-0123abcd").mkdir()
    runner.run(str(project / "fail.yml"), {})
    runner.close()
    names = sorted(path.name for path in artifacts.iterdir())
    assert len(names) == 3
    assert "20260104T000000Z-label_sync-0123abcd" in names
    assert "of-the-user" in names


def test_cut_keeps_the_end_of_a_long_output(tmp_path: Path) -> None:
    path = tmp_path / "stdout"
    path.write_bytes(b"a" * KEPT_OUTPUT_BYTES + b"the end")
    _cut(path)
    assert path.stat().st_size < KEPT_OUTPUT_BYTES + 100
    assert path.read_bytes().startswith(b"[")
    assert path.read_bytes().endswith(b"the end")
    _cut(tmp_path / "nothing")


def test_problem_names_playbook_and_task() -> None:
    assert PlaybookResult("p", "failed", 1.0).problem.startswith("playbook p failed: ")
    task = TaskResult("Label", "localhost", ok=False, changed=False, message="no")
    assert PlaybookResult("p", "failed", 1.0, tasks=(task,)).problem == "playbook p: no (task Label)"


def test_ansible_runner_is_imported_only_when_needed() -> None:
    code = "import sys, orcastra_runner.commands; print('ansible_runner' in sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert out.stdout == "False\n"
