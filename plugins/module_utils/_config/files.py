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

# The two endings of YAML files, the one in the documentation first.
ENDINGS = (".yml", ".yaml")

Fingerprint: TypeAlias = "tuple[tuple[int, int, int] | str | None, ...]"


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the files. ``parts`` are what it may hold; ``top_key`` may be left out at its top."""

    name: str
    parts: tuple[str, ...]
    top_key: str | None = None


# from the weakest to the strongest
KINDS = (
    Kind("swarm", ALL_PARTS),
    Kind("dependencies", DEPENDENCIES_PARTS, "dependencies"),
    Kind("nodes", NODES_PARTS, "nodes"),
)


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """Where the configuration is. A path that is None or doesn't exist is simply absent."""

    swarm: Path | None = None
    dependencies: Path | None = None
    nodes: Path | None = None

    @classmethod
    def in_directory(cls, directory: Path) -> ConfigFiles:
        """The files under their usual names in one directory. Raises ConfigError if one is there twice."""
        problems: list[Problem] = []
        paths = [find_file(directory, kind.name, problems) for kind in KINDS]
        if problems:
            raise ConfigError(problems)
        return cls(*paths)

    @property
    def paths(self) -> tuple[Path | None, ...]:
        """In the order of ``KINDS``."""
        return (self.swarm, self.dependencies, self.nodes)

    def fingerprint(self) -> Fingerprint:
        """What changes when a file does: (mtime in ns, size, inode) of each; None where it is absent.

        A file that cannot be looked at has the reason for that instead.
        """
        return tuple(_fingerprint(path) for path in self.paths)


@dataclass(frozen=True)
class ConfigDocument:
    """What one file holds: ``raw`` as it stands there, ``document`` with the top key it may leave out.

    ``problems`` were met while it was read.
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
    """The path of a YAML file in ``directory`` with either ending; ``name`` has none.

    If it is there with both, that is added to ``problems``. If it is absent, the path has the usual ending.
    """
    paths = [directory / f"{name}{ending}" for ending in ENDINGS]
    found = [path for path in paths if os.path.lexists(path)]
    if len(found) > 1:
        expected = f"only one of {' and '.join(path.name for path in found)}"
        problems.append(Problem("", expected, "both", str(directory)))
    return found[0] if found else paths[0]


def read_documents(files: ConfigFiles) -> list[ConfigDocument]:
    """Read the files. Never raises for what is in them."""
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
    """Check what the files hold, from the weakest to the strongest. See ``load_configuration``."""
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
    """Read and check the configuration; without any file, nothing is configured.

    The other arguments are those of ``_config.build.parse_config``. Raises ConfigError with all problems of
    all files, each with its file and line, and OrcastraError where a library is missing.
    """
    return build_configuration(
        read_documents(files),
        stack_name=stack_name,
        label_prefix=label_prefix,
        restart_dependents=restart_dependents,
    )


def read_nodes(path: Path) -> dict[str, Any]:
    """The parts of ``nodes.yml`` as they stand there, without a check of them."""
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
