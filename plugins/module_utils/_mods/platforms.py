# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Platforms as named in image indexes, and the choice of an image for one."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# the name in kernels and Swarm → the name in images
_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i686": "386",
    "armhf": "arm",
    "armel": "arm",
}
_ARM = re.compile(r"armv([5-8])[a-z]*")
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_VARIANT = re.compile(r"v([0-9]{1,2})")
# the default if no variant is given
_USUAL_VARIANTS = {"arm": 7, "arm64": 8, "amd64": 1}


@dataclass(frozen=True)
class Platform:
    """An architecture (``amd64``, ``arm64``, ``arm`` …) of Linux; ``variant`` is its number, 7 for ``v7``."""

    architecture: str
    variant: int

    def __str__(self) -> str:
        if self.variant == _USUAL_VARIANTS.get(self.architecture, 0):
            return self.architecture
        return f"{self.architecture}/v{self.variant}"

    @property
    def folder(self) -> str:
        """The name of its folder in the mod cache."""
        return str(self).replace("/", "-")


def parse_platform(text: str) -> Platform:
    """Parse ``amd64``, ``arm/v7``, ``linux/arm64`` or ``x86_64`` (``uname -m``). Raises ValueError."""
    parts = text.strip().lower().split("/")
    if parts[0] == "linux":
        parts = parts[1:]
    if not parts or len(parts) > 2 or not _NAME.fullmatch(parts[0].replace("-", "_")):
        raise ValueError(f"expected an architecture like amd64 or arm/v7, found {text[:80]!r}")
    variant = parts[1] if len(parts) == 2 else ""
    arm = _ARM.fullmatch(parts[0])
    if arm and arm[1] == "8":
        return Platform("arm64", 8)
    if arm:
        return Platform("arm", int(arm[1]))
    architecture = _ARCHITECTURES.get(parts[0], parts[0])
    number = _variant_number(architecture, variant)
    if number is None:
        raise ValueError(f"expected a variant like v7, found {variant[:80]!r}")
    return Platform(architecture, number)


def choose(descriptors: list[Mapping[str, Any]], platform: Platform) -> Mapping[str, Any] | None:
    """The best entry of an index for ``platform``, or None.

    The highest variant that the platform can run is best. Attestations don't count as images. An entry
    without a platform is used if no other fits.
    """
    best: tuple[int, Mapping[str, Any]] | None = None
    for descriptor in descriptors:
        rank = _rank(descriptor, platform)
        if rank is not None and (best is None or rank > best[0]):
            best = (rank, descriptor)
    return best[1] if best else None


def offered(descriptors: list[Mapping[str, Any]]) -> list[str]:
    """The platforms of an index, for messages."""
    found = []
    for descriptor in descriptors:
        named = descriptor.get("platform")
        if isinstance(named, Mapping) and not _is_attestation(descriptor):
            parts = (named.get("os"), named.get("architecture"), named.get("variant"))
            found.append("/".join(str(part)[:32] for part in parts if part))
    return sorted(set(found))


def _rank(descriptor: Mapping[str, Any], platform: Platform) -> int | None:
    named = descriptor.get("platform")
    if _is_attestation(descriptor):
        return None
    if not isinstance(named, Mapping):
        return -1
    if named.get("os", "linux") != "linux" or named.get("architecture") != platform.architecture:
        return None
    variant = _variant_number(platform.architecture, str(named.get("variant") or ""))
    return variant if variant is not None and variant <= platform.variant else None


def _is_attestation(descriptor: Mapping[str, Any]) -> bool:
    annotations, named = descriptor.get("annotations"), descriptor.get("platform")
    if isinstance(annotations, Mapping) and "vnd.docker.reference.type" in annotations:
        return True
    return isinstance(named, Mapping) and "unknown" in (named.get("os"), named.get("architecture"))


def _variant_number(architecture: str, variant: str) -> int | None:
    if not variant:
        return _USUAL_VARIANTS.get(architecture, 0)
    found = _VARIANT.fullmatch(variant)
    return int(found[1]) if found else None
