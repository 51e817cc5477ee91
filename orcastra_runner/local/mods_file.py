# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mods file (MOD_MANAGER_CONFIG), for jobs in this process and for playbooks.

Mods that are no longer configured are deleted. Therefore, if the file disappears, its last content stays in
effect. Playbooks get a copy of that content.
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
    """The mods file. Thread-safe. ``close`` removes the copy."""

    def __init__(
        self,
        path: Path,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The file is read on first use, which raises the errors in it.

        ``environment`` has the values of ``${VAR}``, by default that of this process; ``clock`` returns
        monotonic seconds.
        """
        self.path = path
        self._environment = os.environ if environment is None else environment
        self._clock = clock
        self._lock = threading.Lock()
        self._folder = PrivateFolder()
        self._file: KeptFile[Document] | None = None
        self._logged: object = None
        self._is_accepted = False

    def rules(self) -> ModRules:
        """Return the rules in effect. Raises ConfigError if the file never was valid."""
        document = self._document()
        if document is None:
            return ModRules(is_given=self._is_accepted)
        return mods_of(document, (), self._environment)

    def copy(self) -> str:
        """Return the path of a copy for playbooks; empty without a file. Raises ConfigError and OSError."""
        document = self._document()
        if document is None and not self._is_accepted:
            # without a file, playbooks keep the mods of an earlier configuration
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
        """Return the values of ``${VAR}`` in the file. Raises OrcastraError if they can't be read."""
        document = self._document()
        return {} if document is None else mods_values(document.data, self._environment)

    @property
    def problem(self) -> str | None:
        """The problem with the current file because of which its previous content stays in effect."""
        if self._file is None:
            return None
        if self._file.refused:
            return "; ".join(map(str, self._file.refused))
        return None if self._file.kept is None else str(self._file.kept)

    def accept_removals(self) -> tuple[str, ...]:
        """Drop the retained content, as the user confirmed. Returns a description of it."""
        self._is_accepted = True
        return () if self._file is None else self._file.accept_removals()

    def close(self) -> None:
        self._folder.remove()

    def _document(self) -> Document | None:
        with self._lock:
            if self._file is None:
                # raises as long as the file is not valid, because there is no previous content
                self._file = KeptFile(lambda: self.path, self._check, self._clock)
            else:
                self._file.refresh()
            self._report(self._file)
            if self._file.value is not None:
                self._is_accepted = False
            return self._file.value

    def _report(self, file: KeptFile[Document]) -> None:
        before, self._logged = self._logged, (file.kept, file.refused)
        if self._logged == before:
            return
        for problem in file.refused:
            log.error("configuration rejected", summary=str(problem))
        if file.kept is not None:
            log.warning("configuration missing", summary=str(file.kept))

    def _check(self, document: Document, problems: list[Problem]) -> Document:
        # the download checks whether the variables in it have values
        mods_of(document, problems, None)
        return document if document.data is not None else replace(document, data={})


def check_mods(path: Path, environment: Mapping[str, str]) -> list[Problem]:
    """Return the errors in the file."""
    try:
        ModsFile(path, environment).rules()
    except ConfigError as error:
        return list(error.problems)
    return []
