# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which mounts keep a service on its node when memory is balanced."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import Mount, StorageRules
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules
from tests.support.rebalance_case import Case


@pytest.mark.parametrize(
    ("mount", "storage", "moves"),
    [
        (Mount("bind", "/etc/localtime", "/etc/localtime", read_only=True), {}, True),
        (Mount("bind", "/var/run/docker.sock", "/var/run/docker.sock"), {}, True),
        (Mount("volume", "media", "/m", options={"type": "nfs", "o": "addr=nas"}), {}, True),
        (Mount("volume", "media", "/m", driver="ceph"), {}, True),
        (Mount("volume", "media", "/m"), {}, False),
        (Mount("volume", "media", "/m"), {"shared_volumes": ("med*",)}, True),
        (Mount("bind", "/mnt/nfs/x", "/m"), {}, False),
        (Mount("bind", "/mnt/nfs/x", "/m"), {"shared_paths": ("/mnt/nfs",)}, True),
        (Mount("bind", "/mnt/nfs2", "/m"), {"shared_paths": ("/mnt/nfs",)}, False),
    ],
)
def test_only_data_of_one_node_ties_a_service(mount: Mount, storage: dict[str, Any], moves: bool) -> None:
    rules = RebalanceRules(storage=StorageRules(**storage))
    case = Case(service={"mounts": (mount,)}, rules=rules)

    assert bool(case.plan().steps) is moves
