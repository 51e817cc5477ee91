# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pruning a node with many images: cost of a dry run and of the removal, compared with ``docker rmi``."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.prune import Pruning, prune_node
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    ConnectionOptions,
    connect,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune.plan import PruneRules
from tests.bench.report import Table, calm_down, load_average
from tests.lab import Lab
from tests.lab.host import Host

REPOSITORIES = 50
KEPT = 3
RULES = PruneRules(grace=0, keep_images=KEPT, exclude_images=("orcastra/*",))


def new_table(images: int) -> Table:
    return Table(
        f"Pruning a node with {images} images in {REPOSITORIES} repositories",
        ["case", "seconds", "requests", "images removed", "ms/image"],
        notes=[f"The newest {KEPT} images of each repository are kept. Each image has one small layer."],
    )


def measure(table: Table, lab: Lab, images: int, folder: Path) -> None:
    """Add the rows, from a dry run to the removal."""
    host = next(iter(lab))
    _import_images(host, range(images))
    calm_down()
    table.load = (load_average(), load_average())
    engine = connect(ConnectionOptions(docker_host=host.docker_host))

    def timed(what: str, run: Callable[[], Pruning]) -> None:
        requests, started = engine.requests, time.perf_counter()
        pruning = run()
        seconds = time.perf_counter() - started
        if pruning.errors:
            raise RuntimeError("; ".join(pruning.errors))
        number = pruning.freed.images
        each = seconds / number * 1000 if number else 0.0
        table.rows.append((what, seconds, engine.requests - requests, number, each))

    timed("dry run", lambda: prune_node(engine, RULES, folder, dry_run=True))
    timed("removal", lambda: prune_node(engine, RULES, folder))
    timed("run with nothing to remove", lambda: prune_node(engine, RULES, folder))
    engine.close()

    gone = range(KEPT * REPOSITORIES, images)
    _import_images(host, gone)
    calm_down()
    started = time.perf_counter()
    host.run(["docker", "rmi", *(_name(n) for n in gone)], timeout=600)
    seconds = time.perf_counter() - started
    table.rows.append(("docker rmi, one command", seconds, "–", len(gone), seconds / len(gone) * 1000))
    table.load = (table.load[0], load_average())


def _name(n: int) -> str:
    return f"bench/app-{n % REPOSITORIES:02}:{n // REPOSITORIES}"


def _import_images(host: Host, numbers: range) -> None:
    for n in numbers:
        repository, _colon, tag = _name(n).partition(":")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as layer:
            content = _name(n).encode()
            entry = tarfile.TarInfo("name")
            entry.size = len(content)
            layer.addfile(entry, io.BytesIO(content))
        query = {"fromSrc": "-", "repo": repository, "tag": tag}
        host.api("POST", "/images/create", buffer.getvalue(), query, timeout=120)
