# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A clean environment, the log as data, and a clock that the test moves."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from orcastra_runner import log
from orcastra_runner.settings import VARIABLES, Settings, read_settings
from tests.support.log_entry import sentence


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of the developer."""
    for name in list(os.environ):
        if name.startswith(("ORCASTRA_", "DOCKER_")) or name in {variable.name for variable in VARIABLES}:
            monkeypatch.delenv(name)


@pytest.fixture
def settings() -> Settings:
    """The default settings."""
    return read_settings()


@dataclass
class Log:
    """The log, in the JSON format."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def sentences(self) -> list[str]:
        """Each entry as ``level event[: summary]``, without debug entries."""
        return [f"{entry['level']} {sentence(entry)}" for entry in self.entries if entry["level"] != "debug"]

    @property
    def events(self) -> list[str]:
        """The event of each entry, without debug entries."""
        return [entry["event"] for entry in self.entries if entry["level"] != "debug"]

    def clear(self) -> None:
        self.stream.seek(0)
        self.stream.truncate()


@pytest.fixture
def logged() -> Iterator[Log]:
    """Everything logged during the test, including debug entries."""
    captured = Log()
    log.configure("json", debug=True, stream=captured.stream)
    yield captured
    structlog.reset_defaults()


class Clock:
    """A clock in seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """A folder with a small valid swarm.yml."""
    (tmp_path / "swarm.yml").write_text("nodes:\n  alpha: {labels: [ssd]}\n")
    return tmp_path
