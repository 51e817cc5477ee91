# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signals to the real process."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from orcastra_runner.signals import GRACE_SECONDS, Signals, StopNow
from tests.support.runner_process import running
from tests.unit.orcastra_runner.conftest import Clock


@pytest.fixture
def silent_engine() -> Iterator[socket.socket]:
    """An engine that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def test_sigterm_ends_the_loop_despite_a_silent_engine(
    config_dir: Path, silent_engine: socket.socket
) -> None:
    engine = f"tcp://127.0.0.1:{silent_engine.getsockname()[1]}"
    with running(config_dir, engine, DOCKER_TIMEOUT="3600") as loop:
        connection, _address = silent_engine.accept()
        with connection:
            assert connection.recv(16)  # it has asked, and waits
            loop.end(signal.SIGTERM)
        assert loop.process.returncode == 0
        assert loop.entries[-1]["event"] == "stopping"


def test_sighup_starts_a_cycle(config_dir: Path) -> None:
    with running(config_dir, "tcp://127.0.0.1:1") as loop:
        for times in range(1, 4):
            loop.wait_for("retry scheduled", times=times)
            loop.process.send_signal(signal.SIGHUP)
            loop.wait_for("sync requested", times=times)
        loop.end(signal.SIGTERM)


def test_sigterm_gives_a_playbook_time_unless_repeated(clock: Clock) -> None:
    signals = Signals(clock)
    assert not signals.out_of_time()
    signals._stop(signal.SIGTERM, None)
    assert signals.stop_requested
    assert not signals.out_of_time()
    clock.now += GRACE_SECONDS + 0.1
    assert signals.out_of_time()
    clock.now -= GRACE_SECONDS
    assert not signals.out_of_time()
    signals._stop(signal.SIGINT, None)
    assert signals.out_of_time()


def test_interruptible_sections_are_interrupted() -> None:
    signals = Signals()
    with pytest.raises(StopNow), signals.interruptible():
        signals._stop(signal.SIGTERM, None)
    with pytest.raises(StopNow), signals.interruptible():
        pytest.fail("it was entered")


def test_other_sections_are_not_interrupted() -> None:
    signals = Signals()
    with signals.interruptible():
        pass
    signals._stop(signal.SIGTERM, None)
    assert signals.stop_requested
