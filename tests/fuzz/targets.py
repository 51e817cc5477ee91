# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets: each reads one input, and raises only the errors that its documentation names."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ConfigFiles,
    load_configuration,
    read_nodes,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._config.rebalance import build_rebalance
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state import State
from ansible_collections.orcastra.swarm.plugins.module_utils._model.state_codec import decode, encode
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.archive import Limits, unpack
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.archive_names import ArchiveError
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import load_mods
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.manifests import (
    ManifestError,
    only_layer,
    parse_manifest,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.reference import (
    ImageReferenceError,
    parse_reference,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.prometheus import ReplyReader
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.samples import TextReader, read_page
from orcastra_runner.command.file import parse
from tests.unit.orcastra_runner.served import Served

SECRET = "correct-horse-battery"
ENVIRONMENT = {"TOKEN": SECRET, "URL": f"https://user:{SECRET}@host.example/x"}
LARGEST = 256 * 1024
CHUNK = 997


@dataclass(frozen=True)
class Place:
    """The folder for files, and the server for requests."""

    folder: Path
    served: Served

    def write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


class Finding(Exception):
    """A property that doesn't hold."""


def check_errors(error: ConfigError) -> None:
    """An error names its file, the expected value and the value found, and no secret."""
    if not error.problems:
        raise Finding("an error without a problem")
    for problem in error.problems:
        if problem.code != "too_many_problems" and not (problem.expected and problem.found and problem.file):
            raise Finding(f"expected file, expected and found in {problem!r}")
    if SECRET in str(error):
        raise Finding("the error has the secret")


def configuration(data: bytes, place: Place) -> None:
    path = place.write("swarm.yml", data)
    try:
        load_configuration(ConfigFiles(swarm=path), stack_name="")
    except ConfigError as error:
        check_errors(error)


def inventory(data: bytes, place: Place) -> None:
    try:
        read_nodes(place.write("nodes.yml", data))
    except ConfigError as error:
        check_errors(error)


def rebalancing(data: bytes, place: Place) -> None:
    document, problems = read_file(place.write("rebalance_config.yml", data))
    if problems or not isinstance(document.data, dict):
        return
    try:
        build_rebalance(document.data, ENVIRONMENT)
    except ConfigError as error:
        if SECRET in str(error):
            raise Finding("the error has the secret") from error


def mods(data: bytes, place: Place) -> None:
    try:
        load_mods(place.write("mods.yml", data), ENVIRONMENT)
    except ConfigError as error:
        check_errors(error)


def commands(data: bytes, place: Place) -> None:
    content = parse(*read_file(place.write("command.yml", data)))
    keys = [entry.key for entry in content.entries]
    if len(keys) != len(set(keys)):
        raise Finding("two entries have the same key")


def exporter(data: bytes, place: Place) -> None:
    with suppress(ValueError):
        reader = TextReader({"task"}, {"task"})
        for start in range(0, len(data), CHUNK):
            reader.feed(data[start : start + CHUNK])
        page = read_page(reader.close().samples, 1_800_000_000.0, 60.0)
        if any(size < 0 for size in page.tasks.values()):
            raise Finding("a negative size")


def prometheus(data: bytes, place: Place) -> None:
    with suppress(ValueError):
        reader = ReplyReader({"task"})
        for start in range(0, len(data), CHUNK):
            reader.feed(data[start : start + CHUNK])
        reader.close()


def manifest(data: bytes, place: Place) -> None:
    with suppress(ManifestError):
        only_layer(parse_manifest(data, "application/json", None, None), LARGEST)


def reference(data: bytes, place: Place) -> None:
    with suppress(ImageReferenceError):
        found = parse_reference(data.decode(errors="replace"))
        if "/" in found.filename or found.filename.startswith("."):
            raise Finding(f"an unsafe file name {found.filename!r}")


def archive(data: bytes, place: Place) -> None:
    target = place.folder / "unpacked"
    before = set(place.folder.parent.iterdir())
    with suppress(ArchiveError):
        unpack(place.write("archive", data), target, Limits())
    if set(place.folder.parent.iterdir()) != before:
        raise Finding("a file outside the target")
    if target.exists() and any(found.is_symlink() for found in target.rglob("*")):
        raise Finding("a symbolic link")


def state(data: bytes, place: Place) -> None:
    try:
        labels = json.loads(data)
    except (ValueError, RecursionError):
        return
    found, _damage = decode(labels, 1_800_000_000.0)
    if not isinstance(found, State):
        raise Finding(f"expected a state, found {found!r}")
    again, damage = decode(encode(found), 1_800_000_000.0)
    if damage or encode(again) != encode(found):
        raise Finding(f"a state that changes when it is written and read: {damage}")


def requests(data: bytes, place: Place) -> None:
    """Bytes on a connection to our server, which must still answer afterwards."""
    port = place.served.server.port
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection, suppress(ConnectionError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(64)
        if answer.startswith(b"HTTP/1.1 500"):
            raise Finding("a request is answered with 500")
    check = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    check.request("GET", "/healthz")
    if check.getresponse().status >= 500:
        raise Finding("the server no longer answers")
    check.close()


Target = Callable[[bytes, Place], None]
TARGETS: dict[str, Target] = {
    found.__name__: found
    for found in (
        configuration,
        inventory,
        rebalancing,
        mods,
        commands,
        exporter,
        prometheus,
        manifest,
        reference,
        archive,
        state,
        requests,
    )
}
