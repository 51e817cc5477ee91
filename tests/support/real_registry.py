# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real registry on loopback, with TLS and its own CA, and images for it from umoci and skopeo."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import requests

from tests.lab.keys import create_tls
from tests.lab.process import SYSTEM_ENVIRONMENT, command
from tests.lab.wait import wait_until

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class RealRegistry:
    """Debian's docker-registry. A context manager. ``ca`` is the file with its CA's certificate."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        create_tls(folder / "tls", {"registry": "127.0.0.1"})
        self.ca = folder / "tls/ca.pem"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> RealRegistry:
        tls = self._folder / "tls/hosts/registry"
        settings = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "data")}},
            "http": {
                "addr": self.host,
                "tls": {"certificate": str(tls / "cert.pem"), "key": str(tls / "key.pem")},
            },
        }
        file = self._folder / "registry.yml"
        file.write_text(json.dumps(settings))
        with (self._folder / "registry.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", str(file)],
                env=SYSTEM_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: self.api("GET", "").ok, timeout=60, what="the registry answers")
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def api(self, method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(
            method, f"https://{self.host}/v2/{path}", verify=str(self.ca), timeout=30, **more
        )

    def build(self, name: str, content: str, architecture: str = "amd64") -> str:
        """An image with one layer, made by umoci; returns where skopeo finds it."""
        layout, source = self._folder / "layout", self._folder / "source"
        source.mkdir(exist_ok=True)
        (source / "mod.txt").write_text(content)
        if not layout.exists():
            command(["umoci", "init", "--layout", str(layout)])
        image = f"{layout}:{name}"
        command(["umoci", "new", "--image", image])
        command(["umoci", "config", "--image", image, "--architecture", architecture, "--os", "linux"])
        command(["umoci", "insert", "--image", image, str(source), "/etc/mod"])
        return f"oci:{image}"

    def recompress(self, image: str, name: str, *options: str) -> str:
        """The same image with another compression of its layer, by ``skopeo copy``."""
        folder = f"dir:{self._folder / name}"
        command(["skopeo", "--insecure-policy", "copy", "--quiet", *options, image, folder])
        return folder

    def push(self, image: str, name: str, *options: str) -> None:
        """Copy an image to ``name`` (``USER/REPOSITORY:TAG``), its layers as they are."""
        target = f"docker://{self.host}/{name}"
        command([
            "skopeo", "--insecure-policy", "copy", "--quiet", "--preserve-digests",
            "--dest-tls-verify=false", *options, image, target,
        ])  # fmt: skip

    def push_index(self, repository: str, tag: str, children: dict[str, dict[str, Any]]) -> str:
        """An index of images that are there, tag → what its descriptor says more. Returns its digest."""
        manifests = []
        for name, more in children.items():
            body = self.manifest(repository, name)
            manifests.append(
                {"mediaType": OCI_MANIFEST, "digest": digest_of(body), "size": len(body), **more}
            )
        index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})
        self.api(
            "PUT", f"{repository}/manifests/{tag}", data=index, headers={"Content-Type": OCI_INDEX}
        ).raise_for_status()
        return digest_of(index.encode())

    def manifest(self, repository: str, mark: str) -> bytes:
        """The image as seen by skopeo."""
        sign = "@" if mark.startswith("sha256:") else ":"
        name = f"docker://{self.host}/{repository}{sign}{mark}"
        return command(["skopeo", "inspect", "--tls-verify=false", "--raw", name]).encode()

    def layer(self, repository: str, mark: str) -> bytes:
        """The first layer of an image as the registry has it."""
        layer = json.loads(self.manifest(repository, mark))["layers"][0]
        reply = self.api("GET", f"{repository}/blobs/{layer['digest']}")
        reply.raise_for_status()
        return reply.content


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
