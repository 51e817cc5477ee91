# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that MOD_MANAGER_CONFIG names: what it holds, for jobs in this process and for playbooks.

It may vanish like any other, and what is no longer configured is removed from the folder of mods: so what it
last held stays in force. Playbooks get a copy of that.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ansible_collections.orcastra.swarm.plugins.module_utils._config.document import Document
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, Problem
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mods import ModRules
from ansible_collections.orcastra.swarm.plugins.module_utils._mods.configuration import mods_of, mods_values
from orcastra_runner.folder import PrivateFolder
from orcastra_runner.kept import KeptFile
from orcastra_runner.log import get_logger

NAME = "mods.json"

log = get_logger()


class ModsFile:
    """Any thread may ask it. ``close`` removes the copy."""

    def __init__(
        self,
        path: Path,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the file. What is wrong with it is raised by whoever needs it, not here.

        ``environment`` has the values of ``${VAR}``, by default that of this process; ``clock`` returns
        seconds that never go back.
        """
        self.path = path
        self._environment = os.environ if environment is None else environment
        self._clock = clock
        self._lock = threading.Lock()
        self._folder = PrivateFolder()
        self._file: KeptFile[Document] | None = None
        self._told: object = None
        self._is_accepted = False

    def rules(self) -> ModRules:
        """The mods in force. Raises ConfigError while there never was anything valid."""
        document = self._document()
        if document is None:
            return ModRules(is_given=self._is_accepted)
        return mods_of(document, (), self._environment)

    def copy(self) -> str:
        """The path of a copy for playbooks, empty if nothing is configured. Raises ConfigError, OSError."""
        document = self._document()
        if document is None and not self._is_accepted:
            # then they leave alone what an earlier configuration has led to
            return ""
        data = {} if document is None else document.data
        with self._lock:
            path = self._folder.path() / NAME
            text = json.dumps(data)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                part = path.with_suffix(".part")
                part.unlink(missing_ok=True)
                with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(text)
                part.replace(path)
        return str(path)

    def variables(self) -> dict[str, str]:
        """The values of ``${VAR}`` in the file. Raises OrcastraError if they can't be read."""
        document = self._document()
        return {} if document is None else mods_values(document.data, self._environment)

    @property
    def problem(self) -> str | None:
        """What is wrong with the file as it is now, although what it last held stays in force."""
        if self._file is None:
            return None
        if self._file.refused:
            return "; ".join(map(str, self._file.refused))
        return None if self._file.kept is None else str(self._file.kept)

    def accept_removals(self) -> tuple[str, ...]:
        """Do without what is kept, as somebody has confirmed. Returns what was kept."""
        self._is_accepted = True
        return () if self._file is None else self._file.accept_removals()

    def close(self) -> None:
        self._folder.remove()

    def _document(self) -> Document | None:
        with self._lock:
            if self._file is None:
                # raises as long as the file is not valid: nothing is known of what it held before
                self._file = KeptFile(lambda: self.path, self._check, self._clock)
            else:
                self._file.refresh()
            self._tell(self._file)
            if self._file.value is not None:
                self._is_accepted = False
            return self._file.value

    def _tell(self, file: KeptFile[Document]) -> None:
        told, self._told = self._told, (file.kept, file.refused)
        if self._told == told:
            return
        for problem in file.refused:
            log.error("configuration rejected", summary=str(problem))
        if file.kept is not None:
            log.warning("configuration missing", summary=str(file.kept))

    def _check(self, document: Document, problems: list[Problem]) -> Document:
        # whether the variables in it have values is up to whoever downloads the mods
        mods_of(document, problems, None)
        return document if document.data is not None else replace(document, data={})


def check_mods(path: Path, environment: Mapping[str, str]) -> list[Problem]:
    """What is wrong with the file."""
    try:
        ModsFile(path, environment).rules()
    except ConfigError as error:
        return list(error.problems)
    return []
