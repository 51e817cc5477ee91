# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse the image reference of a mod into registry, repository and file name.

The file name is the one that LinuxServer's images look for in their mod cache: ``USER.REPOSITORY``, then
``.TAG`` and ``.DIGEST`` if given, or ``.latest`` if neither is.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from dataclasses import dataclass

from .._model.errors import OrcastraError

DOCKER_HUB = "registry-1.docker.io"
LINUXSERVER = "lscr.io"
GITHUB = "ghcr.io"

# names of registries with the same mods
_LINUXSERVER_NAMES = frozenset({LINUXSERVER, GITHUB, DOCKER_HUB})
_DOCKER_HUB_NAMES = frozenset({"docker.io", "index.docker.io", DOCKER_HUB})

# from the OCI distribution specification; a port is part of the registry
_REGISTRY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_NAME_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{1,64}")

# the limit of most file systems, minus the additions of temporary files
_FILENAME_BYTES = 220
SUFFIX = ".tar.xz"


class ImageReferenceError(OrcastraError):
    """The image reference can't be used for a mod. ``code`` names the part that is wrong."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Reference:
    """A mod's image. ``tag`` and ``digest`` (``sha256:…``) are None if they aren't given."""

    text: str
    registry: str
    user: str
    name: str
    tag: str | None
    digest: str | None

    @property
    def repository(self) -> str:
        return f"{self.user}/{self.name}"

    @property
    def target(self) -> str:
        """The reference for requesting the manifest: the digest, or else the tag."""
        return self.digest or self.tag or "latest"

    @property
    def filename(self) -> str:
        """The name in the mod cache, without its ending."""
        parts = [self.user, self.name]
        if self.tag is not None:
            parts.append(self.tag)
        if self.digest is not None:
            parts.append(self.digest.partition(":")[2])
        if self.tag is None and self.digest is None:
            parts.append("latest")
        return ".".join(parts)

    @property
    def source(self) -> str:
        """The full name of the image. Two references may share a file name, but not a source."""
        mark = f"@{self.digest}" if self.digest is not None else f":{self.tag or 'latest'}"
        return f"{self.registry}/{self.repository}{mark}"


def parse_reference(text: str) -> Reference:
    """Parse ``[REGISTRY/]USER/REPOSITORY[:TAG][@sha256:DIGEST]``. Raises ImageReferenceError."""
    rest, at, digest = text.partition("@")
    path, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        path, colon, tag = rest, "", ""
    if at and not _DIGEST.fullmatch(digest):
        raise _refusal(
            "digest", text, f"expected sha256: and up to 64 hexadecimal digits after @, found {digest!r}"
        )
    if colon and not _TAG.fullmatch(tag):
        raise _refusal("tag", text, f"expected a tag after the colon, found {tag!r}")
    registry, user, name = _split_path(text, path)
    for part in (user, name):
        if not _NAME_PART.fullmatch(part):
            raise _refusal(
                "name", text, f"expected lower-case letters, digits and single ._- in a name, found {part!r}"
            )
    if user == "linuxserver" and registry in _LINUXSERVER_NAMES:
        registry = LINUXSERVER
    reference = Reference(text, registry, user, name, tag if colon else None, digest if at else None)
    if len(reference.filename) > _FILENAME_BYTES:
        raise _refusal("file_name", text, f"its file name would have more than {_FILENAME_BYTES} characters")
    return reference


def _split_path(text: str, path: str) -> tuple[str, str, str]:
    parts = path.split("/")
    if len(parts) == 1:
        raise _refusal("path", text, "expected USER/REPOSITORY, found a single name")
    first = parts[0]
    if len(parts) == 2:
        if "." in first or ":" in first or first == "localhost":
            raise _refusal(
                "path", text, f"expected USER/REPOSITORY after the registry {first}, found a single name"
            )
        return DOCKER_HUB, first, parts[1]
    if len(parts) > 3:
        raise _refusal(
            "path",
            text,
            "expected USER/REPOSITORY, found more levels",
        )
    registry = first.lower()
    if not _REGISTRY.fullmatch(registry):
        raise _refusal("registry", text, f"expected a registry's host name in front, found {first!r}")
    host, _colon, port = registry.rpartition(":")
    if host and port.isdigit() and not 0 < int(port) < 65536:
        raise _refusal("registry", text, f"expected a port from 1 to 65535, found {port}")
    return DOCKER_HUB if registry in _DOCKER_HUB_NAMES else registry, parts[1], parts[2]


def _refusal(code: str, text: str, why: str) -> ImageReferenceError:
    return ImageReferenceError(code, f"image {text[:200]!r}: {why}")
