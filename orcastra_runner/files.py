# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All files of the user, for jobs and playbooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.desired import DesiredState
from orcastra_runner.configuration import Configuration
from orcastra_runner.extra_vars import extra_vars
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.rebalance import RebalanceFile
from orcastra_runner.settings import Settings

MODS_PLAYBOOK = "orcastra.swarm.mods"


@dataclass(frozen=True)
class Files:
    """``configuration`` is None for a command that needs none."""

    configuration: Configuration | None
    rebalance: RebalanceFile
    mods: ModsFile

    @property
    def desired(self) -> DesiredState:
        """The configuration in effect."""
        return DesiredState() if self.configuration is None else self.configuration.desired

    def extra_vars(self, playbook: str, desired: DesiredState, settings: Settings) -> dict[str, Any]:
        """Return the variables of a playbook, from the configuration in effect, not from the current files.

        Raises OrcastraError if the playbook needs the mods file and that is not valid.
        """
        found = extra_vars(desired, settings)
        if playbook == MODS_PLAYBOOK:
            found["orcastra_mods_file"] = self.mods.copy()
            found["orcastra_mods_variables"] = self.mods.variables()
        return found

    def accept_removals(self) -> tuple[str, ...]:
        """Drop the retained configuration of missing files. Returns a description of it."""
        kept = () if self.configuration is None else self.configuration.accept_removals()
        return kept + self.rebalance.accept_removals() + self.mods.accept_removals()
