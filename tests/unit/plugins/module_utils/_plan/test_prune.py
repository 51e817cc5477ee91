# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes and what stays: grace, the newest, the services' images, exclusions, unknown swarms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.node import (
    TASK_ID_LABEL,
    Container,
    Image,
    NodeView,
    SwarmUse,
    Volume,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.node_state import (
    NodeState,
    SetSeen,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.steps import Plan
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.prune import PruneRules, plan_prune

NOW = 1_000_000.0
HOUR = 3600.0
OLD = NOW - 100 * HOUR
RULES = PruneRules(grace=3 * HOUR, keep_images=0)
NOTHING = SwarmUse()


def image(name: str, **fields: Any) -> Image:
    return replace(Image(id=f"sha256:{name.encode().hex():0<64}", tags=(name,), size=5), **fields)


def prune(
    *images: Image,
    containers: tuple[Container, ...] = (),
    volumes: tuple[Volume, ...] = (),
    rules: PruneRules = RULES,
    use: SwarmUse | None = NOTHING,
    swarm_state: str = "active",
    state: NodeState | None = None,
) -> Plan:
    view = NodeView(
        "e1",
        "alpha",
        NOW,
        swarm_state,
        containers=containers,
        images=images,
        dangling_volumes=volumes,
    )
    known = NodeState(
        images={image.id: OLD for image in images}, volumes={volume.name: OLD for volume in volumes}
    )
    return plan_prune(view, rules, known if state is None else state, use)


def gone(plan: Plan) -> list[str]:
    return [step.target for step in plan.steps]


def test_containers_go_by_their_end_not_by_their_beginning() -> None:
    def ended(name: str, ago: float, **fields: Any) -> Container:
        made = Container(id=name, name=name, state="exited", created=OLD, finished=NOW - ago)
        return replace(made, **fields)

    plan = prune(
        containers=(
            ended("just", 1),
            ended("long", 4 * HOUR),
            ended("dead", 4 * HOUR, state="dead"),
            ended("running", 4 * HOUR, state="running"),
            ended("never", 0, state="created", finished=0.0),
            ended("coming", 0, state="created", finished=0.0, labels={TASK_ID_LABEL: "t"}),
            ended("kept", 4 * HOUR, labels={"orchestration.prune": "false"}),
            ended("pattern-1", 4 * HOUR),
        ),
        rules=replace(RULES, exclude_containers=("pattern-*",)),
    )
    assert gone(plan) == ["container long", "container dead", "container never"]


def test_an_image_in_use_here_stays_until_its_container_has_gone() -> None:
    used = image("a:1")
    fresh = Container(id="c", name="c", state="exited", image_id=used.id, finished=NOW - 1)
    assert gone(prune(used, containers=(fresh,))) == []
    stale = replace(fresh, finished=OLD)
    assert gone(prune(used, containers=(stale,))) == ["container c", "image a:1"]


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
def test_what_a_service_names_stays(reference: str, fields: dict[str, Any]) -> None:
    found = image("a:1", **fields)
    assert gone(prune(found)) == [f"image {found.title}"]
    assert gone(prune(found, use=SwarmUse(images=frozenset({reference})))) == []
    assert gone(prune(found, use=SwarmUse(images=frozenset({"shop/app:2", "nginx:2", "y"})))) != []


def test_the_newest_of_each_repository_stay() -> None:
    images = [image(f"app:{n}", created=float(n)) for n in range(5)] + [image("other:1")]
    loose = Image(id="sha256:loose", digests=())
    plan = prune(*images, loose, rules=replace(RULES, keep_images=2))
    assert gone(plan) == ["image app:0", "image app:1", "image app:2", "image sha256:loose"]
    # what came last is newer than what was built last
    state = NodeState(images={each.id: OLD for each in images} | {images[0].id: OLD + 1})
    plan = prune(*images, rules=replace(RULES, keep_images=2), state=state)
    assert gone(plan) == ["image app:1", "image app:2", "image app:3"]


def test_an_image_is_as_old_as_we_know_it() -> None:
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


def test_without_a_manager_images_stay_unless_there_is_no_swarm() -> None:
    plan = prune(image("a:1"), use=None)
    assert gone(plan) == []
    assert plan.notes[0].startswith("images are left: what the services use is unknown here")
    assert gone(prune(image("a:1"), use=None, swarm_state="locked")) == []
    assert gone(prune(image("a:1"), use=None, swarm_state="inactive")) == ["image a:1"]


def test_named_volumes_go_only_where_they_are_opted_in_and_no_service_has_them() -> None:
    volumes = (
        Volume("x", anonymous=True),
        Volume("data"),
        Volume("mounted"),
        Volume("labelled", labels={"orchestration.prune": "false"}),
        Volume("remote", driver="nfs"),
        Volume("pattern"),
    )
    use = SwarmUse(volumes=frozenset({"mounted"}))
    named = replace(RULES, volumes="named", exclude_volumes=("patt*",))
    assert gone(prune(volumes=volumes, use=use)) == ["volume x"]
    assert gone(prune(volumes=volumes, rules=named, use=use)) == ["volume data", "volume x"]
    assert gone(prune(volumes=volumes, rules=named, use=None)) == ["volume x"]
    assert gone(prune(volumes=volumes, rules=replace(RULES, volumes="none"), use=use)) == []


def test_a_volume_counts_from_when_it_was_first_seen_unused() -> None:
    volume = Volume("x", anonymous=True)
    plan = prune(volumes=(volume,), state=NodeState(volumes={"other": OLD}))
    assert gone(plan) == []
    assert plan.remember == (SetSeen({}, {"x": NOW}),)
