# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When containers of stateful services ran, from their start and finish times on all hosts."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field, replace

from tests.integration.anchors.containers import Run, runs
from tests.lab import Lab
from tests.lab.errors import LabError

SAMPLE_SECONDS = 2.0
# Swarm's new leader does not wait for the containers that its predecessor was stopping.
LEADERLESS_SECONDS = 90.0


@dataclass
class Records:
    """Samples the runs of ``services`` in a thread, because engines forget their events when they restart.

    ``lost``: host name → the moments when it lost power or its engine ended. ``cut``: host name → intervals
    without a network; None as the end while it lasts. ``elections``: the moments when the leader changed.
    All in seconds since the epoch.
    """

    lab: Lab
    services: tuple[str, ...]
    found: dict[tuple[str, str], Run] = field(default_factory=dict)
    lost: dict[str, list[float]] = field(default_factory=dict)
    cut: dict[str, list[tuple[float, float | None]]] = field(default_factory=dict)
    elections: list[float] = field(default_factory=list)
    excused: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _leader: str = ""

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self._sample_until_over, daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        self._over.set()

    def _sample_until_over(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            # a host or the leader that is just lost; the next sample has it
            with contextlib.suppress(LabError, OSError, KeyError):
                self.sample()

    def sample(self) -> None:
        leader = self.lab.leader().name
        if self._leader not in ("", leader):
            self.elections.append(time.time())
        self._leader = leader
        for service in self.services:
            for run in runs(self.lab, service):
                self._note(service, run)

    def _note(self, service: str, run: Run) -> None:
        known = self.found.get((service, run.container))
        ended = run.ended
        if known is not None and known.ended is not None:
            # an engine that starts again dates the end of its containers to that moment
            ended = known.ended if ended is None else min(known.ended, ended)
        self.found[service, run.container] = replace(run, ended=ended)

    def host_lost(self, name: str) -> None:
        """All containers of the host end now."""
        now = time.time()
        self.lost.setdefault(name, []).append(now)
        for key, run in list(self.found.items()):
            if run.host == name and run.ended is None:
                self.found[key] = replace(run, ended=now)

    def host_cut(self, name: str) -> None:
        self.cut.setdefault(name, []).append((time.time(), None))

    def host_mended(self, name: str) -> None:
        begin, _end = self.cut[name].pop()
        self.cut[name].append((begin, time.time()))

    def overlaps(self) -> list[str]:
        """Describe each container that started before its predecessor had stopped.

        Overlaps that Swarm causes by itself are counted in ``excused``: Swarm cannot stop anything on a host
        without a network, and a new leader does not wait.
        """
        found = []
        self.excused = 0
        for service in self.services:
            runs_of = [run for (name, _container), run in list(self.found.items()) if name == service]
            for later in runs_of:
                for earlier in runs_of:
                    if not self._overlap(earlier, later):
                        continue
                    if self._by_swarm(earlier, later):
                        self.excused += 1
                        continue
                    ended = "still runs" if earlier.ended is None else f"ended {earlier.ended:.3f}"
                    found.append(
                        f"{service}.{later.slot} started on {later.host} at {later.started:.3f}; "
                        f"the one on {earlier.host}, from {earlier.started:.3f}, {ended}"
                    )
        return found

    def _overlap(self, earlier: Run, later: Run) -> bool:
        if earlier.started >= later.started or earlier.slot != later.slot:
            return False
        ends = [at for at in self.lost.get(earlier.host, ()) if at >= earlier.started]
        if earlier.ended is not None:
            ends.append(earlier.ended)
        return not ends or min(ends) > later.started

    def _by_swarm(self, earlier: Run, later: Run) -> bool:
        for begin, end in self.cut.get(earlier.host, ()):
            if begin <= later.started and (end is None or later.started <= end + LEADERLESS_SECONDS):
                return True
        return any(abs(later.started - at) <= LEADERLESS_SECONDS for at in self.elections)
