# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra doctor`` and the playbook doctor on real hosts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Lab
from tests.support.runner_process import orcastra

pytestmark = pytest.mark.lab


def findings(engine: str, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    done = orcastra("doctor", "--format", "json", *arguments, DOCKER_HOST=engine)
    return done.returncode, json.loads(done.stdout)["sections"]


def codes(section: list[dict[str, Any]], status: str) -> list[str]:
    return [one["reason"]["code"] for one in section if one["status"] == status]


def test_doctor_of_a_healthy_swarm_has_no_failure(swarm: Lab, tmp_path: Path) -> None:
    (tmp_path / "swarm.yml").write_text("nodes: {alpha: {}}\n")

    code, sections = findings(swarm.leader().docker_host, "--config", tmp_path)

    assert code == 0, sections
    assert [codes(section, "failed") for section in sections.values()] == [[]] * len(sections)
    assert {"doctor_engine", "doctor_member", "doctor_clock", "doctor_ports"} <= set(
        codes(sections["engine"], "ok")
    )
    assert "doctor_nodes_ready" in codes(sections["swarm"], "ok")


def test_doctor_finds_an_engine_that_does_not_answer(swarm: Lab, tmp_path: Path) -> None:
    (tmp_path / "swarm.yml").write_text("nodes: [}\n")
    host = swarm.leader().docker_host.rpartition(":")[0]

    code, sections = findings(f"{host}:1", "--config", tmp_path)

    assert code == 1
    assert codes(sections["engine"], "failed") == ["doctor_engine_unreachable"]
    assert codes(sections["configuration"], "failed") == ["doctor_configuration_wrong"]
    assert "swarm" not in sections
