# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra run`` without a configuration: shows the swarm until there is one, and changes nothing.

Only an untouched installation starts like this. A wrong configuration, a named file or folder that doesn't
exist, and a default folder with files under other names are errors, because they were meant to have an
effect; so is a single cycle, which has nothing to wait for.
"""

from __future__ import annotations

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from orcastra_runner.application import Application
from orcastra_runner.configuration import Configuration
from orcastra_runner.dedup import OnceFilter
from orcastra_runner.files import Files
from orcastra_runner.heartbeat import Heartbeat
from orcastra_runner.local.mods_file import ModsFile
from orcastra_runner.log import get_logger
from orcastra_runner.places import has_possible_files
from orcastra_runner.preflight import lacks_configuration, load
from orcastra_runner.rebalance import RebalanceFile
from orcastra_runner.reload import ABSENT
from orcastra_runner.settings import Settings
from orcastra_runner.signals import Signals
from orcastra_runner.status import StatusStore
from orcastra_runner.version import __version__

Loaded = tuple[Configuration, RebalanceFile]

log = get_logger()


def is_unconfigured(settings: Settings) -> bool:
    """Whether ``orcastra run`` starts read-only, because nothing has been configured yet."""
    return (
        not settings.run_once
        and lacks_configuration(settings)
        and not has_possible_files(settings.config_dir)
    )


def show_until_configured(settings: Settings, signals: Signals) -> Loaded | None:
    """Show the swarm until there is a valid configuration. Returns it; None if a signal came first.

    Raises ConfigError if the environment names files that don't exist.
    """
    configuration, rebalance_file = load(settings, may_be_missing=True)
    log.info("orcastra started", summary="read-only", version=__version__, files=[])
    log.warning("read-only", summary=ABSENT, folder=str(settings.config_dir))
    files = Files(configuration, rebalance_file, ModsFile(settings.mod_manager_config))
    with Application(settings, files, Heartbeat(settings.state_dir), signals, read_only=True) as application:
        awaited = AwaitedConfiguration(settings, configuration, application.status)
        application.show(configuration, awaited.is_valid)
    return awaited.loaded


class AwaitedConfiguration:
    """The configuration that an instance without one waits for. ``loaded`` is None until it is valid."""

    def __init__(self, settings: Settings, configuration: Configuration, status: StatusStore) -> None:
        """``configuration`` is empty, and reloaded by others."""
        self._settings = settings
        self._configuration = configuration
        self._status = status
        self._once = OnceFilter()
        self.loaded: Loaded | None = None

    def is_valid(self) -> bool:
        """Load the files once they exist and are stable. Returns whether they are valid; if not, logs why."""
        if self._configuration.is_absent:
            return False
        problems: list[str] = []
        try:
            loaded = load(self._settings)
        except ConfigError as error:
            problems = [str(problem) for problem in error.problems]
        else:
            # otherwise the files have just changed again
            if loaded[0].desired == self._configuration.desired:
                self.loaded = loaded
        for text in self._once.fresh("problems", problems):
            log.error("configuration rejected", summary=text)
        self._status.problem("new configuration", "; ".join(problems) or None)
        return self.loaded is not None
