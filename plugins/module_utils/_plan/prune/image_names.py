# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image names: which image of a node a service's spec refers to."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable

from ..._model.compat import dataclass
from ..._model.node import Image

_HOME = ("docker.io/", "index.docker.io/", "registry-1.docker.io/")
_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")


@dataclass(frozen=True, slots=True)
class ImageName:
    """A parsed name. ``repository``: in its short form (``nginx`` for ``docker.io/library/nginx``)."""

    repository: str
    tag: str = ""
    digest: str = ""


def parse_image_name(text: str) -> ImageName:
    """Parse ``repository:tag@digest``; without both tag and digest, the tag is ``latest``. Never fails."""
    name, _at, digest = text.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, ""
    for home in _HOME:
        if repository.startswith(home):
            repository = repository.removeprefix(home).removeprefix("library/")
            break
    return ImageName(repository, tag or ("" if digest else "latest"), digest)


def repositories(image: Image) -> frozenset[str]:
    """Return the repositories in which the image has a name."""
    return frozenset(parse_image_name(name).repository for name in (*image.tags, *image.digests))


def spellings(image: Image) -> frozenset[str]:
    """Return all names of the image that users may write: short and full, with and without tag and digest."""
    found: set[str] = set()
    marks: dict[str, tuple[list[str], list[str]]] = {}
    for name in (*image.tags, *image.digests):
        reference = parse_image_name(name)
        tags, digests = marks.setdefault(reference.repository, ([], []))
        if reference.digest:
            digests.append(f"@{reference.digest}")
        if reference.tag:
            tags.append(f":{reference.tag}")
        found.add(name)
    for repository, (tags, digests) in marks.items():
        pinned = [f"{tag}{digest}" for tag in tags for digest in digests]
        for spelling in _repository_spellings(repository):
            found.update(f"{spelling}{end}" for end in ("", *tags, *digests, *pinned))
    return frozenset(found)


def _repository_spellings(repository: str) -> list[str]:
    """``redis``, ``library/redis``, ``docker.io/library/redis`` …; for other registries, just the one."""
    first, slash, _rest = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return [repository]
    paths = [repository] if slash else [repository, f"library/{repository}"]
    return [*paths, *(f"{home}{path}" for home in _HOME for path in paths)]


class UsedImages:
    """The images in use, by any name that a spec may use."""

    def __init__(self, references: Iterable[str]) -> None:
        self._named: set[tuple[str, str]] = set()
        self._ids: set[str] = set()
        for text in references:
            reference = parse_image_name(text)
            for mark in (reference.tag, reference.digest):
                if mark:
                    self._named.add((reference.repository, mark))
            if reference.digest:
                self._ids.add(reference.digest.removeprefix("sha256:"))
            if _ID.fullmatch(text):
                self._ids.add(text.removeprefix("sha256:"))

    def __contains__(self, image: Image) -> bool:
        image_id = image.id.removeprefix("sha256:")
        if any(image_id.startswith(used) for used in self._ids):
            return True
        for name in (*image.tags, *image.digests):
            reference = parse_image_name(name)
            if (reference.repository, reference.tag or reference.digest) in self._named:
                return True
        return False
