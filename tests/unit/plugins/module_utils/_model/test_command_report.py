# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands as plain data."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.orcastra.swarm.plugins.module_utils._model.command_report import commands_data
from ansible_collections.orcastra.swarm.plugins.module_utils._model.snapshot import SwarmSnapshot
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import DONE, CommandRecord, State
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation, describe

RUNNING = CommandRecord(command="relabel_all", source="shell", by="alpha", instance="a", started=60.0)
ENDED = replace(RUNNING, source="file", started=0.0, status=DONE, message="all well", finished=1.0)


def test_commands_data_is_newest_first_without_empty_fields() -> None:
    state = State(commands={"id:mine": ENDED, "shell:1": RUNNING})
    expected = [
        {
            "command": "relabel_all",
            "status": "running",
            "by": "alpha",
            "started_at": "1970-01-01T00:01:00Z",
            "source": "shell",
        },
        {
            "command": "relabel_all",
            "status": "done",
            "message": "all well",
            "by": "alpha",
            "started_at": "1970-01-01T00:00:00Z",
            "finished_at": "1970-01-01T00:00:01Z",
            "source": "file",
            "id": "mine",
        },
    ]
    assert commands_data(state) == expected
    seen = Observation(SwarmSnapshot(), state, (), "id-alpha", "cluster", 5)
    assert describe(seen, "none")["commands"] == expected
