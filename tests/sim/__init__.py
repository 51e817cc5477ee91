# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated swarm: the Engine API over real HTTP, with Swarm's semantics, in simulated time.

    with swarm(workers=["delta"]) as sim:
        engine = connect(ConnectionOptions(docker_host=sim.docker_host()))
        engine.post("/services/create", {"Name": "web", ...})
        sim.advance(10)
        assert sim.where("web") == ["delta"]

Its behaviour follows swarmkit's sources. The tests in ``tests/behaviour`` run against it and against real
engines. It does not simulate jobs, networks, secrets, CSI volumes, generic resources, plugins, or how nodes
join and leave.
"""

from __future__ import annotations

from tests.sim.faults import Fault, out_of_sequence
from tests.sim.objects import Behaviour, SimNode, SimService, SimTask, State
from tests.sim.sim import Sim, swarm

__all__ = [
    "Behaviour",
    "Fault",
    "Sim",
    "SimNode",
    "SimService",
    "SimTask",
    "State",
    "out_of_sequence",
    "swarm",
]
