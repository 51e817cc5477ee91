# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds all errors that can be found before the first request to the engine, and reports them at once.

``orcastra config check`` rejects everything that the loop would reject at its start, or fail at forever.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from ansible_collections.orcastra.swarm.plugins.module_utils._config.exporter import load_exporter
from ansible_collections.orcastra.swarm.plugins.module_utils._config.files import ENDINGS, find_file
from ansible_collections.orcastra.swarm.plugins.module_utils._config.words import shorten
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import (
    ConfigError,
    OrcastraError,
    Problem,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    CONNECTION_ARGUMENT_SPEC,
    address_fault,
    options_from_environment,
)
from orcastra_runner.api_token import configured_token
from orcastra_runner.configuration import Configuration, has_configuration
from orcastra_runner.cron import machine_zone
from orcastra_runner.local.mods_file import check_mods
from orcastra_runner.notify.targets import configured_targets
from orcastra_runner.places import EXPORTERS, absence, command_path, is_missing, missing_file, rebalance_path
from orcastra_runner.rebalance import RebalanceFile
from orcastra_runner.settings import (
    DEFAULT_CONFIG_DIR,
    DEFAULT_MODS_CONFIG,
    VARIABLES,
    Settings,
    unknown_variables,
)
from orcastra_runner.values import PREFIX, quotes_hint

T = TypeVar("T")


def load(settings: Settings, *, may_be_missing: bool = False) -> tuple[Configuration, RebalanceFile]:
    """Read and validate the files that every command needs. Raises ConfigError with all errors.

    ``may_be_missing``: without any file, the configuration is empty.
    """
    problems = surroundings(settings)
    configuration = _collect(partial(Configuration, settings, may_be_missing=may_be_missing), problems)
    rebalance_file = _collect(partial(RebalanceFile, partial(rebalance_path, settings)), problems)
    if problems or configuration is None or rebalance_file is None:
        raise ConfigError(problems)
    return configuration, rebalance_file


def lacks_configuration(settings: Settings) -> bool:
    """Whether there is no configuration at all: no file in the default folder, and none named elsewhere.

    Raises ConfigError if that can't be decided.
    """
    named = (settings.swarm_file, settings.dependencies_file, settings.nodes_file, settings.rebalance_config)
    is_default = settings.config_dir == Path(DEFAULT_CONFIG_DIR) and not any(named)
    return is_default and not has_configuration(settings)


def other_files(settings: Settings) -> tuple[list[Path], list[Problem], list[Problem]]:
    """Return the files that only some commands or playbooks read, the errors in them, and the warnings."""
    found: list[Path] = []
    problems: list[Problem] = []
    warned: list[Problem] = []
    if not is_missing(settings.mod_manager_config):
        found.append(settings.mod_manager_config)
        problems += check_mods(settings.mod_manager_config, os.environ)
    for name in EXPORTERS:
        path = find_file(settings.config_dir, name, problems)
        if not is_missing(path):
            found.append(path)
            exporter = _collect(partial(load_exporter, path), problems)
            warned += exporter.warnings if exporter is not None else ()
    return found, problems, warned


def warnings(
    settings: Settings, configuration: Configuration, rebalance_file: RebalanceFile
) -> list[Problem]:
    """Return valid configuration that is probably not intended."""
    found = list(configuration.desired.warnings)
    if rebalance_file.is_blank:
        found.append(Problem("", "rules, or {} for the defaults", "nothing", str(rebalance_file.path)))
    named = {
        "SWARM_FILE": settings.swarm_file,
        "DEPENDENCIES_FILE": settings.dependencies_file,
        "NODES_FILE": settings.nodes_file,
        "REBALANCE_CONFIG": settings.rebalance_config,
    }
    for name, path in named.items():
        # only possible at the default path; elsewhere it is an error
        others = [] if path is None else [path.with_suffix(ending) for ending in ENDINGS]
        if path is not None and all(map(is_missing, [path, *others])):
            found.append(Problem(name, "a file (optional at its default path)", absence(path)))
    known = {variable.name.removeprefix(PREFIX): variable.name for variable in VARIABLES}
    for name in unknown_variables():
        # the common prefix would make all of them similar
        close = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1)
        meant = f"; did you mean '{known[close[0]]}'?" if close else ""
        found.append(Problem(name, "the name of a variable", f"an unknown one{meant}"))
    return found


def surroundings(settings: Settings) -> list[Problem]:
    """Return the errors in the paths and connections that the settings name, apart from the configuration."""
    problems: list[Problem] = []
    if settings.rebalance_config is not None:
        usual = settings.config_dir / "rebalance_config.yml"
        problems += missing_file("REBALANCE_CONFIG", settings.rebalance_config, usual)
    problems += missing_file("MOD_MANAGER_CONFIG", settings.mod_manager_config, Path(DEFAULT_MODS_CONFIG))
    if settings.inventory is not None and is_missing(settings.inventory):
        expected = "an inventory file or folder"
        problems.append(Problem("ORCASTRA_INVENTORY", expected, absence(settings.inventory)))
    _collect(partial(command_path, settings), problems)
    if settings.command_file is not None and settings.command_file.is_dir():
        problems.append(Problem("COMMAND_FILE", "a file", f"a folder at {settings.command_file}"))
    folders = {
        "ORCASTRA_STATE_DIR": settings.state_dir,
        "ORCASTRA_ARTIFACTS_DIR": settings.artifacts_dir,
        "MOD_MANAGER_DEST": settings.mod_manager_dest,
    }
    for name, folder in folders.items():
        if folder is not None and not is_missing(folder) and not folder.is_dir():
            problems.append(Problem(name, "a folder", f"a file at {folder}"))
    _collect(partial(configured_token, settings), problems)
    _collect(partial(configured_targets, settings), problems)
    if settings.prunes and not os.environ.get("TZ", "").strip():
        _collect(machine_zone, problems)
    return problems + _engines(settings)


def _engines(settings: Settings) -> list[Problem]:
    """Return the errors in the variables of engine connections."""
    problems = []
    for name in sorted(os.environ):
        hint = quotes_hint(os.environ[name]) if name.startswith("DOCKER_") else ""
        if hint and name in _connection_variables():
            problems.append(Problem(name, "a value without quotes", f"{shorten(os.environ[name])}{hint}"))
    if problems:
        return problems
    try:
        options = options_from_environment()
    except OrcastraError as error:
        return [Problem("DOCKER_*", "valid values", str(error))]
    named = {"DOCKER_HOST": options.docker_host, "ORCASTRA_MANAGER_HOST": settings.manager_host}
    for name, address in named.items():
        fault = None if address is None else address_fault(address)
        if fault is not None:
            expected = "the address of an engine, such as unix:///var/run/docker.sock or tcp://10.0.0.11:2375"
            problems.append(Problem(name, expected, f"{shorten(address or '')} ({fault})"))
    return problems


def _connection_variables() -> set[str]:
    fallbacks = [spec["fallback"][1] for spec in CONNECTION_ARGUMENT_SPEC.values() if "fallback" in spec]
    return {name for names in fallbacks for name in names} | {"DOCKER_CERT_PATH"}


def _collect(read: Callable[[], T], problems: list[Problem]) -> T | None:
    try:
        return read()
    except ConfigError as error:
        problems += error.problems
    return None
