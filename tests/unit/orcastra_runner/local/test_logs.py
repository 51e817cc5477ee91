# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from orcastra_runner.local.logs import DAY_SECONDS, LogsJob
from tests.unit.orcastra_runner.conftest import Clock, Log


class Engine:
    """Containers by name, with their log settings."""

    def __init__(self, logs: dict[str, dict[str, Any]]) -> None:
        self.logs = logs

    def list_containers(self) -> list[dict[str, Any]]:
        return [{"Id": name} for name in self.logs]

    def get_container(self, name: str) -> dict[str, Any]:
        return {"Name": f"/{name}", "HostConfig": {"LogConfig": self.logs[name]}}


def test_logs_job_reports_unlimited_logs_once_a_day(clock: Clock, logged: Log) -> None:
    engine: Any = Engine(
        {
            "endless": {"Type": "json-file", "Config": {}},
            "limited": {"Type": "json-file", "Config": {"max-size": "10m"}},
            "local": {"Type": "local", "Config": {}},
        }
    )
    job = LogsJob(clock)
    assert job.seconds_to_next() == 0
    job.run(engine)
    (entry,) = [entry for entry in logged.entries if entry["level"] != "debug"]
    assert (entry["event"], entry["summary"]) == ("log files without a size limit", "endless")
    assert job.seconds_to_next() == DAY_SECONDS
    logged.clear()
    del engine.logs["endless"]
    job.run(engine)
    assert not logged.sentences
