# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pruning real engines: rollbacks still work, named volumes stay, workers keep unknown objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plugins.modules.conftest import Modules
from tests.lab import Lab
from tests.lab.host import Host
from tests.lab.image import busybox_image, load
from tests.lab.wait import wait_until

NOW = {"grace_period": 0, "keep_images": 0}


@pytest.fixture
def alpha(swarm: Lab) -> Iterator[Host]:
    host = swarm["alpha"]
    for tag in "123":
        load(host, busybox_image(f"test/app:{tag}", {"/version": tag}))
    host.sh("docker tag test/app:1 test/same:1; docker tag test/app:1 test/same:2")
    yield host
    host.sh("docker rm -fv $(docker ps -aq --filter name=plain-) 2>/dev/null || true")
    host.sh("docker volume rm $(docker volume ls -q) 2>/dev/null || true")
    host.sh("docker rmi $(docker images -q 'test/*') -f 2>/dev/null || true")


def tags(host: Host) -> set[str]:
    """Return the host's images that belong to these tests."""
    return {tag for tag in _all_tags(host) if tag.startswith("test/app")}


def others(host: Host) -> list[str]:
    """Return the host's images that belong to the lab or to other tests."""
    return [tag for tag in _all_tags(host) if not tag.startswith(("test/app", "test/same"))]


def _all_tags(host: Host) -> list[str]:
    return [tag for raw in host.api("GET", "/images/json") for tag in raw["RepoTags"] or ()]


def deploy(host: Host, image: str) -> None:
    """Update the service ``app`` to an image, and wait until it runs."""
    found = [raw for raw in host.api("GET", "/services") if raw["Spec"]["Name"] == "app"]
    container = {"Image": image, "StopGracePeriod": 1_000_000_000}
    container["Mounts"] = [{"Type": "volume", "Source": "used", "Target": "/used"}]  # type: ignore[assignment]
    spec: dict[str, Any] = {
        "Name": "app",
        "TaskTemplate": {
            "ContainerSpec": container,
            "Placement": {"Constraints": [f"node.hostname=={host.name}"]},
        },
        "UpdateConfig": {"Parallelism": 1, "Monitor": 100_000_000},
        "RollbackConfig": {"Parallelism": 1, "Monitor": 100_000_000},
        "EndpointSpec": {"Mode": "dnsrr"},
    }
    if found:
        version = {"version": found[0]["Version"]["Index"]}
        host.api("POST", f"/services/{found[0]['ID']}/update", spec, version)
    else:
        host.api("POST", "/services/create", spec)
    wait_for_image(host, image)


def wait_for_image(host: Host, image: str) -> None:
    def runs() -> bool:
        service = next(raw for raw in host.api("GET", "/services") if raw["Spec"]["Name"] == "app")
        running = host.api("GET", "/containers/json")
        mine = [raw for raw in running if raw["Labels"].get("com.docker.swarm.service.name") == "app"]
        state = (service.get("UpdateStatus") or {}).get("State", "completed")
        return [raw["Image"] for raw in mine] == [image] and state in ("completed", "rollback_completed")

    wait_until(runs, 90, f"{image} to run")


def targets(result: dict[str, Any]) -> set[str]:
    assert not result.get("failed"), result
    return {step["target"] for step in result["plan"]}


def test_rollback_works_after_prune(swarm: Lab, alpha: Host, run_module: Modules, tmp_path: Path) -> None:
    deploy(alpha, "test/app:2")
    deploy(alpha, "test/app:3")
    options = {
        **NOW,
        "state_dir": str(tmp_path),
        "exclude_images": others(alpha),
        "plain_containers": True,
    }
    alpha.sh("docker run --name plain-old -v /anonymous orcastra/app sh -c 'echo 1234567 > /anonymous/data'")
    anonymous = alpha.sh("docker inspect -f '{{(index .Mounts 0).Name}}' plain-old").strip()
    alpha.sh("docker create --name plain-keep --label orchestration.prune=false orcastra/app")

    refused = run_module("prune", **{**options, "keep_images": -1})
    assert refused["msg"] == "keep_images: expected at least 0, found -1"
    # all objects are new to the first run
    waiting = run_module("prune", **{**options, "grace_period": 600})
    assert (targets(waiting), waiting["changed"]) == (set(), False)
    checked = run_module("prune", check=True, **options)
    expected = {"image test/app:1", "container plain-old"}
    assert expected <= targets(checked)
    assert not targets(checked) & {"image test/app:2", "image test/app:3", "container plain-keep"}
    assert checked["changed"]
    dry = run_module("prune", dry_run=True, **options)
    assert (targets(dry), dry["changed"]) == (targets(checked), False)
    assert "test/app:1" in tags(alpha)

    done = run_module("prune", **options)
    assert targets(done) == targets(checked)
    assert tags(alpha) == {"test/app:2", "test/app:3"}
    assert done["freed"]["images"] == 1
    assert done["freed"]["bytes"] > 100_000
    assert done["removed"] == checked["removed"]
    assert {"plain-old"} <= set(done["removed"]["containers"])
    assert {"test/app:1"} <= set(done["removed"]["images"])
    assert anonymous in done["removed"]["volumes"]
    left = alpha.sh("docker ps -a --format '{{.Names}}'").split()
    assert "plain-keep" in left
    assert "plain-old" not in left
    again = run_module("prune", **options)
    assert (again["changed"], again["plan"]) == (False, [])

    alpha.sh("docker service rollback --detach app")
    wait_for_image(alpha, "test/app:2")


PLAIN = """
docker run -d --name plain-stopped --restart unless-stopped -v /data orcastra/app sleep 600
docker exec plain-stopped sh -c 'echo precious > /data/file'
docker stop -t 0 plain-stopped
docker create --name plain-created -v /data orcastra/app true
docker create --name plain-composed --label com.docker.compose.project=p -v /data orcastra/app true
docker run --name plain-gone -v /data orcastra/app true && docker rm plain-gone
docker volume create plain-named
"""


def job(host: Host, name: str, *mounts: dict[str, Any]) -> str:
    """Create a service that runs once. Returns the name of its ended container."""
    container = {"Image": "orcastra/app", "Command": ["sh", "-c", "head -c 3000000 /dev/zero > /anon/f"]}
    spec = {
        "Name": name,
        "TaskTemplate": {
            "ContainerSpec": {**container, "Mounts": [{"Type": "volume", "Target": "/anon"}, *mounts]},
            "RestartPolicy": {"Condition": "none"},
            "Placement": {"Constraints": [f"node.hostname=={host.name}"]},
        },
        "EndpointSpec": {"Mode": "dnsrr"},
    }
    host.api("POST", "/services/create", spec)
    ended = f"docker ps -a --format '{{{{.Names}}}}' --filter status=exited --filter name=^{name}"
    wait_until(lambda: host.sh(ended).split(), 60, f"{name} to end")
    return str(host.sh(ended).split()[0])


def mounted(host: Host, container: str) -> dict[str, str]:
    """Return target → name of a container's volumes."""
    mounts = json.loads(host.sh(f"docker inspect -f '{{{{json .Mounts}}}}' {container}"))
    return {mount["Destination"]: mount["Name"] for mount in mounts}


def test_prune_removes_only_swarm_leftovers_by_default(
    alpha: Host, run_module: Modules, tmp_path: Path
) -> None:
    alpha.sh(PLAIN)
    kept_volume = {"Type": "volume", "Target": "/kept", "VolumeOptions": {"Labels": {"keep": "1"}}}
    first = job(alpha, "once", {"Type": "volume", "Source": "used", "Target": "/named"})
    second = job(alpha, "twice", kept_volume)
    # the image has the labels of a task, so its containers look like tasks
    alpha.sh(f"docker commit {first} test/same:3; docker run --name plain-commit test/same:3 true")
    alpha.sh(f"docker run --name plain-reader --volumes-from {second} orcastra/app true")
    tasks, kept = mounted(alpha, first), mounted(alpha, second)
    containers = set(alpha.sh("docker ps -a --format '{{.Names}}'").split())
    volumes = set(alpha.sh("docker volume ls -q").split())
    options = {
        "grace_period": 0,
        "keep_images": 99,
        "state_dir": str(tmp_path),
        "exclude_labels": ["keep=1"],
        "exclude_containers": ["plain-x.*"],
    }

    checked = run_module("prune", check=True, **options)
    done = run_module("prune", **options)
    assert done["removed"] == checked["removed"]
    assert (set(done["removed"]["containers"]), set(done["removed"]["volumes"])) == (
        {f"{first} of once", f"{second} of twice"},
        {tasks["/anon"]},
    )
    assert set(alpha.sh("docker ps -a --format '{{.Names}}'").split()) == containers - {first, second}
    assert set(alpha.sh("docker volume ls -q").split()) == volumes - {tasks["/anon"]}
    assert kept["/anon"] in volumes
    assert done["freed"] == {"containers": 2, "images": 0, "volumes": 1, "bytes": 3_000_000, "exact": True}
    assert (done["kept"], len(done["warnings"])) == ([], 1)
    assert alpha.sh("docker start plain-stopped; docker exec plain-stopped cat /data/file").split() == [
        "plain-stopped",
        "precious",
    ]
    alpha.sh("docker stop -t 0 plain-stopped")

    opted_in = run_module("prune", plain_containers=True, **options)
    assert {name for name in containers if name.startswith("plain-")} <= set(
        opted_in["removed"]["containers"]
    )
    left = set(alpha.sh("docker volume ls -q").split())
    # the volumes with the label, the named volumes, and nothing else
    assert {"plain-named", "used", kept["/kept"]} <= left
    assert not left & {kept["/anon"], tasks["/anon"]}


def test_prune_keeps_named_volumes_by_default(alpha: Host, run_module: Modules, tmp_path: Path) -> None:
    deploy(alpha, "test/app:1")
    alpha.sh("docker service rm app")
    wait_until(lambda: not alpha.api("GET", "/services"), 60, "the service to be removed")
    deploy(alpha, "test/app:1")
    alpha.sh("docker volume create data; docker volume create --label orchestration.prune=false kept")
    alpha.sh("docker run --name plain-volume -v /anonymous orcastra/app true")
    anonymous = alpha.sh("docker inspect -f '{{(index .Mounts 0).Name}}' plain-volume").strip()
    alpha.sh("docker rm plain-volume")
    options = {
        "grace_period": 0,
        "keep_images": 99,
        "state_dir": str(tmp_path),
        "plain_containers": True,
    }

    def volumes() -> set[str]:
        return set(alpha.sh("docker volume ls -q").split())

    assert {"data", "kept", "used", anonymous} <= volumes()
    run_module("prune", volumes="none", **options)
    assert anonymous in volumes()
    done = run_module("prune", **options)
    assert targets(done) & {f"volume {name}" for name in (anonymous, "data", "kept", "used")} == {
        f"volume {anonymous}"
    }
    assert {"data", "kept", "used"} <= volumes()
    named = run_module("prune", volumes="named", **options)
    assert "volume data" in targets(named)
    assert volumes() & {"data", "kept", "used", anonymous} == {"kept", "used"}


def test_prune_on_worker_keeps_images_of_unknown_use(
    swarm: Lab, alpha: Host, run_module: Modules, tmp_path: Path
) -> None:
    deploy(alpha, "test/app:1")
    charlie = swarm["charlie"]
    node = next(raw for raw in alpha.api("GET", "/nodes") if raw["Description"]["Hostname"] == "charlie")
    for tag in "12":
        load(charlie, busybox_image(f"test/app:{tag}", {"/version": tag}))
    demoted = {**node["Spec"], "Role": "worker"}
    alpha.api("POST", f"/nodes/{node['ID']}/update", demoted, {"version": node["Version"]["Index"]})
    wait_until(
        lambda: not charlie.api("GET", "/info")["Swarm"]["ControlAvailable"], 60, "charlie to be a worker"
    )
    options = {
        **NOW,
        "docker_host": charlie.docker_host,
        "state_dir": str(tmp_path),
        "exclude_images": others(charlie),
    }

    alone = run_module("prune", **options)
    assert not [target for target in targets(alone) if target.startswith("image")]
    assert alone["notes"][0]["code"] == "images_kept_use_unknown"
    use = run_module("swarm_info", in_use=True)["in_use"]
    assert use["images"] == ["test/app:1"]
    assert use["volumes"] == ["used"]
    told = run_module("prune", check=True, services_in_use=use, **options)
    assert targets(told) == {"image test/app:2"}
    done = run_module("prune", manager_host=alpha.docker_host, **options)
    assert targets(done) == {"image test/app:2"}
    assert tags(charlie) == {"test/app:1"}
    charlie.sh("docker rmi test/app:1")
    # immediately, because restoring the lab takes longer
    node = alpha.api("GET", f"/nodes/{node['ID']}")
    promoted = {**node["Spec"], "Role": "manager"}
    alpha.api("POST", f"/nodes/{node['ID']}/update", promoted, {"version": node["Version"]["Index"]})
    wait_until(lambda: charlie.api("GET", "/info")["Swarm"]["ControlAvailable"], 60, "a manager again")


def test_prune_reports_logs_without_limit(alpha: Host, run_module: Modules) -> None:
    alpha.sh("docker create --name plain-endless orcastra/app")
    alpha.sh("docker create --name plain-bounded --log-opt max-size=1m orcastra/app")
    alpha.sh("docker create --name plain-local --log-driver local orcastra/app")
    found = run_module("container_log_info")
    assert "plain-endless" in found["unlimited"]
    assert not {"plain-bounded", "plain-local"} & set(found["unlimited"])
    assert found["drivers"]["local"] == 1
    assert "plain-endless" in json.dumps(found["warnings"])
