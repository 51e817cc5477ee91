# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the checked configuration from the user's files.

``swarm.yml`` can contain the whole configuration. ``dependencies.yml`` and ``nodes.yml`` contain parts of it
and take precedence (``_config.merge`` has the rules). In ``dependencies.yml`` the top-level key
``dependencies`` is optional, and so is ``nodes`` in ``nodes.yml``.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .._model.compat import TypeAlias, dataclass
from .._model.desired import DesiredState
from .._model.errors import ConfigError, Problem
from .build import build
from .document import Document
from .schema import ALL_PARTS
from .source import read_file

DEPENDENCIES_PARTS = ("dependencies",)
NODES_PARTS = ("leader", "advertise_addr", "nodes", "options")

# The two extensions of YAML files; the documentation uses the first one.
ENDINGS = (".yml", ".yaml")

Fingerprint: TypeAlias = "tuple[tuple[int, int, int] | str | None, ...]"


@dataclass(frozen=True, slots=True)
class Kind:
    """A configuration file. ``parts`` are the keys it may contain; ``top_key`` is optional in it."""

    name: str
    parts: tuple[str, ...]
    top_key: str | None = None


# in ascending order of precedence
KINDS = (
    Kind("swarm", ALL_PARTS),
    Kind("dependencies", DEPENDENCIES_PARTS, "dependencies"),
    Kind("nodes", NODES_PARTS, "nodes"),
)


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """The paths of the configuration files. A path may be None or not exist: then that file is absent."""

    swarm: Path | None = None
    dependencies: Path | None = None
    nodes: Path | None = None

    @classmethod
    def in_directory(cls, directory: Path) -> ConfigFiles:
        """The files with their default names in one directory.

        Raises ConfigError if a file exists with both extensions.
        """
        problems: list[Problem] = []
        paths = [find_file(directory, kind.name, problems) for kind in KINDS]
        if problems:
            raise ConfigError(problems)
        return cls(*paths)

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """The paths, in the order of ``KINDS``."""
        return (self.swarm, self.dependencies, self.nodes)

    def fingerprint(self) -> Fingerprint:
        """A value that changes if a file does: (mtime in ns, size, inode) of each, or None if it is absent.

        If the status of a file cannot be read, its entry is the error message.
        """
        return tuple(_fingerprint(path) for path in self.paths)


@dataclass(frozen=True)
class ConfigDocument:
    """The content of one file: ``raw`` as written, ``document`` with the optional top-level key.

    ``problems`` are the problems found while reading it.
    """

    kind: Kind
    raw: Document
    problems: tuple[Problem, ...] = ()

    @property
    def document(self) -> Document:
        data = self.raw.data
        if self.kind.top_key is None:
            return self.raw
        if isinstance(data, Mapping) and any(part in data for part in self.kind.parts):
            return self.raw
        return self.raw.under(self.kind.top_key)

    @property
    def is_readable(self) -> bool:
        return self.raw.data is not None or not self.problems


def find_file(directory: Path, name: str, problems: list[Problem]) -> Path:
    """Find a YAML file in ``directory`` with either extension; ``name`` has none.

    If both exist, adds to ``problems``. If none exists, the returned path has the default extension.
    """
    paths = [directory / f"{name}{ending}" for ending in ENDINGS]
    found = [path for path in paths if os.path.lexists(path)]
    if len(found) > 1:
        expected = f"only one of {' and '.join(path.name for path in found)}"
        problems.append(Problem("", expected, "both", str(directory), code="conflict"))
    return found[0] if found else paths[0]


def read_documents(files: ConfigFiles) -> list[ConfigDocument]:
    """Read the files. Never raises for their content; each document has its problems."""
    found = []
    for kind, path in zip(KINDS, files.paths):
        if path is not None:
            document, problems = read_file(path)
            found.append(ConfigDocument(kind, document, tuple(problems)))
    return found


def build_configuration(
    documents: Iterable[ConfigDocument],
    *,
    stack_name: str,
    label_prefix: str = "",
    restart_dependents: bool = False,
) -> DesiredState:
    """Check files that have been read, in ascending order of precedence. See ``load_configuration``."""
    documents = list(documents)
    return build(
        [(one.document, one.kind.parts) for one in documents],
        [problem for one in documents for problem in one.problems],
        complete=all(one.is_readable for one in documents),
        stack_name=stack_name,
        label_prefix=label_prefix,
        restart_dependents=restart_dependents,
    )


def load_configuration(
    files: ConfigFiles,
    *,
    stack_name: str,
    label_prefix: str = "",
    restart_dependents: bool = False,
) -> DesiredState:
    """Read and check the configuration. Without any file, nothing is configured.

    The other arguments are those of ``_config.build.parse_config``. Raises ConfigError with all problems of
    all files, each with its file and line, and OrcastraError if a library is missing.
    """
    return build_configuration(
        read_documents(files),
        stack_name=stack_name,
        label_prefix=label_prefix,
        restart_dependents=restart_dependents,
    )


def read_nodes(path: Path) -> dict[str, Any]:
    """The parts of ``nodes.yml`` as written, unchecked."""
    document, problems = read_file(path)
    return dict(ConfigDocument(KINDS[-1], document, tuple(problems)).document.data)


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
