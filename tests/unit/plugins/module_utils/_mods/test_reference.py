# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Image references: the file names that mod images look for, and what is refused."""

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._mods.reference import (
    ImageReferenceError,
    parse_reference,
)

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
def test_file_name_and_registry(text: str, filename: str, registry: str) -> None:
    reference = parse_reference(text)
    assert (reference.filename, reference.registry) == (filename, registry)


def test_a_digest_comes_before_the_tag() -> None:
    reference = parse_reference("ghcr.io/user/mod:1@sha256:abcd")
    assert (reference.tag, reference.digest, reference.target) == ("1", "sha256:abcd", "sha256:abcd")
    assert parse_reference("user/mod").target == "latest"


def test_the_same_file_name_from_another_place_is_another_source() -> None:
    here, there = parse_reference("ghcr.io/user/mod:1"), parse_reference("quay.io/user/mod:1")
    assert here.filename == there.filename
    assert here.source != there.source
    assert parse_reference("user/mod").source == parse_reference("docker.io/user/mod:latest").source


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("host/group/sub/mod:1", "more levels"),
        ("mod", "one name alone"),
        ("", "one name alone"),
        ("localhost:5000/mod:1", "after the registry localhost:5000"),
        ("ghcr.io/mod", "after the registry ghcr.io"),
        ("ghcr.io/../mod:1", "in a name"),
        ("ghcr.io//mod:1", "in a name"),
        ("user/mod/", "in a name"),
        ("/user/mod", "host name in front"),
        ("user/.mod", "in a name"),
        ("User/mod", "in a name"),
        ("user/mod:", "expected a tag"),
        ("user/mod:../../etc", "more levels"),
        ("user/mod:a b", "expected a tag"),
        ("user/mod:-x", "expected a tag"),
        ("user/mod:" + "x" * 129, "expected a tag"),
        ("user/mod\n", "in a name"),
        ("user/mo\0d", "in a name"),
        ("user/mod@sha256:" + "0" * 65, "sha256: and up to 64"),
        ("user/mod@sha512:abcd", "sha256: and up to 64"),
        ("user/mod@", "sha256: and up to 64"),
        ("user/mod@sha256:../x", "sha256: and up to 64"),
        ("a" * 120 + "/" + "b" * 120, "more than 220 characters"),
        ("evil.example?/user/mod", "host name in front"),
        ("user:password@host/user/mod", "sha256: and up to 64"),
        ("host:0/user/mod", "port from 1 to 65535"),
        ("host:99999/user/mod", "port from 1 to 65535"),
        ("https://host/user/mod", "more levels"),
    ],
)
def test_what_is_unusable_is_refused(text: str, why: str) -> None:
    with pytest.raises(ImageReferenceError, match=why):
        parse_reference(text)
