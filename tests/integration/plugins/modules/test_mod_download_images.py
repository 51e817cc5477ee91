# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Downloads of configured and requested mod images from a real registry into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plugins.modules.conftest import Modules
from tests.lab import Lab
from tests.support.real_registry import RealRegistry, digest_of

STATE = ".orcastra-mods.json"
LOCK = ".orcastra-mods.lock"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with RealRegistry(tmp_path_factory.mktemp("registry")) as real:
        platforms = {}
        for name in ("amd64", "arm64"):
            real.push(real.build(name, f"for {name}\n", name), f"user/mod:{name}")
            platforms[name] = {"platform": {"os": "linux", "architecture": name}}
        real.push_index("user/mod", "multi", platforms)
        plain = real.recompress(real.build("amd64", "for amd64\n"), "plain", "--dest-decompress")
        real.push(plain, "user/plain:1")
        yield real


Mod = Callable[..., dict[str, Any]]


@pytest.fixture
def mod_download(run_module: Modules, real: RealRegistry, monkeypatch: pytest.MonkeyPatch) -> Mod:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(real.ca))
    return lambda **parameters: run_module("mod_download", **parameters)


def create_service(swarm: Lab, name: str, environment: list[str], **labels: dict[str, str]) -> None:
    """Create a service scaled to 0, with labels for the ``service`` and its ``container``."""
    container = {"Image": "orcastra/app", "Env": environment, "Labels": labels.get("container", {})}
    swarm["alpha"].api(
        "POST",
        "/services/create",
        {
            "Name": name,
            "Labels": labels.get("service", {}),
            "TaskTemplate": {"ContainerSpec": container},
            "Mode": {"Replicated": {"Replicas": 0}},
        },
    )


def files_in(dest: Path) -> dict[str, bytes]:
    return {
        path.relative_to(dest).as_posix(): path.read_bytes()
        for path in dest.rglob("*")
        if path.is_file() and path.name not in (STATE, LOCK)
    }


def test_mod_download_gets_images_for_all_architectures(
    mod_download: Mod, real: RealRegistry, tmp_path: Path
) -> None:
    dest = tmp_path / "mods"
    pinned = digest_of(real.manifest("user/mod", "multi"))
    config = {
        "discover": {"docker_mods": False, "label_prefix": None},
        "mods": [{"image": f"{real.host}/user/mod:multi"}, {"image": f"{real.host}/user/mod@{pinned}"}],
    }
    options = {"dest": str(dest), "config": config, "architectures": ["x86_64", "aarch64"]}
    planned = mod_download(check=True, **options)
    assert planned["changed"], planned
    assert not dest.exists()
    done = mod_download(**options)
    assert done["plan"] == planned["plan"]
    assert files_in(dest) == {
        f"{name}/{file}.tar.xz": real.layer("user/mod", name)
        for name in ("amd64", "arm64")
        for file in ("user.mod.multi", f"user.mod.{pinned[7:]}")
    }
    modes = {path.name: path.stat().st_mode & 0o7777 for path in dest.rglob("*")}
    assert {mode for name, mode in modes.items() if name.endswith(".xz")} == {0o644}
    assert {modes["amd64"], modes["arm64"], dest.stat().st_mode & 0o7777} == {0o755}
    # one HEAD request for each mod that isn't pinned
    again = mod_download(**options)
    assert (again["changed"], again["requests"], again["downloaded_bytes"]) == (False, 2, 0)
    assert json.loads((dest / STATE).read_text())["version"] == 1

    # a modified file, and a file that is no longer desired
    (dest / "arm64/user.mod.multi.tar.xz").write_bytes(b"other")
    del config["mods"][1]  # type: ignore[attr-defined]
    done = mod_download(**options)
    assert files_in(dest) == {
        f"{name}/user.mod.multi.tar.xz": real.layer("user/mod", name) for name in ("amd64", "arm64")
    }


def test_mod_download_gets_images_requested_by_services(
    mod_download: Mod, swarm: Lab, real: RealRegistry, tmp_path: Path
) -> None:
    dest = tmp_path / "mods"
    name = f"{real.host}/user/mod"
    create_service(
        swarm,
        "asks",
        ["A=b", f"DOCKER_MODS={name}:amd64|{real.host}/user/plain:1|../../etc/passwd"],
        service={"com.linuxserver.mod.one": f"{name}:multi", "com.linuxserver.mod.bad": "a/../b\n/c"},
        container={"com.linuxserver.mod.two": f"{name}@{digest_of(real.manifest('user/mod', 'amd64'))}"},
    )
    options: dict[str, Any] = {"dest": str(dest), "architectures": ["amd64"]}
    # a label must not cause requests to the internal network
    refused = mod_download(**options)
    assert refused["failed"]
    assert "which is forbidden for URLs from labels (requested by service asks)" in refused["msg"]
    assert files_in(dest) == {}
    options["config"] = {"discover": {"allow_private": True}}
    done = mod_download(**options)
    assert done["failed"]
    assert "expected a layer packed with gzip" in done["msg"]
    warnings = "\n".join(done["warnings"])
    assert "service asks: " in warnings
    assert "passwd" in warnings
    layer = real.layer("user/mod", "amd64")
    pinned = digest_of(real.manifest("user/mod", "amd64"))[7:]
    desired = {f"user.mod.{mark}.tar.xz": layer for mark in ("amd64", "multi", pinned)}
    assert files_in(dest) == desired
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["mods"]

    # a tag that changes
    real.push(real.build("newer", "newer\n"), "user/mod:amd64")
    done = mod_download(**options)
    assert [step["target"] for step in done["plan"]] == ["mod user.mod.amd64.tar.xz"], done["plan"]
    newer = real.layer("user/mod", "amd64")
    assert newer != layer
    assert files_in(dest) == {**desired, "user.mod.amd64.tar.xz": newer}
