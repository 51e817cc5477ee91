# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra doctor``: checks all prerequisites, and shows how to fix the missing ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from ansible_collections.orcastra.swarm.plugins.module_utils._model.doctor import FAILED, OK, WARNING, Finding
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import (
    ConfigError,
    OrcastraError,
    Problem,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.connection import (
    options_from_environment,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.host import host_facts, library_versions
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.metrics import measure
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.observation import Observation
from ansible_collections.orcastra.swarm.plugins.module_utils._plan.doctor import diagnose_host, diagnose_swarm
from orcastra_runner.application import connector
from orcastra_runner.preflight import lacks_configuration, load
from orcastra_runner.rebalance import RebalanceFile
from orcastra_runner.settings import Settings
from orcastra_runner.swarm import Swarm

# libraries that the runner requires
LIBRARIES = ("ansible-core", "ansible-runner", "docker", "jmespath", "PyYAML")

Sections = dict[str, tuple[Finding, ...]]


def examine(settings: Settings, problems: Sequence[Problem] = ()) -> Sections:
    """Check everything. Returns the findings by section, in the order in which to fix them.

    ``problems`` are the errors in environment variables.
    """
    options = options_from_environment()
    facts = host_facts(options, library_versions(LIBRARIES))
    host = diagnose_host(facts)
    split = 1 + len(facts.libraries)
    sections: Sections = {"control node": host[:split], "engine": host[split:]}
    seen = _observe() if facts.membership == "manager" else None
    if seen is not None:
        sections["swarm"] = diagnose_swarm(seen.snapshot, seen.damage)
    configuration, rebalance_file = _configuration(settings, problems)
    sections["configuration"] = (*configuration, *_surroundings(settings))
    if seen is not None and rebalance_file is not None and rebalance_file.is_present:
        sections["memory metrics"] = tuple(_exporters(seen, rebalance_file))
    return sections


def _observe() -> Observation | None:
    try:
        with closing(Swarm(connector())) as swarm:
            return swarm.observe()
    except OrcastraError:
        # the findings about the engine already show the error
        return None


def _configuration(
    settings: Settings, problems: Sequence[Problem]
) -> tuple[list[Finding], RebalanceFile | None]:
    try:
        if not problems and lacks_configuration(settings):
            reason = Reason("doctor_configuration_missing", folder=str(settings.config_dir))
            return [Finding(WARNING, reason, Reason("doctor_configuration_missing_fix"))], None
        if problems:
            raise ConfigError(list(problems))  # noqa: TRY301 - reported like any other configuration error
        configuration, rebalance_file = load(settings)
    except ConfigError as error:
        fix = Reason("doctor_configuration_wrong_fix")
        return [
            Finding(FAILED, Reason("doctor_configuration_wrong", problem=str(problem)), fix)
            for problem in error.problems
        ], None
    files = [str(path) for path in configuration.present()]
    found = [Finding(OK, Reason("doctor_configuration", files=files))]
    return [*found, *_inventory(settings, configuration.desired)], rebalance_file


def _inventory(settings: Settings, desired: DesiredState) -> Iterator[Finding]:
    if settings.inventory is not None:
        yield Finding(OK, Reason("doctor_inventory", path=str(settings.inventory)))
    elif any(node.role for node in desired.nodes.values()):
        yield Finding(WARNING, Reason("doctor_inventory_missing"), Reason("doctor_inventory_missing_fix"))


def _surroundings(settings: Settings) -> Iterator[Finding]:
    folder = settings.state_dir
    if settings.api_token is not None or settings.api_token_file is not None:
        return
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if place.is_dir() and os.access(place, os.W_OK):
        yield Finding(OK, Reason("doctor_state_folder", folder=str(folder)))
    else:
        reason = Reason("doctor_state_folder_denied", folder=str(folder))
        yield Finding(WARNING, reason, Reason("doctor_state_folder_fix"))


def _exporters(seen: Observation, rebalance_file: RebalanceFile) -> Iterator[Finding]:
    memory = measure(seen.snapshot, rebalance_file.rebalance.sources)
    missing = [node for node in seen.snapshot.nodes if node.is_ready and node.id not in memory.nodes]
    for node in missing:
        name = node.hostname or node.id
        problems = (problem for problem in memory.problems if problem.params.get("node") == node.hostname)
        error = next(map(str, problems), "its exporter doesn't answer")
        reason = Reason("doctor_exporter_missing", node=name, error=error)
        yield Finding(FAILED, reason, Reason("doctor_exporter_fix"))
    if not missing:
        yield Finding(OK, Reason("doctor_exporters"))


def failures(sections: Mapping[str, Sequence[Finding]]) -> int:
    """Return the number of checks that failed."""
    return sum(finding.status == FAILED for found in sections.values() for finding in found)


def doctor_data(sections: Mapping[str, Sequence[Finding]]) -> dict[str, Any]:
    """Return the findings as plain data."""
    return {
        "sections": {name: [finding.to_data() for finding in found] for name, found in sections.items()},
        "failures": failures(sections),
    }


def doctor_text(sections: Mapping[str, Sequence[Finding]]) -> str:
    """Return the findings as text: one line each, and one for the fix."""
    lines = []
    for name, found in sections.items():
        lines.append(f"{name[0].upper()}{name[1:]}")
        for finding in found:
            lines.append(f"  {_MARKS[finding.status]} {finding.reason}")
            if finding.fix is not None:
                lines.append(f"          Fix: {finding.fix}")
    count = failures(sections)
    warned = sum(finding.status == WARNING for found in sections.values() for finding in found)
    lines.append("")
    lines.append(f"{count} failed, {warned} warned" if count or warned else "Everything is ready.")
    return "\n".join(lines)


_MARKS = {OK: "ok     ", WARNING: "warning", FAILED: "FAILED "}
