# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests compare of the problems of a configuration: the code and the place, not the text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem


def problems_of(load: Callable[[], object]) -> tuple[Problem, ...]:
    """The problems of the ConfigError that ``load`` raises; none if it raises nothing."""
    try:
        load()
    except ConfigError as error:
        return error.problems
    return ()


def keyed(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """The code and key of each problem."""
    return [(problem.code, problem.key) for problem in problems]


def placed(problems: Iterable[Problem]) -> list[tuple[str, str, str]]:
    """The code, the ``file:line`` and the key of each problem."""
    found = []
    for problem in problems:
        name = Path(problem.file).name if problem.file is not None else ""
        found.append(
            (problem.code, f"{name}:{problem.line}" if problem.line is not None else name, problem.key)
        )
    return found
