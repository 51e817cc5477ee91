# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mods from a real registry over TLS: by tag, digest and index, byte for byte."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._mods.cache import Kept, keep_layer
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.http import Fetcher
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.platforms import parse_platform
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.reference import parse_reference
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.registry import Registry
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.replies import FetchError
from tests.support.real_registry import RealRegistry, digest_of

PLATFORMS = {
    "amd64": {"platform": {"os": "linux", "architecture": "amd64"}},
    "arm64": {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
}
MAX_BYTES = 10_000_000


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with RealRegistry(tmp_path_factory.mktemp("registry")) as real:
        for name in PLATFORMS:
            real.push(real.build(name, f"for {name}\n", name), f"user/mod:{name}")
        amd64 = real.build("amd64", "for amd64\n")
        real.push(amd64, "user/mod:docker", "--format", "v2s2")
        real.push(
            real.recompress(amd64, "z", "--dest-compress", "--dest-compress-format", "zstd"), "user/z:1"
        )
        real.push(real.recompress(amd64, "plain", "--dest-decompress"), "user/plain:1")
        yield real


@pytest.fixture
def registry(real: RealRegistry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(real.ca))
    fetcher = Fetcher(60, "test/1")
    yield Registry(fetcher)
    fetcher.close()


def keep(registry: Registry, text: str, folder: Path, architecture: str = "amd64") -> Kept:
    layer = registry.resolve(
        parse_reference(text), parse_platform(architecture), trusted=True, max_bytes=MAX_BYTES
    )
    return keep_layer(registry, layer, folder, trusted=True)


@pytest.mark.parametrize("tag", ["amd64", "docker"])
def test_registry_serves_mods_by_tag_and_digest(
    registry: Registry, real: RealRegistry, tmp_path: Path, tag: str
) -> None:
    manifest = real.manifest("user/mod", tag)
    digest = digest_of(manifest)
    name = f"{real.host}/user/mod"
    assert registry.news(parse_reference(f"{name}:{tag}"), trusted=True) == digest
    files = {
        f"{name}:{tag}": f"user.mod.{tag}.tar.xz",
        f"{name}@{digest}": f"user.mod.{digest[7:]}.tar.xz",
        f"{name}:{tag}@{digest}": f"user.mod.{tag}.{digest[7:]}.tar.xz",
    }
    for text, file in files.items():
        assert keep(registry, text, tmp_path).path == tmp_path / file
        content = (tmp_path / file).read_bytes()
        assert content == real.layer("user/mod", tag)
        # checks of LinuxServer's images before they install a mod
        assert json.loads(manifest)["layers"][0]["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        # and its files
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content)), mode="r|") as archive:
            found = next(member for member in archive if member.name == "etc/mod/mod.txt")
            extracted = archive.extractfile(found)
            assert extracted is not None
            assert extracted.read() == b"for amd64\n"
        assert not keep(registry, text, tmp_path).is_new
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files.values())


def test_registry_serves_mods_by_index(registry: Registry, real: RealRegistry, tmp_path: Path) -> None:
    attested = {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    digest = real.push_index("user/mod", "multi", {"docker": attested, **PLATFORMS})
    text = f"{real.host}/user/mod:multi"
    assert registry.news(parse_reference(text), trusted=True) == digest
    for architecture, name in {"x86_64": "amd64", "aarch64": "arm64"}.items():
        folder = tmp_path / parse_platform(architecture).folder
        keep(registry, text, folder, architecture)
        assert (tmp_path / name / "user.mod.multi.tar.xz").read_bytes() == real.layer("user/mod", name)
    pinned = keep(registry, f"{real.host}/user/mod@{digest}", tmp_path, "arm64").path
    assert pinned.read_bytes() == real.layer("user/mod", "arm64")
    with pytest.raises(FetchError, match="expected an image for riscv64, found linux/amd64, linux/arm64/v8"):
        keep(registry, text, tmp_path, "riscv64")


@pytest.mark.parametrize("name", ["z", "plain"])
def test_registry_refuses_other_than_gzip(
    registry: Registry, real: RealRegistry, tmp_path: Path, name: str
) -> None:
    with pytest.raises(FetchError, match="expected a layer packed with gzip"):
        keep(registry, f"{real.host}/user/{name}:1", tmp_path)
    assert not list(tmp_path.iterdir())


def test_registry_reports_missing_mods(registry: Registry, real: RealRegistry, tmp_path: Path) -> None:
    for text in (f"{real.host}/user/mod:none", f"{real.host}/user/none:1"):
        with pytest.raises(FetchError, match="answered 404"):
            keep(registry, text, tmp_path)


def test_registry_without_ca_is_refused(
    real: RealRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    fetcher = Fetcher(60, "test/1", sleep=lambda _seconds: None)
    with pytest.raises(FetchError, match="TLS failed"):
        keep(Registry(fetcher), f"{real.host}/user/mod:amd64", tmp_path)
    fetcher.close()
