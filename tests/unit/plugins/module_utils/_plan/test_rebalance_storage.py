# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which mounts keep a service on its node when memory is balanced."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import (
    Mount,
    ObservedVolume,
    StorageRules,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.rules import RebalanceRules
from tests.support.builders import task
from tests.support.rebalance_case import Case, the_step


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


NFS = ObservedVolume("local", {"type": "nfs", "o": "addr=nas", "device": ":/media"}, "aa")
PLUGIN = ObservedVolume("rclone", fingerprint="bb")
EXTERNAL = Mount("volume", "media", "/m")


@pytest.mark.parametrize("volume", [NFS, PLUGIN])
def test_external_volume_moves_to_a_node_that_reports_the_same(volume: ObservedVolume) -> None:
    volumes = {"id-alpha": {"media": volume}, "id-beta": {"media": volume}}

    step = the_step(Case(service={"mounts": (EXTERNAL,)}, volumes=volumes).plan())

    assert "mount_observed" in [reason.code for reason in step.why]


@pytest.mark.parametrize(
    "there", [{}, {"media": PLUGIN}, {"media": ObservedVolume("local", NFS.options, "cc")}, {"other": NFS}]
)
def test_external_volume_stays_if_the_target_does_not_report_the_same(
    there: dict[str, ObservedVolume],
) -> None:
    case = Case(service={"mounts": (EXTERNAL,)}, volumes={"id-alpha": {"media": NFS}, "id-beta": there})

    assert not case.plan().steps
    (refused,) = case.candidate().reasons
    assert refused.params["reason"].code == "volume_not_on_node"


@pytest.mark.parametrize(
    "volumes",
    [
        {},
        {"id-beta": {"media": NFS}},
        {"id-alpha": {"media": ObservedVolume("local")}, "id-beta": {"media": NFS}},
    ],
)
def test_external_volume_ties_its_service_if_its_own_node_reports_nothing_shared(
    volumes: dict[str, dict[str, ObservedVolume]],
) -> None:
    case = Case(service={"mounts": (EXTERNAL,)}, volumes=volumes)

    assert not case.plan().steps
    assert [reason.code for reason in case.candidate().reasons] == ["volume_stays"]


def test_external_volume_ties_its_service_if_the_nodes_of_its_tasks_disagree() -> None:
    parts = (task("big", "beta", slot=2),)
    volumes = {"id-alpha": {"media": NFS}, "id-beta": {"media": PLUGIN}}
    case = Case(service={"mounts": (EXTERNAL,), "replicas": 2}, parts=parts, volumes=volumes)

    assert not case.plan().steps
