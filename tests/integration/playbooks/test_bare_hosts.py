# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bootstrap playbook on hosts that have no engine and no Docker SDK, only an SSH server and Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import accidents
from tests.integration.playbooks.conftest import Playbooks, Run, ssh_inventory
from tests.lab import Lab

INSTALL = ("-e", "orcastra_install_engine=true")
PYTHON = "python3 -c 'import docker'"
FORMED = {
    "alpha": ("manager", "ready", {"ssd": "true"}),
    "bravo": ("manager", "ready", {"disk": "hdd"}),
    "charlie": ("manager", "ready", {"ssd": "true"}),
}


@pytest.fixture
def bare(lab_engine: str | None) -> Iterator[Lab]:
    with Lab(f"b-{os.getpid()}", engine=lab_engine, bare=True) as lab:
        yield lab


@pytest.fixture
def playbooks(bare: Lab, tmp_path: Path) -> Playbooks:
    return Playbooks(tmp_path, ssh_inventory(bare))


@pytest.fixture
def bootstrap(bare: Lab, playbooks: Playbooks) -> Any:
    nodes = {name: {"ip": bare[name].ip, "labels": labels} for name, (_r, _s, labels) in FORMED.items()}
    playbooks.write("swarm.yml", {"leader": "alpha", "nodes": nodes})

    def run(*options: str, limit: str | None = None) -> Run:
        return playbooks("orcastra.swarm.bootstrap", *options, limit=limit, orcastra_swarm_file="swarm.yml")

    return run


@pytest.mark.timeout(900)  # the first run on a machine creates the hosts' root folder
def test_bootstrap_installs_missing_engines(bootstrap: Any, playbooks: Playbooks, bare: Lab) -> None:
    charlie = bare["charlie"]
    assert not any(host.has_engine for host in bare)
    assert charlie.run(["sh", "-c", PYTHON], check=False).returncode == 1

    examined = playbooks("orcastra.swarm.doctor", limit=None)
    assert [examined.recap(name)["failed"] for name in FORMED] == [1, 1, 1], examined.failure
    assert "apt install python3-docker" in examined.output

    untold = bootstrap(limit="alpha,bravo")
    assert untold.status == 2, untold.failure
    for name in ("alpha", "bravo"):
        said = f"{name}: no Docker engine is installed; to install it, run the playbook"
        assert f"{said} orcastra.swarm.bootstrap with -e orcastra_install_engine=true" in untold.output
        assert untold.output.count(f"fatal: [{name}]") == 1
    assert "Failed to import" not in untold.output

    # an engine from another source stays unchanged
    charlie.sh("ln -s /bin/true /usr/local/sbin/dockerd")
    checked = bootstrap("--check", "--diff", *INSTALL)
    assert (checked.status, checked.changed) == (0, 3), checked.failure
    for name in ("alpha", "bravo"):
        assert f"{name}: would install docker.io, ca-certificates, " in checked.output
        assert ", python3-docker, start the engine, and then join" in checked.output
    assert "charlie: would install python3-docker; its engine" in checked.output
    assert not any(host.has_engine for host in bare)
    charlie.sh("rm /usr/local/sbin/dockerd")

    done = bootstrap(*INSTALL)
    assert done.status == 0, done.failure
    assert accidents.members(bare) == FORMED
    assert all(host.has_engine for host in bare)
    charlie.run(["docker", "version"])

    examined = playbooks("orcastra.swarm.doctor", limit=None)
    assert (examined.status, examined.changed) == (0, 0), examined.failure

    again = bootstrap(*INSTALL)
    assert (again.status, again.changed) == (0, 0), again.failure

    # the engine also starts at boot, and a missing SDK is installed without changing the engine
    charlie.reboot()
    charlie.sh("apt-get -y remove python3-docker")
    missing = bootstrap(limit="charlie")
    assert missing.status == 2, missing.failure
    assert "the required Python library (docker) on charlie's Python" in missing.output
    assert "to install it, run the playbook orcastra.swarm.bootstrap" in missing.output
    mended = bootstrap(*INSTALL, limit="charlie")
    assert (mended.status, mended.changed) == (0, 1), mended.failure
    assert accidents.members(bare) == FORMED
