# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source for Event-Driven Ansible, as ansible-rulebook runs it, on a simulated swarm."""

from __future__ import annotations

import asyncio
import contextlib
import re
import runpy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError
from tests import sim as simulator
from tests.conftest import CHECKOUT
from tests.sim.faults import Fault
from tests.support.documents import Block
from tests.support.examples import classify

FOLDER = CHECKOUT / "extensions" / "eda"
SOURCE = FOLDER / "plugins" / "event_source" / "swarm.py"
WAIT_SECONDS = 20.0
Event = dict[str, Any]
Next = Callable[[], Awaitable[Event]]


def play(scenario: Callable[[Next], Awaitable[None]], **args: Any) -> None:
    """Run the source while a scenario reads its events."""
    main = runpy.run_path(str(SOURCE))["main"]

    async def both() -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        source = asyncio.create_task(main(queue, {"interval": 0.05, **args}))

        async def following() -> Event:
            getter = asyncio.create_task(queue.get())
            done, _pending = await asyncio.wait(
                {getter, source}, timeout=WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if getter not in done:
                getter.cancel()
                if source in done:
                    source.result()
            return getter.result()

        try:
            await scenario(following)
        finally:
            source.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await source

    asyncio.run(both())


def test_source_reports_problems_at_the_start_and_then_changes() -> None:
    with simulator.swarm(managers=["alpha"], workers=["bravo", "charlie"]) as sim:
        sim.crash("bravo")
        sim.advance(60)

        async def scenario(following: Next) -> None:
            down = await following()
            assert (down["type"], down["node"]["name"]) == ("node_down", "bravo")
            assert down["cluster_id"]
            sim.boot("bravo")
            sim.advance(30)
            up = await following()
            assert (up["type"], up["node"]["name"]) == ("node_up", "bravo")
            sim.crash("charlie")
            sim.advance(60)
            assert (await following())["node"]["name"] == "charlie"
            assert up["time"] <= (await changed(sim, following))["time"]

        async def changed(sim: simulator.Sim, following: Next) -> Event:
            with sim.lock:
                sim.add_node("delta")
            return await following()

        play(scenario, docker_host=sim.docker_host("alpha"))
    assert {method for _host, method, _path in sim.requests} == {"GET"}


def test_source_omits_existing_problems_on_request() -> None:
    with simulator.swarm(managers=["alpha"], workers=["bravo"]) as sim:
        sim.crash("bravo")
        sim.advance(60)

        async def scenario(following: Next) -> None:
            while not any(path.startswith("/tasks") for _host, _method, path in list(sim.requests)):
                await asyncio.sleep(0.01)
            sim.boot("bravo")
            sim.advance(30)
            assert (await following())["type"] == "node_up"

        play(scenario, docker_host=sim.docker_host("alpha"), existing=False)


def test_source_reports_an_engine_that_fails_once_and_recovers() -> None:
    with simulator.swarm(managers=["alpha"]) as sim:
        fault = sim.fail(Fault(status=500, message="no"))

        async def scenario(following: Next) -> None:
            lost = await following()
            assert (lost["type"], lost["docker_host"]) == ("swarm_unreachable", sim.docker_host("alpha"))
            before = len(sim.requests)
            while len(sim.requests) < before + 3:
                await asyncio.sleep(0.01)
            sim.faults.remove(fault)
            assert (await following())["type"] == "swarm_reachable"

        play(scenario, docker_host=sim.docker_host("alpha"))


@pytest.mark.parametrize("args", [{"interval": 0}, {"interval": "soon"}, {"dockr_host": "x"}])
def test_source_rejects_invalid_options(args: dict[str, Any]) -> None:
    main = runpy.run_path(str(SOURCE))["main"]
    with pytest.raises(OrcastraError, match=next(iter(args))):
        asyncio.run(main(asyncio.Queue(), args))


def test_sample_rulebook_is_valid() -> None:
    path = FOLDER / "rulebooks" / "swarm.yml"
    kind, check = classify(Block(path, 1, "yaml", path.read_text(encoding="utf-8")))
    assert kind == "rulebook"
    check(Block(path, 1, "yaml", path.read_text(encoding="utf-8")))


def test_guide_describes_every_type_of_event() -> None:
    guide = (CHECKOUT / "docs" / "guides" / "event-driven.md").read_text(encoding="utf-8")
    events = guide.partition("## Events")[2]
    types = set(re.findall(r"^\| `(\w+)` \|", events, re.MULTILINE))
    assert types == set(runpy.run_path(str(SOURCE))["TYPES"])
