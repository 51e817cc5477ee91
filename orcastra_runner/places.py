# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the user's files are, and what to say about those that are missing."""

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
    """Return where the files of the configuration are; each may be absent, but not all.

    Raises ConfigError if one of those that no variable names is there with both endings.
    """
    problems: list[Problem] = []
    given = (settings.swarm_file, settings.dependencies_file, settings.nodes_file)
    paths = [_place(path, settings, kind.name, problems) for kind, path in zip(KINDS, given, strict=True)]
    if problems:
        raise ConfigError(problems)
    return ConfigFiles(*paths)


def missing_files(settings: Settings, files: ConfigFiles) -> list[Problem]:
    """Return the variables that name a file which is missing, or that there is no file at all."""
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
        # at its usual place, too, that is no file which is simply absent
        if path is not None and path not in named.values() and path.is_symlink() and is_missing(path):
            problems.append(Problem(key="", expected="a file", found=absence(path)))
    if problems or any(path is not None and not is_missing(path) for path in files.paths):
        return problems
    *others, last = [str(path) for path in files.paths]
    expected = f"a configuration file at {', '.join(others)} or {last}"
    return [Problem(key="", expected=expected, found=_found_instead(settings.config_dir))]


def missing_file(variable: str, path: Path, usual: Path) -> list[Problem]:
    """What is wrong if a variable names a file that is missing.

    Nothing if that is its ``usual`` place: saying so in so many words does not change that it may be absent.
    """
    if not is_missing(path) or _is_usual(path, usual):
        return []
    return [Problem(key=variable, expected="a file", found=absence(path))]


def is_missing(path: Path) -> bool:
    """Whether there is nothing at ``path``; what cannot be looked at is there."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def absence(path: Path) -> str:
    """How a path is missing, for messages: it may be a link to nowhere, or another ending may be there."""
    if path.is_symlink():
        return f"at {path} a link to {path.readlink()}, which does not exist"
    others = [path.with_suffix(ending) for ending in ENDINGS if path.suffix in ENDINGS]
    there = [other.name for other in others if not is_missing(other)]
    hint = f" (there is {there[0]})" if there else ""
    tilde = " (~ is taken literally here)" if str(path).startswith("~") else ""
    return f"none at {path}{hint}{tilde}"


def _found_instead(directory: Path) -> str:
    """What is in the folder of the configuration, if none of its files is."""
    if not directory.is_dir():
        return f"none of them: there is no folder {directory}"
    try:
        names = sorted(entry.name for entry in directory.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        return f"none of them: {directory} cannot be read ({error.strerror or error})"
    alike = [name for name in names if any(word in name.lower() for word in _ALIKE)]
    yaml = [name for name in names if name not in alike and name.lower().endswith(ENDINGS)]
    shown = [*alike, *yaml][:MOST_SHOWN]
    if shown:
        return f"none of them, but {', '.join(shown)}"
    return "none of them ({} in a swarm.yml is enough to begin with; `orcastra config schema` shows the rest)"


def rebalance_path(settings: Settings) -> Path:
    """Where the rules of rebalancing are, whether there are any or not. Raises ConfigError."""
    return _in_directory(settings, REBALANCE, settings.rebalance_config)


def command_path(settings: Settings) -> Path:
    """Where the command file is, whether there is one or not. Raises ConfigError."""
    return _in_directory(settings, str(COMMANDS), settings.command_file)


def _in_directory(settings: Settings, name: str, given: Path | None) -> Path:
    problems: list[Problem] = []
    path = _place(given, settings, name, problems)
    if problems:
        raise ConfigError(problems)
    return path


def _place(given: Path | None, settings: Settings, name: str, problems: list[Problem]) -> Path:
    """The path that was given, or else the usual one; that may be given, too, and then have either ending."""
    usual = settings.config_dir / f"{name}{ENDINGS[0]}"
    if given is not None and not (is_missing(given) and _is_usual(given, usual)):
        return given
    return find_file(settings.config_dir, name, problems)


def _is_usual(path: Path, usual: Path) -> bool:
    return path in [usual, *(usual.with_suffix(ending) for ending in ENDINGS)]
