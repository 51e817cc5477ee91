# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The name of the host's time zone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.zone import host_zone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    zones = tmp_path / "usr" / "share" / "zoneinfo"
    for name in ("Europe/Berlin", "Etc/UTC", "UTC"):
        (zones / name).parent.mkdir(parents=True, exist_ok=True)
        (zones / name).write_bytes(b"TZif")
    (tmp_path / "etc").mkdir()
    return tmp_path


def test_host_zone_prefers_variable(root: Path) -> None:
    (root / "etc" / "timezone").write_text("Etc/UTC\n")
    for text, found in (
        ("Europe/Berlin", "Europe/Berlin"),
        (":Europe/Berlin", "Europe/Berlin"),
        ("CET-1CEST", "Etc/UTC"),
        ("Europe/Berln", "Etc/UTC"),
        ("", "Etc/UTC"),
        ("../../etc/passwd", "Etc/UTC"),
    ):
        assert host_zone({"TZ": text}, root) == found


def test_host_zone_prefers_localtime_over_timezone(root: Path) -> None:
    (root / "etc" / "timezone").write_text("Etc/UTC\n")
    (root / "etc" / "localtime").symlink_to(root / "usr/share/zoneinfo/Europe/Berlin")
    assert host_zone({}, root) == "Europe/Berlin"


@pytest.mark.parametrize("text", [None, "", "no zone at all\n", "a b\n", "\xff"])
def test_host_zone_is_none_without_valid_name(root: Path, text: str | None) -> None:
    (root / "etc" / "localtime").write_bytes(b"TZif")
    if text is not None:
        (root / "etc" / "timezone").write_text(text)
    assert host_zone({}, root) is None
