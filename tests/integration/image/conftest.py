# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The project's image, built with a real engine, and HAProxy's image, on all hosts of the lab."""

from __future__ import annotations

import pytest

from tests.lab import Host, Lab, image
from tests.support import image_build


@pytest.fixture(scope="session")
def archive() -> bytes:
    return image_build.image_archive().read_bytes()


@pytest.fixture
def hosts(swarm: Lab, archive: bytes) -> Lab:
    """The lab in a clean state, with the image on each host."""
    swarm.each(lambda host: _load(host, image_build.NAME, archive))
    return swarm


@pytest.fixture
def proxied_hosts(hosts: Lab) -> Lab:
    """The same, with HAProxy's image in addition."""
    archive = image_build.haproxy_archive().read_bytes()
    hosts.each(lambda host: _load(host, image_build.HAPROXY_NAME, archive))
    return hosts


def _load(host: Host, name: str, archive: bytes) -> None:
    tags = {tag for found in host.api("GET", "/images/json") for tag in found["RepoTags"] or ()}
    if name not in tags:
        image.load(host, archive)
