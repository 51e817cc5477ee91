# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user has asked for, to compare with what Swarm has."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from tests.chaos.lab.timeline import Violation
from tests.integration.anchors.stage import Stage

CONSTRAINTS_LABEL = "orcastra.constraints"
REPLICAS_LABEL = "orcastra.replicas"

Spec = dict[str, Any]


class Ledger:
    """The specs that the user last wrote, and the labels that the user gave to nodes.

    ``anchor_labels``: node labels that belong to Orcastra; ``configured``: host name → its labels in the
    configuration, which belong to Orcastra too.
    """

    def __init__(self, stage: Stage, anchor_labels: frozenset[str]) -> None:
        self.stage = stage
        self.anchor_labels = anchor_labels
        self.configured: dict[str, dict[str, str]] = {}
        self._specs: dict[str, Spec] = {}
        self._labels: dict[str, dict[str, str]] = {}

    def record(self, name: str) -> None:
        """The user has created this service."""
        self._specs[name] = users_part(self.stage.service(name)["Spec"])

    def change(self, name: str, edit: Callable[[Spec], None]) -> None:
        """Change a service as a user would who only edits some fields."""
        self.stage.change(name, edit)
        expected = copy.deepcopy(self._specs[name])
        edit(expected)
        self._specs[name] = users_part(expected)

    def deploy(self, name: str, edit: Callable[[Spec], None]) -> None:
        """Write the user's whole spec, like ``docker stack deploy``, which drops what Orcastra has added."""
        expected = copy.deepcopy(self._specs[name])
        edit(expected)

        def replace(spec: Spec) -> None:
            force_update = spec["TaskTemplate"].get("ForceUpdate", 0)
            spec.clear()
            spec.update(copy.deepcopy(expected))
            spec["TaskTemplate"]["ForceUpdate"] = force_update

        self.stage.change(name, replace)
        self._specs[name] = expected

    def roll_back(self, name: str) -> bool:
        """Roll a service back. Returns False if Swarm has nothing to roll back to."""
        found = self.stage.service(name)
        if "PreviousSpec" not in found:
            return False
        query = {"version": str(found["Version"]["Index"]), "rollback": "previous"}
        self.stage.api("POST", f"/services/{found['ID']}/update", found["Spec"], query)
        # what Orcastra has changed since the user's last write is not the user's
        self._specs[name] = users_part(found["PreviousSpec"])
        return True

    def label_node(self, name: str, key: str, value: str) -> None:
        def write() -> bool:
            node = self.stage.node(name)
            labels = {**(node["Spec"].get("Labels") or {}), key: value}
            query = {"version": str(node["Version"]["Index"])}
            self.stage.api("POST", f"/nodes/{node['ID']}/update", {**node["Spec"], "Labels": labels}, query)
            return True

        self.stage.swarm.wait_until(write, timeout=30, what=f"node {name} to get its label")
        self._labels.setdefault(name, {})[key] = value

    def check(self) -> None:
        """Raise Violation if the user's part differs, or if something of Orcastra's is left behind."""
        for name, expected in self._specs.items():
            current = self.stage.service(name)["Spec"]
            if (found := users_part(current)) != expected:
                raise Violation("the user's fields", f"{name}: expected {expected}, found {found}")
            if REPLICAS_LABEL in (current.get("Labels") or {}):
                raise Violation("nothing is left behind", f"{name} has the label {REPLICAS_LABEL}")
        if found := self.label_difference():
            raise Violation("labels", found)

    def label_difference(self) -> str:
        """Return the first node whose labels are neither the user's nor configured, or an empty string."""
        for host in self.stage.swarm:
            expected = {**self.configured.get(host.name, {}), **self._labels.get(host.name, {})}
            labels = self.stage.node(host.name)["Spec"].get("Labels") or {}
            theirs = {key: value for key, value in labels.items() if key not in self.anchor_labels}
            if theirs != expected:
                return f"{host.name}: expected {expected}, found {theirs}"
        return ""


def users_part(spec: Spec) -> Spec:
    """Return a copy of the spec without what Orcastra records in it, and without ``ForceUpdate``."""
    found = copy.deepcopy(spec)
    labels = found.get("Labels") or {}
    template = found["TaskTemplate"]
    placement = template.get("Placement") or {}
    constraints = list(placement.get("Constraints") or ())
    for ours in json.loads(labels.pop(CONSTRAINTS_LABEL, "[]")):
        if ours in constraints:
            constraints.remove(ours)
    replicas = labels.pop(REPLICAS_LABEL, None)
    if replicas is not None:
        found["Mode"]["Replicated"]["Replicas"] = json.loads(replicas)["replicas"]
    found["Labels"] = labels
    template["Placement"] = {key: value for key, value in placement.items() if key != "Constraints"}
    template["Placement"]["Constraints"] = constraints
    template.pop("ForceUpdate", None)
    return found
