# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests on real engines. All tests share one lab, which is restored before each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, packages, shared
from tests.lab.errors import LabError

IMAGE = "orcastra/app"
_HERE = Path(__file__).parent
_left_out: list[str] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stop the run with a reason if hosts can start but can't run the programs that the tests need."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly or _obstacle():
        return
    try:
        with Lab(
            f"probe-{os.getpid()}", hosts=["probe"], engine=session.config.getoption("--lab-engine")
        ) as lab:
            shared.check(lab["probe"])
    except LabError as error:
        pytest.exit(f"the lab is broken: {error}", returncode=1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all tests here if a lab can't start; rerun failed tests up to LAB_RERUNS times."""
    ours = [item for item in items if item.path.is_relative_to(_HERE)]
    reruns = int(os.environ.get("LAB_RERUNS", "0"))
    for item in ours if reruns else ():
        item.add_marker(pytest.mark.flaky(reruns=reruns))
    why = _obstacle()
    if why and ours:
        _left_out.append(f"{len(ours)} integration tests: {why}")
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=why))


def _obstacle() -> str | None:
    """Return the reason why a lab can't start here, or None."""
    why = packages.obstacle()
    if not why and packages.missing():
        why = f"packages are missing: {' '.join(packages.missing())} (python -m tests.lab packages --install)"
    return why


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _left_out:
        terminalreporter.write_line(f"Left out: {line}", yellow=True)


@pytest.fixture(scope="session")
def lab_engine(request: pytest.FixtureRequest) -> str | None:
    """The version from --lab-engine, or None for this machine's engine."""
    version: str | None = request.config.getoption("--lab-engine")
    return version


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, lab_engine: str | None) -> Iterator[Lab]:
    """Three hosts that are managers of one swarm and have the image ``orcastra/app``; shared by all tests."""
    lab = Lab(f"t-{os.getpid()}", engine=lab_engine)
    _start(lab, request.session)
    try:
        yield lab
    finally:
        lab.down()


@pytest.fixture
def swarm(request: pytest.FixtureRequest, lab: Lab) -> Lab:
    """The shared lab in a clean state: all nodes are Ready, active managers without labels or services."""
    try:
        lab.restore()
    except LabError as error:
        # Leftovers of one test must not fail all later tests.
        request.node.warn(pytest.PytestWarning(f"lab {lab.name} was started again: {error}"))
        lab.down()
        _start(lab, request.session)
    return lab


def _start(lab: Lab, session: pytest.Session) -> None:
    """Start the lab. If that fails, stop this test process."""
    try:
        lab.up()
        # Swarm detects a lost host after about 6 s instead of 15 s.
        lab.form_swarm(managers=3, heartbeat_s=2)
        lab.load_image(IMAGE)
    except LabError as error:
        session.shouldfail = f"the lab is broken: {error}"
        raise


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the last lines of the engines' logs to the report of a failed test."""
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
