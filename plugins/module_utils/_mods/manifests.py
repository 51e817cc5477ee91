# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parse and check the manifests of images, down to the single layer of a mod."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = ", ".join(MANIFEST_TYPES + INDEX_TYPES)
# the limit that registries have, too
MAX_BYTES = 4 * 1024 * 1024

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_GZIP = b"\x1f\x8b"
_WANTED = "expected a layer packed with gzip, which is all that mod images read"
# media types that aren't gzip, so there is no need to fetch the layer
_OTHER_KINDS = (".tar", "+zstd", ".zstd")


class ManifestError(Exception):
    """The manifest can't be used. ``code`` classifies the reason; the text doesn't name the image."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Manifest:
    """``digest`` is that of the bytes received; either ``layers`` or ``children`` is empty."""

    digest: str
    is_index: bool
    layers: tuple[Mapping[str, Any], ...]
    children: tuple[Mapping[str, Any], ...]


def full_digest(text: object) -> str | None:
    """``sha256:`` with 64 digits, or None for anything else."""
    return text if isinstance(text, str) and _DIGEST.fullmatch(text) else None


def parse_manifest(body: bytes, content_type: str, stated: str | None, asked: str | None) -> Manifest:
    """Parse a reply. ``stated`` is the header Docker-Content-Digest, ``asked`` the requested digest.

    Raises ManifestError.
    """
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    for expected in (asked, full_digest(stated)):
        if expected is not None and expected != digest:
            raise ManifestError(
                "wrong_digest", f"expected a manifest with the digest {expected}, found {digest}"
            )
    kind = content_type.partition(";")[0].strip().lower()
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ManifestError(
            "not_a_manifest", f"expected a manifest, found {kind or 'something'} that isn't JSON"
        ) from error
    if not isinstance(data, Mapping):
        raise ManifestError("not_a_manifest", "expected a manifest, found other JSON")
    named = data.get("mediaType")
    if kind not in INDEX_TYPES + MANIFEST_TYPES:
        # some registries send application/json
        if kind not in ("", "application/json", "application/octet-stream", "text/plain"):
            raise ManifestError("unknown_media_type", f"expected an image's manifest, found {kind[:100]}")
        kind = named if isinstance(named, str) else MANIFEST_TYPES[0] if "layers" in data else INDEX_TYPES[0]
    elif named is not None and named != kind:
        raise ManifestError(
            "media_type_conflict",
            f"the registry calls the manifest {kind}, but it calls itself {str(named)[:100]}",
        )
    if kind in INDEX_TYPES:
        return Manifest(digest, True, (), _descriptors(data, "manifests"))
    if kind in MANIFEST_TYPES:
        return Manifest(digest, False, _descriptors(data, "layers"), ())
    raise ManifestError("unknown_media_type", f"expected an image's manifest, found {str(kind)[:100]}")


def only_layer(manifest: Manifest, max_bytes: int) -> tuple[str, int]:
    """The digest and size of a mod's only layer. Raises ManifestError."""
    if manifest.is_index:
        raise ManifestError("nested_index", "expected an index of images, found an index of indexes")
    if len(manifest.layers) != 1:
        raise ManifestError(
            "not_one_layer", f"expected a mod's image with exactly one layer, found {len(manifest.layers)}"
        )
    layer = manifest.layers[0]
    digest, size = full_digest(layer.get("digest")), layer.get("size")
    if digest is None:
        raise ManifestError(
            "invalid_digest", f"expected a layer with a sha256 digest, found {str(layer.get('digest'))[:100]}"
        )
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ManifestError("invalid_size", f"expected the layer's size, found {str(size)[:100]}")
    if size > max_bytes:
        raise ManifestError("too_large", f"expected a layer of at most {max_bytes} bytes, found {size}")
    kind = str(layer.get("mediaType") or "")
    if kind.endswith(_OTHER_KINDS):
        raise ManifestError(
            "not_gzip", f"expected a layer packed with gzip, which is all that mod images read, found {kind}"
        )
    return digest, size


def check_gzip(start: bytes) -> str | None:
    """The fault of the first bytes of a layer, or None if it is gzip."""
    if start.startswith(_GZIP):
        return None
    return f"{_WANTED}, found the first bytes {start[:4].hex(' ')}"


def _descriptors(data: Mapping[str, Any], key: str) -> tuple[Mapping[str, Any], ...]:
    found = data.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise ManifestError("not_a_manifest", f"expected a manifest with a list of {key}, found none")
    return tuple(found)
