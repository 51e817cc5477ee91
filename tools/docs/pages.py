# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The generated reference pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tools.docs.command_line import command_line, commands
from tools.docs.environment import environment
from tools.docs.log_events import log_events
from tools.docs.monitoring import alerts, metrics
from tools.docs.plans import reasons, step_actions
from tools.docs.playbooks import playbooks
from tools.docs.schemas import exporter_file, mods_file, rebalance_file, swarm_file

PAGES: Mapping[str, Callable[[], str]] = {
    "alerts.md": alerts,
    "command-line.md": command_line,
    "commands.md": commands,
    "environment.md": environment,
    "log-events.md": log_events,
    "metrics.md": metrics,
    "mods-config.md": mods_file,
    "node-exporter-config.md": exporter_file,
    "playbooks.md": playbooks,
    "reasons.md": reasons,
    "rebalance-config.md": rebalance_file,
    "step-actions.md": step_actions,
    "swarm-file.md": swarm_file,
}


def reference_pages() -> dict[str, str]:
    """Return the text of each generated Markdown page by its file name in ``docs/reference``."""
    return {name: build() for name, build in PAGES.items()}
