# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests on real engines: one lab for the whole run, given to each test in a clean state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, packages
from tests.lab.errors import LabError

IMAGE = "orcastra/app"
_HERE = Path(__file__).parent
_left_out: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip everything here where there can't be a lab."""
    ours = [item for item in items if item.path.is_relative_to(_HERE)]
    why = packages.obstacle()
    if not why and packages.missing():
        why = f"packages are missing: {' '.join(packages.missing())} (python -m tests.lab packages --install)"
    if why and ours:
        _left_out.append(f"{len(ours)} integration tests: {why}")
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=why))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _left_out:
        terminalreporter.write_line(f"Left out: {line}", yellow=True)


@pytest.fixture(scope="session")
def lab_engine(request: pytest.FixtureRequest) -> str | None:
    """The version given with --lab-engine; None means this machine's own."""
    version: str | None = request.config.getoption("--lab-engine")
    return version


@pytest.fixture(scope="session")
def lab(lab_engine: str | None) -> Iterator[Lab]:
    """Three hosts in a swarm of three managers, with the image ``orcastra/app``; shared by all tests."""
    with Lab(f"t-{os.getpid()}", engine=lab_engine) as lab:
        # A lost host is seen after some 6 s instead of 15.
        lab.form_swarm(managers=3, heartbeat_s=2)
        lab.load_image(IMAGE)
        yield lab


@pytest.fixture
def swarm(lab: Lab) -> Lab:
    """The shared lab in a clean state: nodes Ready, active, managers, without labels; nothing deployed."""
    lab.restore()
    return lab


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the end of the engines' logs to the report of a test that failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Lab):
                try:
                    report.sections.append((f"lab {value.name}", value.log_tail(15)))
                except (OSError, LabError) as error:
                    report.sections.append((f"lab {value.name}", str(error)))
                break
