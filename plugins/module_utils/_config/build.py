# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the checked configuration from plain data, such as a module's parameters."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .._model.desired import DesiredState
from .._model.errors import MAX_PROBLEMS, ConfigError, Problem
from .._model.mount import StorageRules
from .check import check_document
from .dependencies import build_dependencies
from .document import Document
from .label_warnings import label_warnings
from .managers import build_swarm, check_managers
from .merge import merge
from .nodes import build_nodes, check_manager
from .schema import ALL_PARTS
from .sections import absent_sections
from .words import KeyPath, describe

MAX_DEPTH = 50
MAX_DIGITS = 60

_STACK_NAME = re.compile(r"(?:[a-zA-Z0-9][a-zA-Z0-9_.-]*)?")
# The only characters that Swarm accepts in `node.labels.<key>` of a constraint.
_LABEL_PREFIX = re.compile(r"[a-zA-Z0-9_.-]*")


def parse_config(
    data: Mapping[str, Any],
    *,
    stack_name: str,
    label_prefix: str = "",
    restart_dependents: bool = False,
) -> DesiredState:
    """Check plain data: a mapping with the structure of swarm.yml.

    A value of None means that the key is not given. ``stack_name`` is the stack of dependencies that do not
    set one (empty: their names are full service names). The label of an anchor is ``label_prefix`` followed
    by its name. ``restart_dependents`` is the default of the key of the same name. Raises ConfigError with
    all problems.
    """
    document, problems = plain_document(data)
    return build(
        [(document, ALL_PARTS)],
        problems,
        complete=True,
        stack_name=stack_name,
        label_prefix=label_prefix,
        restart_dependents=restart_dependents,
    )


def build(
    documents: Iterable[tuple[Document, Iterable[str]]],
    problems: Iterable[Problem],
    *,
    complete: bool,
    stack_name: str,
    label_prefix: str,
    restart_dependents: bool,
) -> DesiredState:
    """Check documents, each with the parts it may contain, in ascending order of precedence.

    ``problems`` are the problems found while reading them; ``complete`` is False if a document could not be
    read. Raises ConfigError with these and all other problems. Objects that an absent section has created are
    kept: see ``DesiredState.with_removals``.
    """
    found = [*_check_settings(stack_name, label_prefix), *problems]
    shapes = []
    all_documents = [(document, tuple(parts)) for document, parts in documents]
    for document, parts in all_documents:
        shape = check_document(document, parts)
        found += shape.values()
        shapes.append((document, shape))
    merged = merge(shapes)
    nodes, node_problems = build_nodes(merged)
    dependencies, dependency_problems = build_dependencies(
        merged, stack_name=stack_name, label_prefix=label_prefix, restart_dependents=restart_dependents
    )
    swarm, swarm_problems = build_swarm(merged)
    found += [*check_manager(merged, nodes_are_known=complete), *node_problems, *dependency_problems]
    found += swarm_problems
    # a node that was rejected above may be a manager
    if complete and not found:
        found += check_managers(merged, nodes)
    if found:
        raise ConfigError(in_order(found))
    absent, warnings = absent_sections(all_documents)
    warnings += tuple(in_order(label_warnings(merged))[:MAX_PROBLEMS])
    return DesiredState(
        nodes=nodes,
        dependencies=dependencies,
        leader=merged.leader,
        advertise_addr=merged.advertise_addr,
        prune_unknown_labels=merged.options.get("prune_unknown_labels", False),
        managers=merged.managers,
        storage=StorageRules(
            shared_paths=tuple(merged.storage.get("shared_paths", ())),
            shared_volumes=tuple(merged.storage.get("shared_volumes", ())),
        ),
        swarm=swarm,
        absent_sections=absent,
        warnings=warnings,
    ).with_removals()


def _check_settings(stack_name: str, label_prefix: str) -> list[Problem]:
    problems = []
    expected = "letters, digits, '_', '-' and '.'"
    if not _STACK_NAME.fullmatch(stack_name):
        problems.append(
            Problem("stack_name", f"{expected}, starting with a letter or digit", describe(stack_name))
        )
    if not _LABEL_PREFIX.fullmatch(label_prefix):
        problems.append(Problem("label_prefix", expected, describe(label_prefix)))
    return problems


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort problems by file, in the order of their first problem, then by line, then by key."""
    by_file: dict[str | None, list[Problem]] = {}
    for problem in problems:
        by_file.setdefault(problem.file, []).append(problem)
    ordered: list[Problem] = []
    for group in by_file.values():
        ordered += sorted(group, key=lambda problem: (problem.line or 0, problem.key))
    return ordered


def plain_document(data: Mapping[str, Any]) -> tuple[Document, list[Problem]]:
    """Copy the data into plain dicts and lists, without keys that are not strings."""
    problems: list[Problem] = []

    def copy(value: Any, path: KeyPath) -> Any:
        if isinstance(value, (Mapping, list, tuple)) and len(path) > MAX_DEPTH:
            expected = f"at most {MAX_DEPTH} nested levels"
            problems.append(Document(None).problem(path[:3], expected, "more", "too_large"))
            return None
        if isinstance(value, (list, tuple)):
            return [copy(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
            # Python refuses to format much longer numbers, so no message could show them.
            expected = f"at most {MAX_DIGITS} digits"
            problems.append(Document(None).problem(path, expected, describe(value), "too_large"))
            return None
        if not isinstance(value, Mapping):
            return value
        result = {}
        for key, item in value.items():
            if isinstance(key, str):
                result[key] = copy(item, (*path, key))
            else:
                problems.append(
                    Document(None).problem(path, "a string as the key", describe(key), "wrong_type")
                )
        return result

    return Document(copy(data, ())), problems
