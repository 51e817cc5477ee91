# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of the swarm as such: what is configured of them, in the engine's own terms."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._model.desired import SwarmConfig
from ..._model.member_steps import UpdateSwarm
from ..._model.spec_merge import differences
from ..._model.steps import Plan

_NANOSECONDS = 1_000_000_000
_DAY = 86_400

KEEP_THE_KEY = (
    "the managers are locked at each start of their engines from now on: keep the key that `docker swarm "
    "unlock-key` shows on a manager, in a vault, as orcastra_unlock_key"
)


def spec_of(desired: SwarmConfig) -> dict[str, Any]:
    """The part of a swarm's spec that is configured."""
    parts: dict[str, dict[str, Any]] = {
        "Orchestration": {"TaskHistoryRetentionLimit": desired.task_history_limit},
        "Raft": {
            "SnapshotInterval": desired.snapshot_interval,
            "KeepOldSnapshots": desired.keep_old_snapshots,
            "LogEntriesForSlowFollowers": desired.log_entries_for_slow_followers,
        },
        "Dispatcher": {"HeartbeatPeriod": _nanoseconds(desired.heartbeat_seconds)},
        "CAConfig": {"NodeCertExpiry": _nanoseconds(desired.cert_expiry_days, _DAY)},
        "EncryptionConfig": {"AutoLockManagers": desired.autolock},
    }
    named = {
        part: {key: value for key, value in keys.items() if value is not None} for part, keys in parts.items()
    }
    return {part: keys for part, keys in named.items() if keys}


def plan_settings(swarm: Mapping[str, Any], desired: SwarmConfig) -> Plan:
    """Plan the settings. ``swarm`` is what the engine says of the swarm (``GET /swarm``)."""
    spec = swarm.get("Spec") or {}
    named = spec_of(desired)
    fixed = {
        "data_path_port": (desired.data_path_port, swarm.get("DataPathPort")),
        "default_addr_pool": (
            list(desired.default_addr_pool) if desired.default_addr_pool else None,
            swarm.get("DefaultAddrPool"),
        ),
        "subnet_size": (desired.subnet_size, swarm.get("SubnetSize")),
    }
    warnings = tuple(
        f"swarm.{key}: expected {found}, which the swarm was made with, found {asked}; it can't be changed"
        for key, (asked, found) in fixed.items()
        if asked is not None and found is not None and asked != found
    )
    changes = differences(spec, named)
    if not changes:
        return Plan(warnings=warnings)
    if desired.autolock and any(path.startswith("EncryptionConfig") for path in changes):
        warnings += (KEEP_THE_KEY,)
    why = tuple(f"{path} is {old}, configured is {new}" for path, (old, new) in sorted(changes.items()))
    return Plan(steps=(UpdateSwarm(spec=spec, desired=named, why=why),), warnings=warnings)


def _nanoseconds(value: float | None, unit_seconds: int = 1) -> int | None:
    return None if value is None else round(value * unit_seconds * _NANOSECONDS)
