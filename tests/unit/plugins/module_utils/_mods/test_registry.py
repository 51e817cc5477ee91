# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Well-behaved and hostile registries, on a TLS server in this process."""

from __future__ import annotations

import gzip
import json
import os
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._mods import registry as registry_module
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.cache import Kept, keep_layer, write_lock
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.http import Fetcher
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.platforms import parse_platform
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.reference import Reference, parse_reference
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.registry import Layer, Registry
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.replies import FetchError
from tests.lab.keys import create_tls
from tests.support.coded import raises
from tests.support.fake_registry import (
    DOCKER,
    DOCKER_LIST,
    OCI,
    OCI_INDEX,
    TAR_GZIP,
    FakeRegistry,
    digest_of,
    index_of,
    manifest_of,
)

BLOB = gzip.compress(os.urandom(50_000))
AMD64 = parse_platform("x86_64")
MAX_BYTES = 1_000_000


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    create_tls(folder, {"one": "127.0.0.1", "two": "127.0.0.2"})
    return folder


def context(tls: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "hosts" / name / "cert.pem", tls / "hosts" / name / "key.pem")
    return context


@pytest.fixture
def server(tls: Path) -> Iterator[FakeRegistry]:
    with FakeRegistry(tls=context(tls, "one")) as server:
        yield server  # type: ignore[misc]


@pytest.fixture
def other(tls: Path) -> Iterator[FakeRegistry]:
    with FakeRegistry("127.0.0.2", tls=context(tls, "two")) as server:
        yield server  # type: ignore[misc]


@pytest.fixture
def registry(tls: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls / "ca.pem"))
    fetcher = Fetcher(5, "test/1", sleep=lambda _seconds: None)
    yield Registry(fetcher)
    fetcher.close()


def resolve(registry: Registry, reference: Reference, platform: str = "amd64") -> Layer:
    return registry.resolve(reference, parse_platform(platform), trusted=True, max_bytes=MAX_BYTES)


def keep(registry: Registry, layer: Layer, folder: Path) -> Kept:
    return keep_layer(registry, layer, folder, trusted=True)


@pytest.mark.parametrize("kind", [OCI, DOCKER])
@pytest.mark.parametrize("token", [None, "t0ken"])
def test_keep_layer_stores_the_blob_unchanged(
    registry: Registry, server: FakeRegistry, tmp_path: Path, kind: str, token: str | None
) -> None:
    if token:
        server.require_token(token)
    body = manifest_of(BLOB, kind=kind)
    digest = server.push(body, kind=kind)
    server.push_blob(BLOB)
    layer = resolve(registry, server.reference())
    assert (layer.digest, layer.size, layer.manifest) == (digest_of(BLOB), len(BLOB), digest)
    kept = keep(registry, layer, tmp_path)
    path = tmp_path / "user.mod.1.tar.xz"
    assert kept == Kept(path, True, digest_of(BLOB), len(BLOB))
    assert path.read_bytes() == BLOB
    assert path.stat().st_mode & 0o7777 == 0o644
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    path.chmod(0o600)
    asked = len(server.asked)
    assert not keep(registry, layer, tmp_path).is_new
    assert (path.stat().st_mode & 0o7777, len(server.asked)) == (0o644, asked)
    path.write_bytes(b"tampered with")
    assert keep(registry, layer, tmp_path).is_new
    assert path.read_bytes() == BLOB
    if token:
        assert [path for path in server.paths() if path.startswith("/token")] == [
            "/token?service=fake&scope=repository%3Auser%2Fmod%3Apull"
        ]


def test_news_sends_a_head_request(registry: Registry, server: FakeRegistry) -> None:
    digest = server.push(manifest_of(BLOB))
    assert registry.news(server.reference(), trusted=True) == digest
    assert [asked.method for asked in server.asked] == ["HEAD"]
    assert "application/vnd.docker.distribution.manifest.list.v2+json" in server.asked[0].headers["Accept"]


def test_news_without_a_digest_header(registry: Registry, server: FakeRegistry) -> None:
    digest = server.push(manifest_of(BLOB), **{"Docker-Content-Digest": "nonsense"})
    assert registry.news(server.reference(), trusted=True) == digest
    server.items["/v2/user/mod/manifests/1"].failures = [(405, {})]
    assert registry.news(server.reference(), trusted=True) == digest


@pytest.mark.parametrize("kind", [OCI_INDEX, DOCKER_LIST])
def test_resolve_picks_the_architecture_from_an_index(
    registry: Registry, server: FakeRegistry, kind: str
) -> None:
    blobs = {name: gzip.compress(name.encode()) for name in ("amd64", "v6", "v7", "arm64", "attested", "win")}
    bodies = {name: manifest_of(blob) for name, blob in blobs.items()}
    for name, body in bodies.items():
        server.push(body, name)
    attested = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    index = index_of(
        (bodies["attested"], attested | {"platform": {"os": "linux", "architecture": "amd64"}}),
        (bodies["attested"], {"platform": {"os": "unknown", "architecture": "unknown"}}),
        (bodies["win"], {"platform": {"os": "windows", "architecture": "amd64"}}),
        (bodies["v6"], {"platform": {"os": "linux", "architecture": "arm", "variant": "v6"}}),
        (bodies["v7"], {"platform": {"os": "linux", "architecture": "arm", "variant": "v7"}}),
        (bodies["amd64"], {"platform": {"os": "linux", "architecture": "amd64"}}),
        (bodies["arm64"], {"platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}),
        kind=kind,
    )
    digest = server.push(index, "1", kind)
    desired = {
        "amd64": "amd64", "x86_64": "amd64", "linux/amd64": "amd64", "aarch64": "arm64", "arm64/v8": "arm64",
        "armv7l": "v7", "arm": "v7", "arm/v6": "v6", "armv6l": "v6",
    }  # fmt: skip
    for number, (platform, name) in enumerate(desired.items()):
        mark = f"@{digest}" if number % 3 else ":1"
        layer = resolve(registry, server.reference(mark), platform)
        assert (layer.digest, layer.manifest) == (digest_of(blobs[name]), digest), platform
    for platform in ("arm/v5", "riscv64", "386"):
        with raises(FetchError, "no_platform"):
            resolve(registry, server.reference(), platform)


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (manifest_of(BLOB, BLOB), OCI, "not_one_layer"),
        (manifest_of(), OCI, "not_one_layer"),
        (manifest_of(BLOB, digest="sha256:../../x"), OCI, "invalid_digest"),
        (manifest_of(BLOB, digest="sha512:" + "0" * 128), OCI, "invalid_digest"),
        (manifest_of(BLOB, size=-1), OCI, "invalid_size"),
        (manifest_of(BLOB, size=True), OCI, "invalid_size"),
        (manifest_of(BLOB, size=MAX_BYTES + 1), OCI, "too_large"),
        (manifest_of(BLOB, mediaType=TAR_GZIP.replace("gzip", "zstd")), OCI, "not_gzip"),
        (manifest_of(BLOB, mediaType="application/vnd.oci.image.layer.v1.tar"), OCI, "not_gzip"),
        (b"<html>", "text/html", "not_a_manifest"),
        (manifest_of(BLOB), "text/html", "unknown_media_type"),
        (manifest_of(BLOB, kind=DOCKER), OCI, "media_type_conflict"),
        (b"[]", OCI, "not_a_manifest"),
        (b"[" * 100_000, OCI, "not_a_manifest"),
        (b'{"layers": {}}', OCI, "not_a_manifest"),
        (b'{"manifests": [1]}', OCI_INDEX, "not_a_manifest"),
        (b"{}", "application/vnd.docker.distribution.manifest.v1+json", "unknown_media_type"),
        (b'{"mediaType": "application/x-other"}', "application/json", "unknown_media_type"),
        (b" " * (4 * 1024 * 1024 + 1), OCI, "too_large"),
        (index_of((b"x", {"digest": "sha256:zz"})), OCI_INDEX, "invalid_digest"),
        (index_of(), OCI_INDEX, "no_platform"),
    ],
)
def test_resolve_refuses_invalid_manifests(
    registry: Registry, server: FakeRegistry, body: bytes, kind: str, code: str
) -> None:
    server.push(body, kind=kind)
    with raises(FetchError, code) as caught:
        resolve(registry, server.reference())
    assert str(caught.value).startswith(f"{server.host}/user/mod:1: ")


def test_resolve_accepts_manifests_without_a_media_type(registry: Registry, server: FakeRegistry) -> None:
    for kind in ("application/json", ""):
        server.push(manifest_of(BLOB), kind=kind)
        assert resolve(registry, server.reference()).digest == digest_of(BLOB)


def test_resolve_refuses_an_index_of_indexes(registry: Registry, server: FakeRegistry) -> None:
    inner = index_of()
    server.push(inner, "inner", OCI_INDEX)
    server.push(index_of((inner, {"platform": {"os": "linux", "architecture": "amd64"}})), "1", OCI_INDEX)
    with raises(FetchError, "nested_index"):
        resolve(registry, server.reference())


def test_resolve_checks_the_digest_of_a_manifest(registry: Registry, server: FakeRegistry) -> None:
    body, swapped = manifest_of(BLOB), manifest_of(b"\x1f\x8bother")
    digest = server.push(body)
    server.serve(f"manifests/{digest}", swapped, {"Content-Type": OCI})
    with raises(FetchError, "wrong_digest"):
        resolve(registry, server.reference(f"@{digest}"))
    server.push(index_of((body, {"platform": {"os": "linux", "architecture": "amd64"}})), "1", OCI_INDEX)
    server.serve(f"manifests/{digest}", swapped, {"Content-Type": OCI})
    with raises(FetchError, "wrong_digest"):
        resolve(registry, server.reference())
    server.push(body, **{"Docker-Content-Digest": digest_of(swapped)})
    with raises(FetchError, "wrong_digest"):
        resolve(registry, server.reference())


@pytest.mark.parametrize(
    ("served", "code"),
    [
        (BLOB[:-1] + b"?", "wrong_digest"),
        (BLOB[:-1], "wrong_size"),
        (BLOB + b"?", "too_large"),
    ],
)
def test_keep_layer_refuses_another_blob(
    registry: Registry, server: FakeRegistry, tmp_path: Path, served: bytes, code: str
) -> None:
    server.push(manifest_of(BLOB))
    server.push_blob(BLOB)
    path = tmp_path / "user.mod.1.tar.xz"
    path.write_bytes(b"the one before")
    server.items[f"/v2/user/mod/blobs/{digest_of(BLOB)}"].body = served
    with raises(FetchError, code):
        keep(registry, resolve(registry, server.reference()), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"the one before"


@pytest.mark.parametrize("blob", [b"\x28\xb5\x2f\xfd zstd", b"plain tar" * 100, b"\xfd7zXZ\0"])
def test_keep_layer_refuses_other_than_gzip(
    registry: Registry, server: FakeRegistry, tmp_path: Path, blob: bytes
) -> None:
    server.push(manifest_of(blob))
    server.push_blob(blob)
    with raises(FetchError, "wrong_content"):
        keep(registry, resolve(registry, server.reference()), tmp_path)
    assert not list(tmp_path.iterdir())


def test_registry_sends_a_token_only_to_its_host(
    registry: Registry, server: FakeRegistry, other: FakeRegistry, tmp_path: Path
) -> None:
    server.require_token("of-one")
    other.require_token("of-two")
    for each in (server, other):
        each.push(manifest_of(BLOB))
        each.push_blob(BLOB)
    # blobs are on another host, as with most registries
    server.serve(f"blobs/{digest_of(BLOB)}", b"", {}, redirect=f"{other.url}/cdn")
    other.put("/cdn", BLOB)
    for number, each in enumerate((server, other, server)):
        folder = tmp_path / str(number)
        keep(registry, resolve(registry, each.reference()), folder)
        assert (folder / "user.mod.1.tar.xz").read_bytes() == BLOB
    for each, token in ((server, "Bearer of-one"), (other, "Bearer of-two")):
        assert {asked.headers.get("Authorization") for asked in each.asked} == {None, token}
    assert all("Authorization" not in asked.headers for asked in other.asked if asked.path == "/cdn")


def test_registry_gets_a_token_for_the_host_of_a_redirect(
    registry: Registry, server: FakeRegistry, other: FakeRegistry, tmp_path: Path
) -> None:
    other.require_token("of-two")
    digest = other.push(manifest_of(BLOB))
    other.push_blob(BLOB)
    for path in ("manifests/1", f"manifests/{digest}", f"blobs/{digest_of(BLOB)}"):
        server.serve(path, b"", {}, redirect=f"{other.url}/v2/user/mod/{path}")
    assert registry.news(server.reference(), trusted=True) == digest
    assert keep(registry, resolve(registry, server.reference()), tmp_path).is_new
    assert all("Authorization" not in asked.headers for asked in server.asked)


def test_registry_renews_an_expired_token(registry: Registry, server: FakeRegistry, tmp_path: Path) -> None:
    server.require_token("first")
    server.push(manifest_of(BLOB))
    layer = resolve(registry, server.reference())
    server.require_token("second")
    server.push_blob(BLOB)
    assert keep(registry, layer, tmp_path).is_new


def test_registry_gives_up_if_every_token_is_refused(registry: Registry, server: FakeRegistry) -> None:
    server.require_token("t0ken")
    server.push(manifest_of(BLOB))
    server.put("/token", b'{"access_token": "another"}')
    with raises(FetchError, "password") as caught:
        resolve(registry, server.reference())
    assert caught.value.status == 401
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("challenge", "code"),
    [
        ("", "password"),
        ('Basic realm="x"', "password"),
        ('Bearer service="x"', "token_server"),
        ('Bearer realm="http://127.0.0.1/token"', "token_server"),
        ('Bearer realm="file:///etc/passwd"', "token_server"),
        ('Bearer realm="https://user:pass@127.0.0.1/token"', "token_server"),
        ('Bearer realm="https://[::1/token"', "token_server"),
        ('Bearer realm="https://127.0.0.1:1/token"', "unreachable"),
    ],
)
def test_registry_refuses_unsafe_challenges(
    registry: Registry, server: FakeRegistry, challenge: str, code: str
) -> None:
    server.require_token("t0ken")
    server.push(manifest_of(BLOB), **{"WWW-Authenticate": challenge})
    with raises(FetchError, code) as caught:
        resolve(registry, server.reference())
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("reply", [b"", b"[]", b'{"token": 1}', b'{"token": "a\\r\\nX: y"}', b"x" * 70_000])
def test_registry_refuses_invalid_tokens(registry: Registry, server: FakeRegistry, reply: bytes) -> None:
    server.require_token("t0ken")
    server.push(manifest_of(BLOB))
    server.put("/token", reply)
    with pytest.raises(FetchError) as caught:
        resolve(registry, server.reference())
    assert caught.value.code in ("not_json", "no_token", "too_large")


def test_registry_refuses_private_hosts_from_labels(registry: Registry, server: FakeRegistry) -> None:
    server.push(manifest_of(BLOB))
    with raises(FetchError, "address_refused"):
        registry.resolve(server.reference(), AMD64, trusted=False, max_bytes=MAX_BYTES)
    assert not server.asked


def test_registry_falls_back_to_its_substitute(
    registry: Registry, server: FakeRegistry, other: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "_SUBSTITUTES", {server.host: (other.host,)})
    digest = other.push(manifest_of(BLOB))
    assert resolve(registry, server.reference()).base == other.url
    assert registry.news(server.reference(), trusted=True) == digest
    other.items.clear()
    with raises(FetchError, "status") as caught:
        resolve(registry, server.reference())
    assert server.host in caught.value.reason
    assert other.host in caught.value.reason


class Scripted:
    """A fetcher that records its requests and lets lscr.io fail."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    def document(self, url: str, headers: dict[str, str], **_more: Any) -> Any:
        self.asked.append((url, headers.get("Authorization")))
        if url.startswith("https://lscr.io"):
            raise FetchError("unreachable", "a mod", "is down")
        body = manifest_of(BLOB) if "/manifests/" in url else f'{{"token": "{url[8:15]}"}}'.encode()

        class Answer:
            status = 200
            headers: dict[str, str] = {}  # noqa: RUF012 - no test writes to it

            def json(self) -> Any:
                return json.loads(body)

        answer: Any = Answer()
        answer.url, answer.body = url, body
        return answer


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (
            "lscr.io/linuxserver/mods:x",
            [
                ("https://lscr.io/v2/linuxserver/mods/manifests/x", None),
                ("https://ghcr.io/token?scope=repository%3Alinuxserver%2Fmods%3Apull", None),
                ("https://ghcr.io/v2/linuxserver/mods/manifests/x", "Bearer ghcr.io"),
            ],
        ),
        (
            "user/mod",
            [
                (
                    "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Auser%2Fmod%3Apull",
                    None,
                ),
                ("https://registry-1.docker.io/v2/user/mod/manifests/latest", "Bearer auth.do"),
            ],
        ),
        (
            "quay.io/user/mod:1",
            [
                ("https://quay.io/v2/auth?service=quay.io&scope=repository%3Auser%2Fmod%3Apull", None),
                ("https://quay.io/v2/user/mod/manifests/1", "Bearer quay.io"),
            ],
        ),
    ],
)
def test_registry_knows_token_servers_of_public_registries(
    text: str, asked: list[tuple[str, str | None]]
) -> None:
    fetcher: Any = Scripted()
    resolve(Registry(fetcher), parse_reference(text))
    assert fetcher.asked == asked


def test_keep_layer_uses_a_folder_per_architecture(
    registry: Registry, server: FakeRegistry, tmp_path: Path
) -> None:
    server.push(manifest_of(BLOB))
    server.push_blob(BLOB)
    folder = tmp_path / parse_platform("arm/v6").folder
    assert folder == tmp_path / "arm-v6"
    keep(registry, resolve(registry, server.reference()), folder)
    assert (folder / "user.mod.1.tar.xz").exists()
    assert folder.stat().st_mode & 0o7777 == 0o755
    (tmp_path / "amd64").symlink_to(folder)
    with raises(FetchError, "not_a_folder"):
        keep(registry, resolve(registry, server.reference()), tmp_path / "amd64")


def test_keep_layer_holds_a_lock_and_breaks_a_stale_one(
    registry: Registry, server: FakeRegistry, tmp_path: Path
) -> None:
    server.push(manifest_of(BLOB))
    seen: list[list[str]] = []
    server.push_blob(BLOB)
    layer = resolve(registry, server.reference())
    lock = tmp_path / "user.mod.1.lock"
    with write_lock(tmp_path, server.reference()):
        assert lock.exists()
        with raises(FetchError, "locked"):
            keep(registry, layer, tmp_path)
        assert lock.exists()
    assert not lock.exists()
    lock.touch()
    os.utime(lock, (time.time() - 14 * 60,) * 2)
    with raises(FetchError, "locked"):
        keep(registry, layer, tmp_path)
    # the lock of a crashed writer
    os.utime(lock, (time.time() - 16 * 60,) * 2)

    def look(_bytes: int, _expected: int | None) -> None:
        seen.append(sorted(path.name for path in tmp_path.iterdir()))

    keep_layer(registry, layer, tmp_path, trusted=True, progress=look)
    assert "user.mod.1.lock" in seen[0]
    assert "user.mod.1.tar.xz" not in seen[0]
    assert [path.name for path in tmp_path.iterdir()] == ["user.mod.1.tar.xz"]
    # also if the writer had finished except for the lock
    lock.touch()
    os.utime(lock, (time.time() - 16 * 60,) * 2)
    assert not keep(registry, layer, tmp_path).is_new
    assert not lock.exists()


def test_keep_layer_releases_its_lock_after_a_failure(
    registry: Registry, server: FakeRegistry, tmp_path: Path
) -> None:
    server.push(manifest_of(BLOB))
    with raises(FetchError, "status"):
        keep(registry, resolve(registry, server.reference()), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "a/b/c", "../etc", "arm/x", "linux", "a b"])
def test_parse_platform_refuses_unknown_architectures(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_platform(text)
