# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry in a thread whose answers a test decides, and manifests for it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._mods.reference import Reference, parse_reference
from tests.support.mod_server import ModServer

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
TAR_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def manifest_of(*blobs: bytes, kind: str = OCI, **changes: Any) -> bytes:
    layers = [
        {"mediaType": TAR_GZIP, "digest": digest_of(blob), "size": len(blob)} | changes for blob in blobs
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": layers}).encode()


def index_of(*entries: tuple[bytes, dict[str, Any]], kind: str = OCI_INDEX) -> bytes:
    manifests = [
        {"mediaType": OCI, "digest": digest_of(body), "size": len(body)} | more for body, more in entries
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": manifests}).encode()


class FakeRegistry(ModServer):
    """A registry with the repository ``user/mod``. ``token`` is the token that it issues and requires."""

    token: str | None = None

    @property
    def host(self) -> str:
        return self.url.partition("://")[2]

    def require_token(self, token: str) -> None:
        self.token = token
        self.put("/token", json.dumps({"token": token}).encode())

    def serve(self, path: str, body: bytes, headers: dict[str, str], **more: Any) -> None:
        if self.token is not None:
            more["headers_needed"] = {"Authorization": f"Bearer {self.token}"}
            challenge = f'Bearer realm="{self.url}/token",service="fake",scope="registry:catalog:*"'
            headers = {"WWW-Authenticate": challenge} | headers
        self.put(f"/v2/user/mod/{path}", body, headers=headers, **more)

    def push(self, body: bytes, tag: str = "1", kind: str = OCI, **headers: str) -> str:
        digest = digest_of(body)
        for name in (tag, digest):
            more = {"Content-Type": kind, "Docker-Content-Digest": digest} | headers
            self.serve(f"manifests/{name}", body, more)
        return digest

    def push_blob(self, body: bytes, **more: Any) -> None:
        self.serve(f"blobs/{digest_of(body)}", body, {"Content-Type": "application/octet-stream"}, **more)

    def reference(self, mark: str = ":1") -> Reference:
        return parse_reference(f"{self.host}/user/mod{mark}")
