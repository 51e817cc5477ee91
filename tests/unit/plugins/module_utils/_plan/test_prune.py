# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pruning: grace, newest images, images of services, exclusions, unknown swarms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.node import (
    SERVICE_NAME_LABEL,
    TASK_ID_LABEL,
    Container,
    Image,
    NodeView,
    ServicesInUse,
    Volume,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node_state import NodeState, SetSeen
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node_steps import RemoveContainer
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune.plan import PruneRules, plan_prune

NOW = 1_000_000.0
HOUR = 3600.0
OLD = NOW - 100 * HOUR
RULES = PruneRules(grace=3 * HOUR, keep_images=0)
NOTHING = ServicesInUse()


def image(name: str, **fields: Any) -> Image:
    return replace(Image(id=f"sha256:{name.encode().hex():0<64}", tags=(name,), size=5), **fields)


def prune(
    *images: Image,
    containers: tuple[Container, ...] = (),
    volumes: tuple[Volume, ...] = (),
    rules: PruneRules = RULES,
    use: ServicesInUse | None = NOTHING,
    swarm_state: str = "active",
    state: NodeState | None = None,
    all_volumes: tuple[Volume, ...] = (),
) -> Plan:
    view = NodeView(
        "e1",
        "alpha",
        NOW,
        swarm_state,
        containers=containers,
        images=images,
        volumes=(*volumes, *all_volumes),
        dangling_volumes=volumes,
    )
    known = NodeState(
        images={image.id: OLD for image in images}, volumes={volume.name: OLD for volume in volumes}
    )
    return plan_prune(view, rules, known if state is None else state, use)


def gone(plan: Plan) -> list[str]:
    return [step.target for step in plan.steps]


def ended(name: str, ago: float = 4 * HOUR, **fields: Any) -> Container:
    made = Container(id=name, name=name, state="exited", created=OLD, finished=NOW - ago)
    return replace(made, **fields)


def task(name: str, **fields: Any) -> Container:
    """A container of a Swarm task, ended four hours ago; the ID of the task is the end of its name."""
    labels = {TASK_ID_LABEL: name.rpartition(".")[2], SERVICE_NAME_LABEL: name.partition(".")[0]}
    return ended(name, labels={**labels, **fields.pop("labels", {})}, **fields)


PLAIN = replace(RULES, plain_containers=True)


def test_container_age_counts_from_its_end() -> None:
    plan = prune(
        containers=(
            ended("just", 1),
            ended("long", 4 * HOUR),
            ended("dead", 4 * HOUR, state="dead"),
            ended("running", 4 * HOUR, state="running"),
            ended("never", 0, state="created", finished=0.0),
            task("web.1.t", state="created", finished=0.0),
            ended("kept", 4 * HOUR, labels={"orchestration.prune": "false"}),
            ended("pattern-1", 4 * HOUR),
        ),
        rules=replace(PLAIN, exclude_containers=("pattern-*",)),
    )
    assert gone(plan) == ["container long", "container dead", "container never"]
    assert [step.why for step in plan.steps] == [
        (Reason("container_ended", ago=4 * HOUR),),
        (Reason("container_ended", ago=4 * HOUR),),
        (Reason("container_never_started", ago=NOW - OLD),),
    ]


def test_image_stays_until_its_container_is_gone() -> None:
    used = image("a:1")
    fresh = task("web.1.t", image_id=used.id, finished=NOW - 1)
    assert gone(prune(used, containers=(fresh,))) == []
    stale = replace(fresh, finished=OLD)
    assert gone(prune(used, containers=(stale,))) == ["container web.1.t of web", "image a:1"]
    # a container that stays keeps its image, however old it is
    assert gone(prune(used, containers=(ended("c", image_id=used.id),))) == []


@pytest.mark.parametrize(
    "container",
    [
        ended("legacy"),
        ended("created", state="created", finished=0.0),
        ended("dead", state="dead"),
        ended("compose", labels={"com.docker.compose.project": "p", "com.docker.compose.service": "s"}),
        # docker commit copies a task's labels into an image, and its containers inherit them
        ended("from-commit", labels={TASK_ID_LABEL: "abc", SERVICE_NAME_LABEL: "web"}),
        ended("renamed-abc", labels={TASK_ID_LABEL: "abc"}),
        ended("web.1.abc"),
        ended("web.1.", labels={TASK_ID_LABEL: ""}),
        ended("web.1.abc", labels={SERVICE_NAME_LABEL: "web"}),
    ],
    ids=lambda container: container.name,
)
def test_plain_containers_stay_unless_opted_in(container: Container) -> None:
    container = replace(container, anonymous_volumes=("v",), volumes=("v",))
    view = {"containers": (container,), "volumes": ()}
    plan = prune(**view)  # type: ignore[arg-type]
    assert (gone(plan), plan.notes) == ([], (Reason("plain_containers_kept", count=1),))
    assert gone(prune(**view, rules=PLAIN)) == [f"container {container.name}"]  # type: ignore[arg-type]


def removed_volumes(plan: Plan) -> list[tuple[tuple[str, ...], bool]]:
    return [(step.volumes, step.all_volumes) for step in plan.steps if isinstance(step, RemoveContainer)]


@pytest.mark.parametrize(
    ("volume", "rules", "expected"),
    [
        (Volume("v", anonymous=True), RULES, (("v",), True)),
        (Volume("v", anonymous=True), replace(RULES, volumes="none"), ((), False)),
        (Volume("v", driver="nfs", anonymous=True), RULES, ((), False)),
        (Volume("v", labels={"orchestration.prune": "false"}), RULES, ((), False)),
        (Volume("v", labels={"orchestration.prune": "False"}), RULES, ((), False)),
        (Volume("v"), replace(RULES, exclude_volumes=("v*",)), ((), False)),
        (None, RULES, ((), False)),
    ],
)
def test_anonymous_volumes_are_removed_with_their_task(
    volume: Volume | None, rules: PruneRules, expected: Any
) -> None:
    container = task("web.1.t", volumes=("v", "data"), anonymous_volumes=("v",))
    plan = prune(containers=(container,), all_volumes=(volume,) if volume else (), rules=rules)
    assert removed_volumes(plan) == [expected]


def test_volume_of_another_container_stays() -> None:
    first, second = (
        task(f"web.{n}.t{n}", volumes=("shared", f"own{n}"), anonymous_volumes=("shared", f"own{n}"))
        for n in (1, 2)
    )
    volumes = tuple(Volume(name, anonymous=True) for name in ("shared", "own1", "own2"))
    both = prune(containers=(first, second), all_volumes=volumes)
    assert removed_volumes(both) == [(("shared", "own1"), True), (("shared", "own2"), True)]
    reader = ended("reader", volumes=("shared",))
    plan = prune(containers=(first, reader), all_volumes=volumes)
    assert removed_volumes(plan) == [(("own1",), False)]


DIGEST = "sha256:" + "d" * 64


@pytest.mark.parametrize(
    ("reference", "fields"),
    [
        ("shop/app:1", {"tags": ("shop/app:1",)}),
        ("docker.io/library/nginx:1", {"tags": ("nginx:1",)}),
        ("nginx", {"tags": ("nginx:latest",)}),
        ("reg.example:5000/a", {"tags": ("reg.example:5000/a:latest",)}),
        (f"shop/app:1@{DIGEST}", {"tags": (), "digests": (f"shop/app@{DIGEST}",)}),
        (f"docker.io/library/nginx:1@{DIGEST}", {"tags": (), "digests": (f"nginx@{DIGEST}",)}),
        (f"shop/app:1@{DIGEST}", {"tags": ("shop/app:1",), "digests": ()}),
        (f"shop/app@{DIGEST}", {"id": DIGEST, "tags": ()}),
        (DIGEST, {"id": DIGEST, "tags": ("x:1",)}),
        ("d" * 12, {"id": DIGEST, "tags": ("x:1",)}),
    ],
)
def test_images_and_volumes_of_services_stay(reference: str, fields: dict[str, Any]) -> None:
    found = image("a:1", **fields)
    assert gone(prune(found)) == [f"image {found.title}"]
    assert gone(prune(found, use=ServicesInUse(images=frozenset({reference})))) == []
    assert gone(prune(found, use=ServicesInUse(images=frozenset({"shop/app:2", "nginx:2", "y"})))) != []


def test_newest_images_of_each_repository_stay() -> None:
    images = [image(f"app:{n}", created=float(n)) for n in range(5)] + [image("other:1")]
    loose = Image(id="sha256:loose", digests=())
    plan = prune(*images, loose, rules=replace(RULES, keep_images=2))
    assert gone(plan) == ["image app:0", "image app:1", "image app:2", "image sha256:loose"]
    age = NOW - OLD
    kept = Reason("newer_images_kept", count=2, repositories=["app"])
    assert plan.steps[0].why == (Reason("image_unused", ago=age), kept)
    assert plan.steps[3].why == (Reason("image_unused", ago=age),)
    # the first observation counts before the build time
    state = NodeState(images={each.id: OLD for each in images} | {images[0].id: OLD + 1})
    plan = prune(*images, rules=replace(RULES, keep_images=2), state=state)
    assert gone(plan) == ["image app:1", "image app:2", "image app:3"]


def test_image_age_counts_from_the_first_observation() -> None:
    plan = prune(image("a:1"), state=NodeState(images={"gone": 1.0}))
    assert gone(plan) == []
    assert plan.remember == (SetSeen({image("a:1").id: NOW}, {}),)
    assert prune(image("a:1"), rules=replace(RULES, grace=1e9)).remember == ()


def test_exclusions_and_several_repositories() -> None:
    both = image("a:1", tags=("a:1", "b:1"))
    assert prune(both).steps[0].references == ("a:1", "b:1")  # type: ignore[attr-defined]
    assert gone(prune(both, rules=replace(RULES, multiple_repositories=False))) == []
    for patterns in (("b",), ("b:*",), ("?:1",)):
        assert gone(prune(both, rules=replace(RULES, exclude_images=patterns))) == []
    labelled = image("a:1", labels={"keep": "yes"})
    assert gone(prune(labelled, rules=replace(RULES, exclude_labels=("keep",)))) == []
    assert gone(prune(labelled, rules=replace(RULES, exclude_labels=("keep=no",)))) != []


def test_images_stay_without_a_manager() -> None:
    plan = prune(image("a:1"), use=None)
    assert gone(plan) == []
    assert plan.notes == (Reason("images_kept_use_unknown"),)
    assert gone(prune(image("a:1"), use=None, swarm_state="locked")) == []
    assert gone(prune(image("a:1"), use=None, swarm_state="inactive")) == ["image a:1"]


STACK = {"com.docker.stack.namespace": "shop"}


def test_unused_volumes_are_removed_only_for_stacks_or_opted_in() -> None:
    volumes = (
        Volume("x", anonymous=True),
        Volume("data"),
        Volume("mounted", labels=STACK),
        Volume("labelled", labels={"orchestration.prune": "false", **STACK}),
        Volume("remote", driver="nfs", labels=STACK),
        Volume("pattern", labels=STACK),
        Volume("shop_data", labels=STACK),
        Volume("composed", labels={"com.docker.compose.project": "p", **STACK}),
    )
    use = ServicesInUse(volumes=frozenset({"mounted"}))
    named = replace(RULES, volumes="named", exclude_volumes=("patt*",))
    assert gone(prune(volumes=volumes, use=use)) == []
    assert gone(prune(volumes=volumes, rules=named, use=use)) == ["volume shop_data"]
    unknown = prune(volumes=volumes, rules=named, use=None)
    assert gone(unknown) == []
    assert unknown.notes == (
        Reason("images_kept_use_unknown"),
        Reason("named_volumes_kept_use_unknown"),
        Reason("volumes_of_unknown_origin_kept", count=3),
    )
    plain = replace(named, plain_containers=True)
    assert gone(prune(volumes=volumes, rules=plain, use=use)) == [
        "volume composed", "volume data", "volume shop_data", "volume x",
    ]  # fmt: skip
    assert gone(prune(volumes=volumes, rules=plain, use=None)) == ["volume x"]
    assert gone(prune(volumes=volumes, rules=PLAIN, use=use)) == ["volume x"]
    assert gone(prune(volumes=volumes, rules=replace(PLAIN, volumes="none"), use=use)) == []


def test_volume_age_counts_from_the_first_unused_observation() -> None:
    volume = Volume("x", anonymous=True)
    plan = prune(volumes=(volume,), state=NodeState(volumes={"other": OLD}), rules=PLAIN)
    assert gone(plan) == []
    assert plan.remember == (SetSeen({}, {"x": NOW}),)


HEX = "5ffc15301cef" + "0" * 52
REDIS = Image(id=f"sha256:{HEX}", tags=("redis:3.0",), digests=(f"redis@{DIGEST}",), size=5)
TEAM = Image(id="sha256:" + "b" * 64, tags=("team/app:1",), size=5)
PRIVATE = Image(id="sha256:" + "c" * 64, tags=("reg.example.org:5000/team/app:1",), size=5)
UNTAGGED = Image(id="sha256:" + "d1" * 32, size=5)


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        *((pattern, REDIS) for pattern in (
            "redis", "redis:*", "redis:3.0", "redis:3.?", "library/redis", "library/redis:3.0",
            "docker.io/redis:3.0", "docker.io/library/redis", "docker.io/library/redis:3.0",
            "index.docker.io/library/redis:*", "docker.io/library/*", f"redis@{DIGEST}",
            f"redis:3.0@{DIGEST}",
            f"docker.io/library/redis:3.0@{DIGEST}", "redis@sha256:*", DIGEST, DIGEST[:20],
            "5ffc15301cef", "5ffc153", "5FFC15301CEF", "5ffc15301cef*", HEX, f"sha256:{HEX}",
            "sha256:5ffc15301cef",
            "sha256:5ffc*", " redis:* ", "'redis:*'", '"redis"', "redis:.*", "redis:3\\.0",
            "^redis:3.0$", "^redis", "3.0$", "redis:(2|3).0",
        )),
        ("team/app", TEAM), ("team/*", TEAM), ("docker.io/team/app:1", TEAM), ("docker.io/team/*", TEAM),
        ("reg.example.org:5000/*", PRIVATE), ("reg.example.org:5000/team/app", PRIVATE),
        ("reg.example.org:5000/team/app:1", PRIVATE), ("reg\\.example\\.org:5000/.*", PRIVATE),
        ("d1d1d1d1d1d1", UNTAGGED),
    ],
)  # fmt: skip
def test_exclusion_matches_any_name_of_an_image(pattern: str, kept: Image) -> None:
    every = (REDIS, TEAM, PRIVATE, UNTAGGED)
    plan = prune(*every, rules=replace(RULES, exclude_images=(pattern,)))
    assert {f"image {image.title}" for image in every} - set(gone(plan)) == {f"image {kept.title}"}
    assert plan.notes == ()


def test_exclusion_pattern_matches_all_registries() -> None:
    plan = prune(REDIS, TEAM, PRIVATE, rules=replace(RULES, exclude_images=("*/team/app",)))
    assert gone(plan) == ["image redis:3.0"]


@pytest.mark.parametrize(
    ("pattern", "warns", "notes"),
    [
        ("redis:*", 0, 0), ("redis:.*", 1, 0), ("python:3\\.5-alpine", 1, 0), ("^redis", 1, 0),
        ("nginx.+", 1, 0),
        ("(redis|nginx)", 1, 0), ("redis[0-9]+", 1, 0), ("redis:3.0$", 1, 0), ("(", 1, 0), ("*(", 1, 0),
        ("nginx", 0, 1), ("nginx:*", 0, 1), ("Redis", 0, 1), ("beef00beef00", 0, 1), ("a*", 0, 1), ("", 0, 0),
        ("redis[:]3.0", 0, 0), ("re?is", 0, 0), ("[", 0, 1), ("redis:[0-9].[0-9]", 0, 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("option", ["exclude_images", "exclude_containers", "exclude_volumes"])
def test_suspicious_patterns_are_reported(option: str, pattern: str, warns: int, notes: int) -> None:
    named = ("redis", "redis:3.0")
    plan = prune(
        REDIS,
        containers=tuple(ended(name, state="running") for name in named),
        volumes=tuple(Volume(name) for name in named),
        rules=replace(RULES, **{option: (pattern,)}),
    )
    assert (len(plan.warnings), len(plan.notes)) == (warns, notes)
    params = {"option": option, "pattern": pattern}
    assert all(one.params == params for one in (*plan.warnings, *plan.notes))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "pattern", ["web.1.t", "web.*", "web", "/web.1.t", "c0ffee", "c0ffee*", "web.1.[a-z]", "w.*t"]
)
def test_exclusion_matches_container_name_service_and_id(pattern: str) -> None:
    container = task("web.1.t", id="c0ffee" + "0" * 58)
    assert gone(prune(containers=(container,))) == ["container web.1.t of web"]
    assert gone(prune(containers=(container,), rules=replace(RULES, exclude_containers=(pattern,)))) == []
