# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the containers and volumes of a node: health and its start, names, times."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.node import (
    _parse_volume,
    parse_container,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.parse import parse_time


def container(streak: int, checks: int, retries: int = 3) -> dict[str, Any]:
    """A container whose checks ended at 12:00:10, :20 and so on."""
    log = [{"End": f"2026-11-23T12:{n:02d}:00.5Z", "ExitCode": 1} for n in range(1, checks + 1)]
    return {
        "Id": "c1",
        "Name": "/web",
        "Created": "2026-11-23T11:00:00.123456789Z",
        "State": {
            "Status": "running",
            "FinishedAt": "0001-01-01T00:00:00Z",
            "Health": {"Status": "unhealthy", "FailingStreak": streak, "Log": log},
        },
        "Config": {"Healthcheck": {"Retries": retries, "Interval": 10_000_000_000}},
    }


@pytest.mark.parametrize(
    ("streak", "checks", "since"),
    [
        (3, 5, "2026-11-23T12:05:00.5Z"),
        (5, 5, "2026-11-23T12:03:00.5Z"),
        (7, 5, "2026-11-23T12:01:00.5Z"),
        (9, 5, "2026-11-23T12:00:40.5Z"),
    ],
)
def test_health_since_is_time_of_decisive_check(streak: int, checks: int, since: str) -> None:
    health = parse_container(container(streak, checks)).health
    assert health is not None
    assert health.since == parse_time(since)


def test_parse_container_with_absent_parts() -> None:
    plain = parse_container({"Id": "c1", "Name": "/x", "State": {"Status": "exited"}})
    assert (plain.health, plain.finished, plain.was_unhealthy, plain.stop_timeout) == (None, 0.0, False, None)
    assert parse_container(container(2, 5)).was_unhealthy is False
    assert parse_container(container(3, 5)).was_unhealthy is True


def test_parse_time_with_time_zone() -> None:
    assert parse_time("2026-11-23T12:00:00.25+01:00") == parse_time("2026-11-23T11:00:00.25Z")
    assert parse_time("0001-01-01T00:00:00Z") == 0


def test_parse_volume_recognizes_anonymous_volumes() -> None:
    assert _parse_volume({"Name": "a" * 64}).anonymous
    assert _parse_volume({"Name": "data", "Labels": {"com.docker.volume.anonymous": ""}}).anonymous
    assert not _parse_volume({"Name": "data", "Labels": None}).anonymous
