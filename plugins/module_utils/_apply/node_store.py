# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The saved state of a node: one file for each engine, replaced in one step, and its locks."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from .._model.errors import OrcastraError
from .._model.node_state import NodeEdit, NodeState, apply_node_edits, decode_node_state, encode_node_state
from .._model.reasons import Reason
from .._model.state_values import Damaged

DEFAULT_FOLDER = "/var/lib/orcastra"


class Busy(OrcastraError):
    """Another process is doing the same on this node."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class NodeStore:
    """The state of the engine with ``engine_id`` in a file of ``folder``."""

    def __init__(self, folder: Path, engine_id: str) -> None:
        self._folder = folder
        self._name = re.sub(r"[^A-Za-z0-9]+", "-", engine_id) or "engine"

    @property
    def path(self) -> Path:
        return self._folder / f"node-{self._name}.json"

    def read(self) -> tuple[NodeState, Reason | None]:
        """Return the state and the fault of its file, if any. A damaged file reads as empty."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return NodeState(), None
        except (OSError, UnicodeDecodeError) as error:
            return NodeState(), Reason("node_state_unreadable", path=str(self.path), error=str(error))
        try:
            return decode_node_state(text, time.time()), None
        except Damaged as error:
            return NodeState(), Reason("node_state_damaged", path=str(self.path), error=str(error))

    def update(self, edits: Iterable[NodeEdit]) -> bool:
        """Apply ``edits`` to the current state. Returns whether anything was written.

        A damaged file is set aside first. Raises OrcastraError if the file can't be written.
        """
        try:
            with self._locked("state", wait=True):
                state, damage = self.read()
                if damage is not None:
                    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
                    self.path.rename(self.path.with_suffix(f".damaged-{stamp}"))
                desired = apply_node_edits(state, edits)
                if desired == state:
                    return False
                self._write(json.dumps(encode_node_state(desired), indent=1) + "\n")
                return True
        except OSError as error:
            raise OrcastraError(f"state_dir: {self.path} cannot be written: {error}") from error

    @contextlib.contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Hold the lock for doing ``what`` to this engine on this machine. Raises Busy, OrcastraError."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._locked(what, wait=False))
            except BlockingIOError:
                raise Busy(Reason("node_run_under_way", what=what)) from None
            except OSError as error:
                raise OrcastraError(f"state_dir: {self._folder} cannot be written: {error}") from error
            yield

    @contextlib.contextmanager
    def _locked(self, what: str, *, wait: bool) -> Iterator[None]:
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self._folder / f"{what}-{self._name}.lock").open("a", encoding="utf-8") as lock:
            # the kernel releases it, however the process ends
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield

    def _write(self, text: str) -> None:
        handle, name = tempfile.mkstemp(prefix=f"{self.path.name}.", dir=self._folder)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
