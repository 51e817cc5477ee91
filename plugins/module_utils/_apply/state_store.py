# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state object in Swarm: one config whose labels hold sections of JSON, written by compare-and-swap.

The data of a config can't change, but its labels can, with a version check. That makes a config a small
replicated store in the managers' Raft log, which survives the loss of any one manager.
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from datetime import datetime, timezone

from .._model.errors import OrcastraError
from .._model.state import STATE_NAME, State, StateEdit, apply_edits
from .._model.state_codec import MAX_BYTES, decode, encode, encode_within_limit, size_of
from .._observe.engine import Engine, Json
from .._observe.errors import NameInUse, NotFound
from .write import read_modify_write

# Swarm accepts up to 1000 KiB of data in a config.
MAX_ASIDE_BYTES = 900 * 1024

_DATA = b"The state of Orcastra is in the labels of this object.\n"


class StateStore:
    """Writes the state object of the swarm that ``engine`` manages."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def update(self, edits: Iterable[StateEdit]) -> bool:
        """Apply ``edits`` to the current state. Returns whether anything was written.

        A damaged object is first copied to another config, then rebuilt from its readable parts. Raises
        OrcastraError if the state would exceed its size limit.
        """
        edits = tuple(edits)
        while True:
            found = self._read()
            if found is not None:
                return self._update_object(found["ID"], edits)
            labels = encode_within_limit(apply_edits(State(), edits))
            if labels == encode(State()):
                return False
            _check_size(labels)
            try:
                self._engine.create_config(_config_spec(STATE_NAME, _DATA, labels))
            except NameInUse:
                continue  # another controller created it first: use that object
            return True

    def _read(self) -> Json | None:
        """Find the object by name, which needs no permission to read other configs."""
        return self._engine.find_config(STATE_NAME)

    def _update_object(self, config_id: str, edits: tuple[StateEdit, ...]) -> bool:
        def read() -> Json:
            found = self._read()
            if found is None or found["ID"] != config_id:
                raise NotFound(f"config {STATE_NAME} was removed during the write")
            return found

        def change(spec: Json) -> Json:
            labels = spec.get("Labels") or {}
            # times are only checked when they are used: another manager's clock may be ahead
            state, damage = decode(labels)
            if damage:
                self._set_aside(labels)
            desired = encode_within_limit(apply_edits(state, edits))
            _check_size(desired)
            return {**spec, "Labels": desired}

        return read_modify_write(
            read,
            lambda version, spec: self._engine.update_config(config_id, version, spec),
            change,
        )

    def _set_aside(self, labels: dict[str, str]) -> None:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
        data = json.dumps(labels, indent=1, sort_keys=True).encode()
        name = f"{STATE_NAME}.damaged-{stamp}"
        if len(data) > MAX_ASIDE_BYTES:
            name, data = f"{name}.gz", gzip.compress(data)
        # anything larger is mostly noise, and a state that can't be repaired would be worse
        self._engine.create_config(_config_spec(name, data[:MAX_ASIDE_BYTES], {}))


def _config_spec(name: str, data: bytes, labels: dict[str, str]) -> Json:
    return {"Name": name, "Labels": labels, "Data": base64.b64encode(data).decode()}


def _check_size(labels: dict[str, str]) -> None:
    size = size_of(labels)
    if size > MAX_BYTES:
        raise OrcastraError(f"config {STATE_NAME}: expected at most {MAX_BYTES} bytes of state, found {size}")
