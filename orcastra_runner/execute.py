# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a playbook of the collection through ansible-runner, and returns its result as plain data.

This is the only module that imports ansible_runner, and only when the first playbook starts: most cycles need
none.

The files that ansible-runner writes (the whole environment, extra variables, each event) may contain
secrets, and they grow without limit. The playbook therefore gets only the environment that it needs,
temporary files are in a private folder that is removed with the process, and only the output of a run is
kept, truncated, if configured.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from ansible_collections.orcastra.swarm.plugins.module_utils._model import errors
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import text_of
from orcastra_runner.folder import PrivateFolder

# Interval at which ansible-runner checks whether it must stop, in seconds.
POLL_SECONDS = 0.5
KEPT_OUTPUT_BYTES = 1024 * 1024
KEPT_LINES = 40

# Variables that ansible-playbook, the Docker SDK and ssh need; no others are passed on.
PASSED_ON = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TZ|TMPDIR|SSH_AUTH_SOCK|VIRTUAL_ENV|PYTHONPATH|LD_LIBRARY_PATH"
    r"|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy"
    r"|(DOCKER|ANSIBLE)_\w+"
)
# without this, a persistent connection to a host that lost power would hang for 15 minutes
KEEPALIVE = "-o ServerAliveInterval=5 -o ServerAliveCountMax=3"
ADDED_BY_ANSIBLE_RUNNER = re.compile(r"AWX_ISOLATED_DATA_DIR|ORIGINAL_STDOUT_CALLBACK|RUNNER_\w+")
RUN_NAME = re.compile(r"\d{8}T\d{6}Z-[\w.]+-[0-9a-f]{8}")


class PlaybookError(OrcastraError):
    """A playbook could not be started."""


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The result of a task on a host. ``plan``, ``notes`` and ``warnings`` are those of our modules."""

    task: str
    host: str
    ok: bool
    changed: bool
    message: str = ""
    plan: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaybookResult:
    """The result of a playbook. ``status`` is ``successful``, ``failed``, ``timeout`` or ``canceled``.

    ``output`` has the last lines that Ansible printed; ``stats`` are the values of ``set_stats``.
    """

    playbook: str
    status: str
    seconds: float
    tasks: tuple[TaskResult, ...] = ()
    output: tuple[str, ...] = ()
    stats: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.status == "successful"

    @property
    def changed(self) -> bool:
        return any(task.changed for task in self.tasks)

    @property
    def problem(self) -> str:
        """The reason why the playbook failed."""
        if self.status == "timeout":
            return f"playbook {self.playbook} timed out after {self.seconds:.0f} s"
        if self.status == "canceled":
            return f"playbook {self.playbook} was canceled: Orcastra was asked to stop"
        failed = [task for task in self.tasks if not task.ok]
        if failed:
            text = "; ".join(f"{task.message or 'no reason given'} (task {task.task})" for task in failed)
            return f"playbook {self.playbook}: {text}"
        errors = [line for line in self.output if "ERROR" in line]
        text = " ".join(errors[:3] or self.output[-3:])
        return f"playbook {self.playbook} failed: {text or 'it printed nothing'}"


class PlaybookRunner:
    """Runs playbooks one at a time, from a private folder that ``close`` removes."""

    def __init__(
        self,
        *,
        timeout: float,
        artifacts_dir: Path | None = None,
        keep: int = 20,
        on_line: Callable[[str], None] = lambda _line: None,
        on_task: Callable[[str | None], None] = lambda _name: None,
    ) -> None:
        """``timeout`` is in seconds and applies to each playbook; ``on_line`` gets each line that Ansible
        prints, ``on_task`` the name of each task when it starts, and None at the end.

        The output of the last ``keep`` runs is kept in ``artifacts_dir``, if given.
        """
        self._timeout = timeout
        self._artifacts_dir = artifacts_dir
        self._keep = keep
        self._on_line = on_line
        self._on_task = on_task
        self._private = PrivateFolder()

    def close(self) -> None:
        """Remove all temporary files."""
        self._private.remove()

    def run(
        self,
        playbook: str,
        extra_vars: Mapping[str, Any],
        should_stop: Callable[[], bool] = lambda: False,
        inventory: Path | None = None,
        *,
        has_limit: bool = True,
        check: bool = False,
    ) -> PlaybookResult:
        """Run a playbook, by name or path, on this host or on ``inventory``, and wait for its end.

        ``extra_vars`` are passed literally; templates in them are not expanded. ``should_stop`` is called
        twice a second; as soon as it returns true, the playbook is killed. ``has_limit``: whether the
        timeout applies. ``check``: run in check mode. Raises PlaybookError if the playbook cannot be
        started.
        """
        import ansible_runner  # noqa: PLC0415 - costs time and memory, which a quiet swarm doesn't need

        started = time.monotonic()
        short_name = Path(playbook).name.removesuffix(".yml").rpartition(".")[2]
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{short_name}-{uuid4().hex[:8]}"
        watcher = _Watcher(self._on_line, self._on_task)
        hosts = inventory.absolute() if inventory else self._folder / "inventory" / "hosts.yml"
        try:
            self._write_inputs(extra_vars)
            artifacts = self._make_artifacts_dir()
            config = ansible_runner.RunnerConfig(
                private_data_dir=str(self._folder),
                artifact_dir=str(artifacts),
                ident=name,
                playbook=playbook,
                cmdline="--check" if check else None,
                inventory=str(hosts),
                timeout=max(1, round(self._timeout)) if has_limit else None,
                quiet=True,
                suppress_ansible_output=True,
                fact_cache_type="memory",
                envvars=self._environment(is_local=inventory is None),
            )
            config.prepare()
            config.env = {name: value for name, value in config.env.items() if _is_passed_on(name)}
            runner = ansible_runner.Runner(config, event_handler=watcher.see, cancel_callback=should_stop)
            try:
                _run(runner)
            finally:
                self._on_task(None)
                if runner.canceled or runner.timed_out:
                    _kill_leftovers(artifacts / name)
                self._tidy(artifacts / name)
        except (OSError, ansible_runner.exceptions.AnsibleRunnerException) as error:
            raise PlaybookError(f"playbook {playbook} could not be started: {error}") from error
        return PlaybookResult(
            playbook=playbook,
            status=_status(runner),
            seconds=time.monotonic() - started,
            tasks=tuple(watcher.tasks),
            output=tuple(watcher.lines),
            stats=watcher.stats,
        )

    @property
    def _folder(self) -> Path:
        return self._private.path()

    def _write_inputs(self, extra_vars: Mapping[str, Any]) -> None:
        """Write the inputs of ansible-runner to files, so that none of them appears on a command line."""
        inventory = {
            "all": {
                "hosts": {
                    "localhost": {
                        "ansible_connection": "local",
                        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                    }
                }
            }
        }
        lines = [f"{name}: !unsafe {_flow(value)}\n" for name, value in extra_vars.items()]
        _write_private(self._folder / "env" / "extravars", "".join(lines) or "{}\n")
        _write_private(self._folder / "env" / "settings", yaml.safe_dump({"pexpect_timeout": POLL_SECONDS}))
        _write_private(self._folder / "inventory" / "hosts.yml", yaml.safe_dump(inventory))

    def _environment(self, *, is_local: bool) -> dict[str, str]:
        """Return the variables that differ from our own environment."""
        # ansible-playbook must be the one of our own Python environment, not a shim of the same name
        # elsewhere
        path = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        environment = {
            "PATH": os.pathsep.join(path),
            "LC_ALL": "C.UTF-8",  # Ansible refuses to start without UTF-8
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_FORCE_COLOR": "false",
            "ANSIBLE_COLLECTIONS_PATH": _collections_path(),
            "ANSIBLE_LOCAL_TEMP": str(self._folder / "tmp"),
        }
        if is_local:
            environment["ANSIBLE_REMOTE_TEMP"] = str(self._folder / "tmp")
        # pass module arguments through a pipe, not a file
        environment["ANSIBLE_PIPELINING"] = os.environ.get("ANSIBLE_PIPELINING", "true")
        # the home folder may be read-only, as it is in the container
        environment["ANSIBLE_SSH_CONTROL_PATH_DIR"] = os.environ.get(
            "ANSIBLE_SSH_CONTROL_PATH_DIR", str(self._folder / "cp")
        )
        environment["ANSIBLE_SSH_EXTRA_ARGS"] = os.environ.get("ANSIBLE_SSH_EXTRA_ARGS", KEEPALIVE)
        return environment

    def _make_artifacts_dir(self) -> Path:
        if self._artifacts_dir is None:
            return self._folder / "artifacts"
        self._artifacts_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._artifacts_dir.absolute()

    def _tidy(self, artifacts: Path) -> None:
        """Keep only the output of a run, and only the last runs."""
        (self._folder / "env" / "extravars").unlink(missing_ok=True)
        if self._artifacts_dir is None:
            shutil.rmtree(artifacts, ignore_errors=True)
            return
        (artifacts / "command").unlink(missing_ok=True)  # holds the environment
        for unwanted in ("job_events", "fact_cache"):
            shutil.rmtree(artifacts / unwanted, ignore_errors=True)
        for output in ("stdout", "stderr"):
            _cut(artifacts / output)
        # delete only folders with names like ours, because the folder belongs to the user
        runs = sorted(path for path in artifacts.parent.iterdir() if RUN_NAME.fullmatch(path.name))
        for run in runs[: -self._keep]:
            shutil.rmtree(run, ignore_errors=True)


@dataclass(slots=True)
class _Watcher:
    """Collects results and output from the events of ansible-runner."""

    on_line: Callable[[str], None]
    on_task: Callable[[str | None], None] = lambda _name: None
    tasks: list[TaskResult] = field(default_factory=list)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    stats: dict[str, Any] = field(default_factory=dict)

    def see(self, event: Mapping[str, Any]) -> bool:
        """Process an event. Returns False, so that ansible-runner doesn't write it to a file."""
        for line in event.get("stdout", "").splitlines():
            if line.strip():
                self.lines.append(line.rstrip())
                self.on_line(line.rstrip())
        kind = event.get("event")
        if kind == "playbook_on_task_start":
            self.on_task(str(event.get("event_data", {}).get("task", "")) or None)
        if kind == "playbook_on_stats":
            self.stats.update(event.get("event_data", {}).get("artifact_data") or {})
        if kind in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable"):
            data = event.get("event_data", {})
            result = data.get("res") or {}
            self.tasks.append(
                TaskResult(
                    task=data.get("task", ""),
                    host=data.get("host", ""),
                    ok=kind == "runner_on_ok" or bool(data.get("ignore_errors")),
                    changed=bool(result.get("changed")),
                    message=str(result.get("msg", "")),
                    plan=tuple(result.get("plan") or ()),
                    notes=tuple(text_of(note) for note in result.get("notes") or ()),
                    warnings=tuple(result.get("warnings") or ()),
                )
            )
        return False


def _run(runner: Any) -> None:
    import pexpect  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with ansible-runner

    try:
        runner.run()
    except pexpect.TIMEOUT:
        # After killing the playbook, ansible-runner waits for the end of its output, which an orphaned
        # process of the playbook may keep open.
        if not (runner.canceled or runner.timed_out):
            raise


def _status(runner: Any) -> str:
    if runner.canceled:
        return "canceled"
    return "timeout" if runner.timed_out else str(runner.status)


def _kill_leftovers(artifacts: Path) -> None:
    """Kill orphaned processes of a killed playbook.

    ansible-runner kills the process group, but Ansible runs each task in its own session. A variable in their
    environment, which contains the name of the run, identifies them.
    """
    mark = f"AWX_ISOLATED_DATA_DIR={artifacts}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue  # it has just ended, or belongs to another user


def _is_passed_on(name: str) -> bool:
    return bool(PASSED_ON.fullmatch(name) or ADDED_BY_ANSIBLE_RUNNER.fullmatch(name)) or name == "LC_ALL"


def _collections_path() -> str:
    """Return the search path for collections: ours first, so that runner and playbooks have the same
    release.
    """
    ours = str(Path(errors.__file__).parents[6])
    theirs = os.environ.get(
        "ANSIBLE_COLLECTIONS_PATH", "~/.ansible/collections:/usr/share/ansible/collections"
    )
    return f"{ours}:{theirs}"


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=sys.maxsize)
    return text.removesuffix("...\n").strip()


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _cut(path: Path) -> None:
    """Truncate a file that is too long to its end."""
    try:
        size = path.stat().st_size
        if size <= KEPT_OUTPUT_BYTES:
            return
        with path.open("rb") as file:
            file.seek(size - KEPT_OUTPUT_BYTES)
            end = file.read()
        path.write_bytes(b"[the beginning was truncated]\n" + end)
    except FileNotFoundError:
        return
