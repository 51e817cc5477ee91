# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image references: the file names that mod images look for, and invalid references."""

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._mods.reference import (
    ImageReferenceError,
    parse_reference,
)
from tests.support.coded import raises

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "filename", "registry"),
    [
        ("linuxserver/mods:x", "linuxserver.mods.x", "lscr.io"),
        ("lscr.io/linuxserver/mods:x", "linuxserver.mods.x", "lscr.io"),
        ("ghcr.io/linuxserver/mods:x", "linuxserver.mods.x", "lscr.io"),
        ("docker.io/linuxserver/mods:x", "linuxserver.mods.x", "lscr.io"),
        ("user/mod", "user.mod.latest", "registry-1.docker.io"),
        ("docker.io/user/mod", "user.mod.latest", "registry-1.docker.io"),
        ("ghcr.io/user/mod:1@sha256:abcd", "user.mod.1.abcd", "ghcr.io"),
        ("ghcr.io/user/mod@sha256:abcd", "user.mod.abcd", "ghcr.io"),
        ("localhost:5000/user/mod:1", "user.mod.1", "localhost:5000"),
        ("localhost:5000/user/mod", "user.mod.latest", "localhost:5000"),
        ("quay.io/linuxserver/mods:x", "linuxserver.mods.x", "quay.io"),
        ("[::1]:5000/user/mod:1", "user.mod.1", "[::1]:5000"),
        (f"user/mod@sha256:{HEX}", f"user.mod.{HEX}", "registry-1.docker.io"),
        ("GHCR.io/user/mod:V1", "user.mod.V1", "ghcr.io"),
    ],
)
def test_parse_reference_gives_file_name_and_registry(text: str, filename: str, registry: str) -> None:
    reference = parse_reference(text)
    assert (reference.filename, reference.registry) == (filename, registry)


def test_reference_target_prefers_the_digest() -> None:
    reference = parse_reference("ghcr.io/user/mod:1@sha256:abcd")
    assert (reference.tag, reference.digest, reference.target) == ("1", "sha256:abcd", "sha256:abcd")
    assert parse_reference("user/mod").target == "latest"


def test_reference_source_includes_the_registry() -> None:
    here, there = parse_reference("ghcr.io/user/mod:1"), parse_reference("quay.io/user/mod:1")
    assert here.filename == there.filename
    assert here.source != there.source
    assert parse_reference("user/mod").source == parse_reference("docker.io/user/mod:latest").source


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("host/group/sub/mod:1", "path"),
        ("mod", "path"),
        ("", "path"),
        ("localhost:5000/mod:1", "path"),
        ("ghcr.io/mod", "path"),
        ("ghcr.io/../mod:1", "name"),
        ("ghcr.io//mod:1", "name"),
        ("user/mod/", "name"),
        ("/user/mod", "registry"),
        ("user/.mod", "name"),
        ("User/mod", "name"),
        ("user/mod:", "tag"),
        ("user/mod:../../etc", "path"),
        ("user/mod:a b", "tag"),
        ("user/mod:-x", "tag"),
        ("user/mod:" + "x" * 129, "tag"),
        ("user/mod\n", "name"),
        ("user/mo\0d", "name"),
        ("user/mod@sha256:" + "0" * 65, "digest"),
        ("user/mod@sha512:abcd", "digest"),
        ("user/mod@", "digest"),
        ("user/mod@sha256:../x", "digest"),
        ("a" * 120 + "/" + "b" * 120, "file_name"),
        ("evil.example?/user/mod", "registry"),
        ("user:password@host/user/mod", "digest"),
        ("host:0/user/mod", "registry"),
        ("host:99999/user/mod", "registry"),
        ("https://host/user/mod", "path"),
    ],
)
def test_parse_reference_refuses_invalid_references(text: str, code: str) -> None:
    with raises(ImageReferenceError, code):
        parse_reference(text)
