# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the settings of the swarm itself, in the engine's terms."""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._model.desired import SwarmConfig
from ..._model.member_steps import UpdateSwarm
from ..._model.reasons import Reason
from ..._model.spec_merge import differences
from ..._model.steps import Plan

_NANOSECONDS = 1_000_000_000
_DAY = 86_400


def keep_the_key() -> Reason:
    """Return the warning for each step that turns on autolock."""
    return Reason("autolock_turned_on")


def spec_of(desired: SwarmConfig) -> dict[str, Any]:
    """Return the configured part of a swarm's spec."""
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
    """Plan the settings. ``swarm``: the engine's description of the swarm (``GET /swarm``)."""
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
        Reason("swarm_setting_fixed", key=key, expected=found, found=asked)
        for key, (asked, found) in fixed.items()
        if asked is not None and found is not None and asked != found
    )
    changes = differences(spec, named)
    if not changes:
        return Plan(warnings=warnings)
    if desired.autolock and any(path.startswith("EncryptionConfig") for path in changes):
        warnings += (keep_the_key(),)
    why = tuple(
        reason for path, (old, new) in sorted(changes.items()) for reason in _differences(path, old, new)
    )
    return Plan(steps=(UpdateSwarm(spec=spec, desired=named, why=why),), warnings=warnings)


def _differences(field: str, found: Any, configured: Any) -> Iterator[Reason]:
    """Yield one reason for each setting, even if the swarm lacks the whole section."""
    if isinstance(configured, Mapping):
        old = found if isinstance(found, Mapping) else {}
        for key, value in sorted(configured.items()):
            if old.get(key) != value:
                yield from _differences(f"{field}.{key}", old.get(key), value)
    elif found is None:
        yield Reason("swarm_setting_missing", field=field, configured=configured)
    else:
        yield Reason("swarm_setting_differs", field=field, found=found, configured=configured)


def _nanoseconds(value: float | None, unit_seconds: int = 1) -> int | None:
    return None if value is None else round(value * unit_seconds * _NANOSECONDS)
