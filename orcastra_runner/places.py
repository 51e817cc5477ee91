# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths of the user's files, and the errors for missing ones."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import (
    ENDINGS,
    KINDS,
    ConfigFiles,
    find_file,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from orcastra_runner.settings import Settings

REBALANCE = "rebalance_config"
COMMANDS = Path("commands") / "swarm-orch.command"
# The upstream project uses both names.
EXPORTERS = ("deploy_node_exporter", "node_exporter_deploy")

MOST_SHOWN = 5
_ALIKE = ("swarm", "node", "depend", "rebalance")


def files_of(settings: Settings) -> ConfigFiles:
    """Return the paths of the configuration files. Each file may be absent, but not all of them.

    Raises ConfigError if a file that no variable names exists with both extensions.
    """
    problems: list[Problem] = []
    given = (settings.swarm_file, settings.dependencies_file, settings.nodes_file)
    paths = [_place(path, settings, kind.name, problems) for kind, path in zip(KINDS, given, strict=True)]
    if problems:
        raise ConfigError(problems)
    return ConfigFiles(*paths)


def missing_files(settings: Settings, files: ConfigFiles) -> list[Problem]:
    """Return errors for variables that name a missing file, or an error if there is no file at all."""
    named = {
        "SWARM_FILE": settings.swarm_file,
        "DEPENDENCIES_FILE": settings.dependencies_file,
        "NODES_FILE": settings.nodes_file,
    }
    problems = [
        problem
        for (variable, path), kind in zip(named.items(), KINDS, strict=True)
        if path is not None
        for problem in missing_file(variable, path, settings.config_dir / f"{kind.name}.yml")
    ]
    for path in files.paths:
        # even at its default path, a dangling link is an error
        if path is not None and path not in named.values() and path.is_symlink() and is_missing(path):
            problems.append(Problem(key="", expected="a file", found=absence(path)))
    if problems or any(path is not None and not is_missing(path) for path in files.paths):
        return problems
    *others, last = [str(path) for path in files.paths]
    expected = f"a configuration file at {', '.join(others)} or {last}"
    return [Problem(key="", expected=expected, found=_found_instead(settings.config_dir))]


def missing_file(variable: str, path: Path, usual: Path) -> list[Problem]:
    """Return an error if a variable names a missing file.

    The file may be missing at its ``usual`` path, even if the variable names that path explicitly.
    """
    if not is_missing(path) or _is_usual(path, usual):
        return []
    return [Problem(key=variable, expected="a file", found=absence(path))]


def is_missing(path: Path) -> bool:
    """Whether nothing exists at ``path``. A file that can't be accessed is not missing."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def absence(path: Path) -> str:
    """Describe a missing file for an error: it may be a dangling link, or exist with another extension."""
    if path.is_symlink():
        return f"a link at {path} to {path.readlink()}, which does not exist"
    others = [path.with_suffix(ending) for ending in ENDINGS if path.suffix in ENDINGS]
    there = [other.name for other in others if not is_missing(other)]
    hint = f" (but {there[0]} exists)" if there else ""
    tilde = " (~ is not expanded here)" if str(path).startswith("~") else ""
    return f"none at {path}{hint}{tilde}"


def _found_instead(directory: Path) -> str:
    """Describe the content of the configuration folder if none of the files exists."""
    if not directory.is_dir():
        return f"none: the folder {directory} does not exist"
    try:
        shown = _possible_files(directory)[:MOST_SHOWN]
    except OSError as error:
        return f"none: {directory} cannot be read ({error.strerror or error})"
    if shown:
        return f"none of them, but {', '.join(shown)}"
    return "none (to start, write {} to swarm.yml; `orcastra config schema` shows all keys)"


def has_possible_files(directory: Path) -> bool:
    """Whether a folder has files that may be meant as a configuration, or can't be read."""
    try:
        return bool(_possible_files(directory))
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _possible_files(directory: Path) -> list[str]:
    """Return the names that resemble those of configuration files, then other YAML files. Raises OSError."""
    names = sorted(entry.name for entry in directory.iterdir() if not entry.name.startswith("."))
    alike = [name for name in names if any(word in name.lower() for word in _ALIKE)]
    return [*alike, *(name for name in names if name not in alike and name.lower().endswith(ENDINGS))]


def rebalance_path(settings: Settings) -> Path:
    """Return the path of the rebalancing rules, whether or not the file exists. Raises ConfigError."""
    return _in_directory(settings, REBALANCE, settings.rebalance_config)


def command_path(settings: Settings) -> Path:
    """Return the path of the command file, whether or not it exists. Raises ConfigError."""
    return _in_directory(settings, str(COMMANDS), settings.command_file)


def _in_directory(settings: Settings, name: str, given: Path | None) -> Path:
    problems: list[Problem] = []
    path = _place(given, settings, name, problems)
    if problems:
        raise ConfigError(problems)
    return path


def _place(given: Path | None, settings: Settings, name: str, problems: list[Problem]) -> Path:
    """Return the given path, or the default one.

    The default path may have either extension, even if given.
    """
    usual = settings.config_dir / f"{name}{ENDINGS[0]}"
    if given is not None and not (is_missing(given) and _is_usual(given, usual)):
        return given
    return find_file(settings.config_dir, name, problems)


def _is_usual(path: Path, usual: Path) -> bool:
    return path in [usual, *(usual.with_suffix(ending) for ending in ENDINGS)]
