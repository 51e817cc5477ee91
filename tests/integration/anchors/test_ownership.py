# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orcastra adds and removes recorded constraints; every other field of a service keeps the user's value."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.integration.anchors.stage import SECOND, Stage, cycles
from tests.lab.wait import wait_until
from tests.support.runner_process import orcastra, running

pytestmark = [pytest.mark.lab, pytest.mark.slow]

OURS = "node.labels.db==true"
LABEL = "orcastra.constraints"
MIB = 1024 * 1024
# long enough to change the configuration during the move
SLOWER_TO_STOP = ["sh", "-c", "trap 'sleep 15; exit 0' TERM; while :; do sleep 0.1; done"]
FAILS_ON_BRAVO = "test \"$NODE\" != bravo || exit 1; trap 'exit 0' TERM; while :; do sleep 0.1; done"
START_FIRST = {"Parallelism": 1, "Monitor": SECOND // 2, "Order": "start-first"}


def once(stage: Stage, *options: str, **files: Any) -> tuple[int, str]:
    """Write the configuration and run one cycle. Returns the exit code and the log."""
    for name, content in files.items():
        (stage.folder / f"{name}.yml").write_text(json.dumps(content))
    done = orcastra(
        "run",
        "--once",
        *options,
        "--config",
        stage.folder,
        DOCKER_HOST=stage.swarm.leader().docker_host,
        STACK_NAME="shop",
    )
    return done.returncode, done.stderr


def spec(stage: Stage, name: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.service(name)["Spec"]
    return found


def label(stage: Stage, name: str) -> Any:
    """Return the constraints that are recorded in the service's label."""
    text = spec(stage, name)["Labels"].get(LABEL)
    return None if text is None else json.loads(text)


def replicas(stage: Stage, name: str) -> int:
    number: int = spec(stage, name)["Mode"]["Replicated"]["Replicas"]
    return number


def roll_back(stage: Stage, name: str) -> None:
    found = stage.service(name)
    query = {"version": str(found["Version"]["Index"]), "rollback": "previous"}
    stage.api("POST", f"/services/{found['ID']}/update", found["Spec"], query)


def stack_spec(stage: Stage) -> dict[str, Any]:
    """Return a spec as ``docker stack deploy`` creates it from a large file."""
    return {
        "Name": "shop_app",
        "Labels": {
            "com.docker.stack.image": "orcastra/app",
            "com.docker.stack.namespace": "shop",
            "traefik.http.routers.app.rule": "Host(`bücher.example.org`)",
        },
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "orcastra/app",
                "Labels": {"com.docker.stack.namespace": "shop"},
                "Command": ["sh", "-c", "trap 'sleep 2; exit 0' TERM; while :; do sleep 0.1; done"],
                "Hostname": "{{.Node.Hostname}}-x",
                "Env": ["A=1", "B={{.Service.Name}}"],
                "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
                "Mounts": [
                    {
                        "Type": "volume",
                        "Source": "shop_data",
                        "Target": "/d",
                        "VolumeOptions": {"NoCopy": True},
                    },
                    {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": MIB}},
                ],
                "StopGracePeriod": 90 * SECOND,
                "Init": False,
                "CapabilityAdd": ["CAP_NET_RAW"],
                "Ulimits": [{"Name": "nofile", "Hard": 2048, "Soft": 1024}],
            },
            "Resources": {"Limits": {"MemoryBytes": 64 * MIB}, "Reservations": {"MemoryBytes": 16 * MIB}},
            "RestartPolicy": {"Condition": "any", "Delay": SECOND, "MaxAttempts": 0},
            "Placement": {
                "Constraints": ["node.role   ==   manager", "node.labels.zone !=x", "node.labels.zone !=x"],
                "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}],
                "MaxReplicas": 2,
                "Platforms": [{"Architecture": "amd64", "OS": "linux"}],
            },
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m"}},
        },
        "Mode": {"Replicated": {"Replicas": 2}},
        "UpdateConfig": {**START_FIRST, "FailureAction": "rollback", "MaxFailureRatio": 0.15},
        "RollbackConfig": {"Parallelism": 2, "Monitor": SECOND // 2},
        "EndpointSpec": {"Mode": "dnsrr"},
    }


def test_user_constraints_stay_unchanged(stage: Stage) -> None:
    """Constraints in Orcastra's former spelling, in its current spelling, and in other spellings."""
    user_constraints: dict[str, list[str]] = {
        "other": ["node.hostname ==charlie"],
        "db": ["node.hostname ==bravo"],
        "app": ["node.role ==manager", "node.labels.zone ==true"],
        "web": ["node.platform.os ==linux", "node.role !=worker", "node.labels.db !=false"],
        "own": ["node.labels.db ==true"],
        "cache": ["node.id !=nowhere", "engine.labels.a !=b", "NODE.HOSTNAME!=x", "node.labels.zone==true"],
    }
    for name in ("alpha", "bravo", "charlie"):
        node = stage.node(name)
        query = {"version": str(node["Version"]["Index"])}
        stage.api("POST", f"/nodes/{node['ID']}/update", {**node["Spec"], "Labels": {"zone": "true"}}, query)
    for name, constraints in user_constraints.items():
        stage.create(name, constraints=constraints)
    wait_until(lambda: stage.places("shop_app") and stage.places("shop_db"), 30, "both to run")
    before = {name: spec(stage, f"shop_{name}") for name in user_constraints}

    # zone is also an anchor label, and the saved state records it as managed
    config = {"db": {"services": ["app", "own"]}, "zone": {"services": []}}
    code, said = once(stage, dependencies=config)
    assert code == 0, said
    wait_until(lambda: stage.places("shop_app") == ["bravo"], 30, "the follower to move")
    assert once(stage)[0] == 0
    assert stage.constraints("shop_app") == [*user_constraints["app"], OURS]
    assert label(stage, "shop_app") == [OURS]
    for name in sorted(user_constraints.keys() - {"app"}):
        assert spec(stage, f"shop_{name}") == before[name]

    code, said = once(stage, dependencies={}, nodes={"alpha": {"labels": ["ssd"]}})
    assert code == 0, said
    assert {name: spec(stage, f"shop_{name}") for name in user_constraints} == before


def test_service_spec_is_restored_after_all_changes(stage: Stage) -> None:
    """The service is constrained, moved by scaling, redeployed, moved by hand, rolled back and released."""
    stage.deploy("db", on="alpha")
    stage.api("POST", "/services/create", stack_spec(stage))
    wait_until(lambda: len(stage.places("shop_app")) == 2, 40, "it to run")
    before = spec(stage, "shop_app")
    user_constraints = list(before["TaskTemplate"]["Placement"]["Constraints"])
    stage.configure({"db": {"services": ["app"], "retry_intervals": [0.1] * 5}})
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", "shop_app")
        assert stage.constraints("shop_app") == [*user_constraints, OURS]
        assert label(stage, "shop_app") == [OURS]

        stage.move("shop_db", "bravo")
        wait_until(lambda: replicas(stage, "shop_app") == 0, 30, "it to be scaled to 0")
        stage.wait_settled("shop_db", "shop_app", on="bravo", timeout=60)
        held = spec(stage, "shop_app")
        assert {**held, "Labels": before["Labels"], "TaskTemplate": before["TaskTemplate"]} == before
        assert {k: v for k, v in held["Labels"].items() if k != LABEL} == before["Labels"]

        stage.change("shop_app", lambda found: (found.clear(), found.update(copy.deepcopy(before))))
        wait_until(lambda: label(stage, "shop_app") == [OURS], 30, "the constraint to return")
        assert spec(stage, "shop_app") == held

        # the record is removed and restored together with the constraint
        roll_back(stage, "shop_app")
        wait_until(lambda: label(stage, "shop_app") == [OURS], 30, "the constraint to return")
        assert spec(stage, "shop_app") == held

        stage.configure({})
        wait_until(
            lambda: spec(stage, "shop_app") == before, 30, "all managed constraints and records to be removed"
        )
        cycles(loop, 3)
        assert spec(stage, "shop_app") == before


def test_user_constraint_with_same_text_and_damaged_record(stage: Stage) -> None:
    stage.deploy("db", on="alpha")
    stage.deploy("app", on="alpha")
    stage.constrain("shop_app", "node.role==manager")
    stage.configure({"db": ["app"]})
    with stage.orcastra() as loop:
        stage.wait_settled("shop_db", "shop_app")

        # docker service update --constraint-add with the same text sorts all constraints
        def add(found: dict[str, Any]) -> None:
            constraints = found["TaskTemplate"]["Placement"]["Constraints"]
            found["TaskTemplate"]["Placement"]["Constraints"] = sorted([*constraints, OURS])

        stage.change("shop_app", add)
        wait_until(lambda: label(stage, "shop_app") is None, 30, "the managed constraint to be removed")
        assert stage.constraints("shop_app") == [OURS, "node.role==manager"]

        # docker service update --label-add
        def damage(found: dict[str, Any]) -> None:
            found["Labels"][LABEL] = "nonsense"

        stage.change("shop_app", damage)
        loop.wait_for("shop_app: label orcastra.constraints: expected a JSON list of constraints")
        damaged = spec(stage, "shop_app")
        cycles(loop, 3)
        stage.configure({})
        loop.wait_for("requires the label db, and no node is left for it")
        assert spec(stage, "shop_app") == damaged
        assert loop.said("shop_app: label orcastra.constraints") == 1

        stage.configure({"db": ["app"]})
        stage.constrain("shop_app", "node.role==manager")
        wait_until(lambda: stage.constraints("shop_app") == ["node.role==manager", OURS], 30, "ours")
        assert label(stage, "shop_app") == [OURS]


def test_rolled_back_move_restores_user_spec(stage: Stage) -> None:
    """The new container fails on the anchor's node; Swarm restores constraint and record together."""
    stage.deploy("db", on="alpha")
    update = {"Parallelism": 1, "Monitor": 3 * SECOND, "FailureAction": "rollback"}
    container = {
        "Image": "orcastra/app",
        "Command": ["sh", "-c", FAILS_ON_BRAVO],
        "Env": ["NODE={{.Node.Hostname}}"],
        "Mounts": [{"Type": "volume", "Source": "data", "Target": "/d"}],
    }
    stage.deploy("app", on="alpha", UpdateConfig=update, ContainerSpec=container)
    stage.constrain("shop_app")
    stage.configure({"db": {"services": ["app"], "retry_intervals": [600]}})

    def rolled_back() -> Any:
        found = stage.service("shop_app")
        return found if found.get("UpdateStatus", {}).get("State", "").startswith("rollback") else None

    with stage.orcastra():
        stage.wait_settled("shop_db", "shop_app", on="alpha")
        held = spec(stage, "shop_app")
        stage.move("shop_db", "bravo")
        found = wait_until(rolled_back, 60, "Swarm to roll the move back")
        assert found["Spec"] == held
        assert label(stage, "shop_app") == [OURS]


def test_service_without_placement_survives_rollback(stage: Stage) -> None:
    """So do the managers: engine 20.10 crashes if a rollback removes the whole placement."""
    stage.deploy("db", on="alpha")
    stage.create("app")
    stage.change("shop_app", lambda found: found["TaskTemplate"].pop("Placement"))
    assert "Placement" not in spec(stage, "shop_app")["TaskTemplate"]
    stage.configure({"db": {"services": ["app"], "relocate": "ordered"}})
    with stage.orcastra():
        stage.wait_settled("shop_db", "shop_app", on="alpha")
        # its tasks also have the constraint
        stage.move("shop_db", "bravo")
        stage.wait_settled("shop_db", "shop_app", on="bravo")
        for _ in range(2):
            roll_back(stage, "shop_app")
            stage.wait_settled("shop_db", "shop_app", on="bravo")
        stage.configure({})
        wait_until(lambda: stage.constraints("shop_app") == [], 30, "the managed constraint to be removed")
    assert spec(stage, "shop_app")["TaskTemplate"]["Placement"] == {}
    assert LABEL not in spec(stage, "shop_app")["Labels"]


class TestLastDependency:
    """In polling mode, the default, the plan decides which playbooks run, not the configuration."""

    @pytest.mark.parametrize("nodes", [{}, {"alpha": {"labels": ["ssd"]}}], ids=["nothing", "labels"])
    def test_removal_from_configuration(self, stage: Stage, nodes: dict[str, Any]) -> None:
        stage.deploy("db", on="alpha")
        stage.deploy("app", on="alpha")
        before = spec(stage, "shop_app")
        code, said = once(stage, nodes=nodes, dependencies={"db": {"stack": "shop", "services": ["app"]}})
        assert code == 0, said
        assert label(stage, "shop_app") == [OURS]

        code, said = once(stage, dependencies={})
        assert code == 0, said
        assert spec(stage, "shop_app") == before
        assert stage.labelled("db") == []
        code, said = once(stage)
        assert (code, "no changes needed" in said) == (0, True), said

    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("way", ["the file is gone", "no dependency", "refused", "another follower"])
    def test_removal_during_a_move(self, stage: Stage, way: str) -> None:
        contents = {
            "no dependency": "{}",
            "refused": "db: {services: 7}",
            "another follower": '{"db": {"stack": "shop", "services": ["web"]}}',
        }
        stage.deploy("db", on="alpha")
        stage.deploy("web")
        stage.deploy("app", volume=True, grace=90, command=SLOWER_TO_STOP, UpdateConfig=START_FIRST)
        dependencies = stage.folder / "dependencies.yml"
        dependencies.write_text(json.dumps({"db": {"stack": "shop", "services": ["app"]}}))
        (stage.folder / "nodes.yml").write_text(json.dumps({"alpha": {"labels": ["ssd"]}}))
        with running(
            stage.folder, stage.swarm.leader().docker_host, RELABEL_TIME="2", STACK_NAME="shop"
        ) as loop:
            stage.loops.append(loop)
            stage.wait_settled("shop_db", "shop_app", on="alpha", timeout=90)
            target = next(name for name in ("bravo", "charlie") if stage.places("shop_db") != [name])
            stage.move("shop_db", target)
            wait_until(lambda: replicas(stage, "shop_app") == 0, 60, "it to be scaled to 0")
            if way in contents:
                dependencies.write_text(contents[way])
            else:
                dependencies.unlink()
            wait_until(lambda: len(stage.places("shop_app")) == 1, 90, f"it to run again\n{stage.said()}")
            assert replicas(stage, "shop_app") == 1
            wait_until(lambda: "orcastra.replicas" not in spec(stage, "shop_app")["Labels"], 10, "the record")
            wait_until(lambda: not stage.remembered("orcastra.journal"), 60, "the journal to be empty")
