# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests on real engines: one lab for the whole run, given to each test in a clean state."""

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
    """End the run at once, with the reason, if hosts can start but can't run what the tests run on them."""
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
    """Skip everything here if there can't be a lab; run a failed test again as often as LAB_RERUNS says."""
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
    """Why there can't be a lab here, or None."""
    why = packages.obstacle()
    if not why and packages.missing():
        why = f"packages are missing: {' '.join(packages.missing())} (python -m tests.lab packages --install)"
    return why


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _left_out:
        terminalreporter.write_line(f"Left out: {line}", yellow=True)


@pytest.fixture(scope="session")
def lab_engine(request: pytest.FixtureRequest) -> str | None:
    """The version given with --lab-engine; None means this machine's own."""
    version: str | None = request.config.getoption("--lab-engine")
    return version


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, lab_engine: str | None) -> Iterator[Lab]:
    """Three hosts in a swarm of three managers, with the image ``orcastra/app``; shared by all tests."""
    lab = Lab(f"t-{os.getpid()}", engine=lab_engine)
    _start(lab, request.session)
    try:
        yield lab
    finally:
        lab.down()


@pytest.fixture
def swarm(request: pytest.FixtureRequest, lab: Lab) -> Lab:
    """The shared lab in a clean state: nodes Ready, active, managers, without labels; nothing deployed."""
    try:
        lab.restore()
    except LabError as error:
        # What an earlier test has left behind must not fail all that follow.
        request.node.warn(pytest.PytestWarning(f"lab {lab.name} was started anew: {error}"))
        lab.down()
        _start(lab, request.session)
    return lab


def _start(lab: Lab, session: pytest.Session) -> None:
    """Start the lab. If it can't be started, no other test of this process is tried."""
    try:
        lab.up()
        # A lost host is seen after some 6 s instead of 15.
        lab.form_swarm(managers=3, heartbeat_s=2)
        lab.load_image(IMAGE)
    except LabError as error:
        session.shouldfail = f"the lab is broken: {error}"
        raise


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
