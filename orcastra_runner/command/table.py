# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands: their names, what they take, what they do and how. Parser, help and documentation read it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.hints import closest


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    ``argument`` is what it is for, ``service`` or ``node``, and the key of it in a mapping; None: it takes
    none. ``playbook`` carries it out, with the argument in a list in ``variable`` and the variables in
    ``more``. ``leaves_its_host``: it reboots hosts, and leaves and names the one on which it runs.
    ``on_hosts``: it is carried out over SSH, on the hosts of ORCASTRA_INVENTORY. ``makes_swarm``: it can be
    run where there is no swarm yet, and then nothing remembers it. ``remark`` is added to the result of a
    command that succeeded. ``has_no_limit``: its playbook may take longer than
    ORCASTRA_PLAYBOOK_TIMEOUT, as it has a limit of its own for each of its steps.
    ``accepts_removals``: it is carried out in this process, without a playbook; see ``command.accept``.
    """

    name: str
    help: str
    playbook: str
    argument: str | None = None
    variable: str | None = None
    needs_configuration: bool = False
    remark: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    leaves_its_host: bool = False
    on_hosts: bool = False
    makes_swarm: bool = False
    has_no_limit: bool = False
    accepts_removals: bool = False

    @property
    def usage(self) -> str:
        """``restart_service:SERVICE``: how it is written."""
        return self.name if self.argument is None else f"{self.name}:{self.argument.upper()}"

    def words(self, argument: str | None) -> str:
        """``restart_service apps_wiki``: the command with its argument, for people."""
        return self.name if argument is None else f"{self.name} {argument}"

    def variables(self, argument: str | None, own_node_id: str = "") -> dict[str, Any]:
        """What the playbook gets beside the configuration. ``own_node_id``: the node on whose host we run."""
        found = dict(self.more)
        if self.leaves_its_host:
            found["orcastra_reboot_hand_over"] = True
            found["orcastra_reboot_own_nodes"] = [own_node_id] if own_node_id else []
        if self.variable is not None and argument is not None:
            found[self.variable] = [argument]
        return found


REFRESH_MODS = "refresh_mods"
ACCEPT_REMOVALS = "accept_removals"
# In what the playbooks that reboot name the host that they left: host names by node ID.
LEFT_NODES = "orcastra_reboot_left"
# In what they list those that they rebooted: host names.
REBOOTED = "orcastra_rebooted"
# The same in check mode: those that they would reboot.
WOULD_REBOOT = "orcastra_would_reboot"

_ALL = (
    Command(
        "relabel_all",
        "set all labels of nodes right now: the configured ones and those of anchors",
        playbook="orcastra.swarm.label_sync",
        needs_configuration=True,
    ),
    Command(
        "update_dependents",
        "bring all followers beside their anchors now; pauses between attempts and what was given up are "
        "forgotten, services that are in place are left alone",
        playbook="orcastra.swarm.update_dependents",
        needs_configuration=True,
        remark="moves under way are completed by the next cycles",
    ),
    Command(
        ACCEPT_REMOVALS,
        "remove what stays only because its configuration is missing: a file or a section that is gone or "
        "empty counts as nothing until it is there again",
        playbook="",
        needs_configuration=True,
        accepts_removals=True,
        remark="moves under way are completed by the next cycles",
    ),
    Command(
        "remove_all_labels",
        "remove all labels and constraints that Orcastra has set; before it is uninstalled. They come back "
        "with the next cycle unless Orcastra is stopped or its configuration removed",
        playbook="orcastra.swarm.remove_labels",
        remark="what the configuration asks for comes back with the next cycle, unless Orcastra is stopped "
        "or its configuration removed",
    ),
    Command(
        "restart_service",
        "have Swarm replace all tasks of a service, in the way its update settings say",
        playbook="orcastra.swarm.service_restart",
        argument="service",
        variable="orcastra_services",
    ),
    Command(
        "rebalance",
        "even out the memory of the nodes now, however short the gap has lasted",
        playbook="orcastra.swarm.rebalance_now",
        needs_configuration=True,
        remark="moves under way are completed by the next cycles",
    ),
    Command(
        REFRESH_MODS,
        "look for new versions of mods now, on the node that acts; the other nodes that run Orcastra do so "
        "at their next look at the swarm (RELABEL_TIME)",
        playbook="orcastra.swarm.mods",
        more={"orcastra_become": False},
    ),
    Command(
        "bootstrap_swarm",
        "bring all configured hosts into the swarm, over SSH; the inventory is ORCASTRA_INVENTORY",
        playbook="orcastra.swarm.bootstrap",
        needs_configuration=True,
        on_hosts=True,
        makes_swarm=True,
    ),
    Command(
        "reboot_node",
        "drain a node, reboot it, and activate it again, over SSH; the inventory is "
        "ORCASTRA_INVENTORY. The host on which Orcastra itself runs is left to the instance on another "
        "manager",
        playbook="orcastra.swarm.reboot_node",
        argument="node",
        variable="orcastra_reboot_nodes",
        leaves_its_host=True,
        on_hosts=True,
        has_no_limit=True,
    ),
    Command(
        "rolling_reboot",
        "the same with all hosts of ORCASTRA_INVENTORY, one at a time, up to the first problem",
        playbook="orcastra.swarm.rolling_reboot",
        leaves_its_host=True,
        on_hosts=True,
        has_no_limit=True,
    ),
    Command(
        "drain_node",
        "have Swarm run all tasks of a node elsewhere; it stays out of service until activate_node",
        playbook="orcastra.swarm.drain_node",
        argument="node",
        variable="orcastra_nodes",
        # whoever waits keeps the followers waiting that are to go with their anchors
        more={"orcastra_drain_wait": False},
        remark="Swarm runs its tasks elsewhere now; it stays out of service until activate_node",
    ),
    Command(
        "activate_node",
        "put a node back into service",
        playbook="orcastra.swarm.activate_node",
        argument="node",
        variable="orcastra_nodes",
    ),
)
COMMANDS = {command.name: command for command in _ALL}
# What is done with a host that another instance has left.
REBOOT = COMMANDS["reboot_node"]


def has_limit(playbook: str) -> bool:
    """Whether ORCASTRA_PLAYBOOK_TIMEOUT holds for a playbook."""
    return not any(command.has_no_limit for command in _ALL if command.playbook == playbook)


def suggest_command(name: str) -> str:
    """``; did you mean 'restart_service'?``, empty if no command is close."""
    matches = [f"'{found}'" for found in closest(name, COMMANDS)]
    return f"; did you mean {' or '.join(matches)}?" if matches else ""


def commands_help() -> str:
    """Return the commands in plain text, for ``--help``."""
    lines = ["commands:"]
    for command in COMMANDS.values():
        lines.append(f"  {command.usage.replace(':', ' ')}")
        lines += textwrap.wrap(command.help, 90, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)
