# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from orcastra_runner.local.mods import ModsJob
from orcastra_runner.settings import read_settings
from orcastra_runner.status import StatusStore
from orcastra_runner.web.data import state_data
from tests.support.mod_server import ModServer
from tests.unit.orcastra_runner.conftest import Clock


class Engine:
    """A manager with one service that requests a mod; no containers."""

    docker_host = "unix:///fake"
    labels: dict[str, str] = {}  # noqa: RUF012

    def info(self) -> dict[str, Any]:
        swarm = {"LocalNodeState": "active", "ControlAvailable": True, "NodeID": "n"}
        return {"Name": "mgr-a", "Architecture": "x86_64", "Swarm": swarm}

    def list_services(self) -> list[dict[str, Any]]:
        return [{"Spec": {"Name": "game", "Labels": self.labels}}]

    def list_nodes(self) -> list[dict[str, Any]]:
        return []

    def list_containers(self) -> list[dict[str, Any]]:
        return []


@pytest.fixture
def dest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOD_MANAGER_CONFIG", str(tmp_path / "config.json"))
    monkeypatch.setenv("MOD_MANAGER_DEST", str(tmp_path / "mods"))
    monkeypatch.setenv("MOD_MANAGER_REFRESH_INTERVAL_MINUTES", "2")
    return tmp_path / "mods"


def test_mods_job_refreshes_and_logs(dest: Path, clock: Clock) -> None:
    status = StatusStore()
    engine: Any = Engine()
    job = ModsJob(read_settings(), None, clock, status)
    assert job.seconds_to_next() == 0
    job.run(engine)
    assert not dest.exists()
    with ModServer() as server:
        good, bad = server.put("/a.bin", b"A"), server.url + "/absent.bin"
        engine.labels = {"com.linuxserver.mod.x": server.put("/c.bin", b"C")}
        (dest.parent / "config.json").write_text(
            f'{{"discover": {{"allow_private": true}}, "mods": ["{good}", "{bad}"]}}'
        )
        with pytest.raises(OrcastraError, match=r"absent\.bin answered 404"):
            job.run(engine)
    assert sorted(path.name for path in dest.glob("*.bin")) == ["a.bin", "c.bin"]
    assert job.seconds_to_next() == 120
    found = state_data(status.view())["mods"]
    assert [mod["status"] for mod in found["mods"]] == ["stored", "failed", "stored"]
    assert [mod["discovered"] for mod in found["mods"]] == [False, False, True]
    text = status.metrics.text(0).decode()
    assert "mod_downloads_total 2.0" in text
    assert "mod_download_errors_total 1.0" in text
    assert {action.summary for action in status.view().history} == {"download a.bin", "download c.bin"}


def test_mods_job_asked_does_not_wait_for_the_interval(dest: Path, clock: Clock) -> None:
    engine: Any = Engine()
    job = ModsJob(read_settings(), None, clock)
    job.run(engine)
    assert job.seconds_to_next() == 120
    job.ask()
    assert (job.seconds_to_next(), job.woken.is_set()) == (0, True)
    job.run(engine)
    assert job.seconds_to_next() == 120


def test_mods_job_changes_nothing_in_a_dry_run(
    dest: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRY_RUN", "1")
    with ModServer() as server:
        (dest.parent / "config.json").write_text(f'["{server.put("/a.bin", b"A")}"]')
        ModsJob(read_settings(), None, clock).run(Engine())  # type: ignore[arg-type]
    assert not dest.exists()


def test_mods_job_reports_an_invalid_file(dest: Path, clock: Clock) -> None:
    (dest.parent / "config.json").write_text('{"modz": []}')
    with pytest.raises(ConfigError, match="modz: expected one of"):
        ModsJob(read_settings(), None, clock).run(Engine())  # type: ignore[arg-type]
