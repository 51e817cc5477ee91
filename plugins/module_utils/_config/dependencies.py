# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of dependencies that a schema cannot express: chains, cycles, names, labels.

The full name of a service is ``<stack>_<name>``. A follower belongs to the stack of its anchor. If a follower
is an anchor itself, that is, if its full name equals that of another entry, the two form a chain. A service
may follow several anchors; if these are on different nodes, it follows the first one in the configuration.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from .._model.desired import DEFAULT_RETRY_INTERVALS, Dependency
from .._model.errors import MAX_PROBLEMS, Problem
from .merge import Merged
from .words import KeyPath, describe

# a message names at most this many services of a cycle
_LONGEST_CYCLE = 20


def build_dependencies(
    merged: Merged, *, stack_name: str, label_prefix: str, restart_dependents: bool
) -> tuple[dict[str, Dependency], list[Problem]]:
    """Build the dependencies by anchor. Returns them and their problems."""
    found = {
        anchor: _dependency(
            anchor,
            entry,
            stack_name=stack_name,
            label_prefix=label_prefix,
            restart_dependents=restart_dependents,
        )
        for anchor, entry in merged.dependencies.items()
    }
    problems = [
        *_check_anchors(merged, found),
        *_check_followers(merged, found),
        *_check_stacks(merged, found),
        *_check_cycles(merged, found),
        *_check_labels(merged, found),
    ]
    return found, problems


def _dependency(
    anchor: str, entry: Any, *, stack_name: str, label_prefix: str, restart_dependents: bool
) -> Dependency:
    given: Mapping[str, Any] = {"services": entry} if isinstance(entry, list) else entry
    values = {key: value for key, value in given.items() if value is not None}
    intervals = values.get("retry_intervals", DEFAULT_RETRY_INTERVALS)
    return Dependency(
        anchor=anchor,
        stack=values.get("stack", stack_name),
        label=f"{label_prefix}{anchor}",
        followers=tuple(values.get("services", ())),
        restart_dependents=values.get("restart_dependents", restart_dependents),
        retry_intervals=tuple(float(seconds) for seconds in intervals if seconds != ""),
        relocate=values.get("relocate", "auto"),
        manage_constraint=values.get("manage_constraint", True),
    )


def _full_name(stack: str, name: str) -> str:
    return f"{stack}_{name}" if stack else name


def _anchor_name(dependency: Dependency) -> str:
    return _full_name(dependency.stack, dependency.anchor)


def _follower_path(merged: Merged, anchor: str, index: int) -> KeyPath:
    if isinstance(merged.dependencies[anchor], list):
        return ("dependencies", anchor, index)
    return ("dependencies", anchor, "services", index)


def _check_anchors(merged: Merged, found: Mapping[str, Dependency]) -> list[Problem]:
    """Find two entries for one service: ``a_b`` without a stack, and ``b`` in the stack ``a``."""
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for anchor, dependency in found.items():
        full = _anchor_name(dependency)
        if full not in seen:
            seen[full] = anchor
            continue
        place = merged.place(("dependencies", seen[full]))
        what = f"a second entry for the service {full} (first: '{seen[full]}', {place})"
        problems.append(merged.problem(("dependencies", anchor), "one entry per anchor", what, "duplicate"))
    return problems


def _check_followers(merged: Merged, found: Mapping[str, Dependency]) -> list[Problem]:
    problems: list[Problem] = []
    for anchor, dependency in found.items():
        seen: dict[str, KeyPath] = {}
        for index, name in enumerate(dependency.followers):
            if not name:
                continue
            path = _follower_path(merged, anchor, index)
            full = _full_name(dependency.stack, name)
            if full == _anchor_name(dependency):
                what = f"{describe(name)}, the anchor itself"
                problems.append(merged.problem(path, "a service other than the anchor", what, "cycle"))
            elif full not in seen:
                seen[full] = path
            else:
                what = f"{describe(name)} again (first: {merged.place(seen[full])})"
                problems.append(merged.problem(path, "each service once", what, "duplicate"))
    return problems


def _check_stacks(merged: Merged, found: Mapping[str, Dependency]) -> list[Problem]:
    """Find entries that look like the next link of a chain but would be a service of another stack.

    Such an entry gets the default stack, while the follower of the same name gets the stack of its anchor.
    The user must say which one is meant.
    """
    problems: dict[str, Problem] = {}
    for anchor, dependency in found.items():
        for index, name in enumerate(dependency.followers):
            lower = found.get(name)
            if lower is None or lower.stack == dependency.stack or _names_stack(merged, name):
                continue
            if name in problems:
                continue
            place = merged.place(_follower_path(merged, anchor, index))
            expected = (
                f"the stack of '{name}': '{dependency.stack}' if it is the service that follows '{anchor}' "
                f"({place}), '{lower.stack}' if it is a different service"
            )
            path: KeyPath = ("dependencies", name, "stack")
            problems[name] = merged.problem(path, expected, "nothing", "missing")
    return list(problems.values())


def _names_stack(merged: Merged, anchor: str) -> bool:
    entry = merged.dependencies[anchor]
    return isinstance(entry, Mapping) and entry.get("stack") is not None


def _check_cycles(merged: Merged, found: Mapping[str, Dependency]) -> list[Problem]:
    anchors = {_anchor_name(dependency): anchor for anchor, dependency in found.items()}
    order = {anchor: position for position, anchor in enumerate(found)}
    above: dict[str, dict[str, int]] = {anchor: {} for anchor in found}
    for anchor, dependency in found.items():
        for index, name in enumerate(dependency.followers):
            lower = anchors.get(_full_name(dependency.stack, name))
            if lower is not None and lower != anchor:
                above[lower].setdefault(anchor, index)
    problems: list[Problem] = []
    while len(problems) <= MAX_PROBLEMS:
        cycle: list[str] = []
        try:
            TopologicalSorter(above).prepare()
        except CycleError as error:
            # [a, b, a]: each is the anchor of the next
            cycle = error.args[1][:-1]
        if not cycle:
            break
        start = cycle.index(min(cycle, key=lambda anchor: order[anchor]))
        cycle = cycle[start:] + cycle[:start]
        path = _follower_path(merged, cycle[-1], above[cycle[0]].pop(cycle[-1]))
        shown = cycle if len(cycle) <= _LONGEST_CYCLE else [*cycle[:_LONGEST_CYCLE], "…"]
        chain = " → ".join([*shown, cycle[0]])
        problems.append(merged.problem(path, "a chain without a cycle", f"the cycle {chain}", "cycle"))
    return problems


def _check_labels(merged: Merged, found: Mapping[str, Dependency]) -> list[Problem]:
    """Find static labels that are also the label of an anchor: the two would overwrite each other."""
    problems: list[Problem] = []
    anchors = {dependency.label: anchor for anchor, dependency in found.items()}
    for name, node in merged.nodes.items():
        labels = (node or {}).get("labels") or ()
        for position, key in enumerate(labels):
            if key not in anchors:
                continue
            place = merged.place(("dependencies", anchors[key]))
            path: KeyPath = ("nodes", name, "labels", position if isinstance(labels, list) else key)
            what = f"{describe(key)}, the label of the anchor '{anchors[key]}' ({place})"
            problems.append(merged.problem(path, "a label that no anchor uses", what, "conflict"))
    return problems
