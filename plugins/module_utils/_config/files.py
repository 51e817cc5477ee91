# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the user's files to the checked configuration.

``swarm.yml`` may hold everything; ``dependencies.yml`` and ``nodes.yml`` hold their parts and win over it
(see ``_config.merge`` for the rule). ``dependencies.yml`` may leave out the top key ``dependencies``, and
``nodes.yml`` may be just the mapping of nodes.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import build
from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._config.schema import ALL_PARTS
from ansible_collections.orcastra.swarm.plugins.module_utils._config.source import read_file
from ansible_collections.orcastra.swarm.plugins.module_utils._model.compat import TypeAlias, dataclass
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import Problem
from ansible_collections.orcastra.swarm.plugins.module_utils._model.wanted import Wanted

DEPENDENCIES_PARTS = ("dependencies",)
NODES_PARTS = ("leader", "advertise_addr", "nodes", "options")

Fingerprint: TypeAlias = "tuple[tuple[int, int, int] | str | None, ...]"


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """Where the configuration is. A path that is None or doesn't exist is simply absent."""

    swarm: Path | None = None
    dependencies: Path | None = None
    nodes: Path | None = None

    @classmethod
    def in_directory(cls, directory: Path) -> ConfigFiles:
        """The files under their usual names in one directory."""
        return cls(directory / "swarm.yml", directory / "dependencies.yml", directory / "nodes.yml")

    def fingerprint(self) -> Fingerprint:
        """What changes when a file does: (mtime in ns, size, inode) of each; None where it is absent.

        A file that cannot be looked at has the reason for that instead.
        """
        return tuple(_fingerprint(path) for path in (self.swarm, self.dependencies, self.nodes))


def load_configuration(
    files: ConfigFiles,
    *,
    stack_name: str,
    label_prefix: str = "",
    restart_dependents: bool = False,
) -> Wanted:
    """Read and check the configuration; without any file, nothing is configured.

    The other arguments are those of ``_config.build.build_wanted``. Raises ConfigError with all problems of
    all files, each with its file and line, and OrcastraError where a library is missing.
    """
    problems: list[Problem] = []
    documents: list[tuple[Document, tuple[str, ...]]] = []
    complete = True
    for path, top_key, parts in (
        (files.swarm, None, ALL_PARTS),
        (files.dependencies, "dependencies", DEPENDENCIES_PARTS),
        (files.nodes, "nodes", NODES_PARTS),
    ):
        if path is None:
            continue
        document, met = read_file(path)
        problems += met
        complete = complete and (document.data is not None or not met)
        documents.append((_with_top_key(document, top_key, parts), parts))
    return build(
        documents,
        problems,
        complete=complete,
        stack_name=stack_name,
        label_prefix=label_prefix,
        restart_dependents=restart_dependents,
    )


def read_nodes(path: Path) -> dict[str, Any]:
    """The parts of ``nodes.yml`` as they stand there, without a check of them."""
    document = _with_top_key(read_file(path)[0], "nodes", NODES_PARTS)
    return dict(document.data)


def _with_top_key(document: Document, top_key: str | None, parts: tuple[str, ...]) -> Document:
    """The document with the key at the top that it may leave out."""
    if top_key is None or (isinstance(document.data, Mapping) and any(p in document.data for p in parts)):
        return document
    return document.under(top_key)


def _fingerprint(path: Path | None) -> tuple[int, int, int] | str | None:
    if path is None:
        return None
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return str(error)
    return status.st_mtime_ns, status.st_size, status.st_ino
