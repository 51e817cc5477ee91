# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""stack.yml and compose.yml differ from their variants with a socket proxy only where they must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SOCKET = "/var/run/docker.sock:/var/run/docker.sock"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("plain", "proxied", "gone"),
    [
        ("stack.yml", "stack-proxy.yml", {"user": "${ORCASTRA_USER:-0}", "cap_add": ["SETUID", "SETGID"]}),
        ("compose.yml", "compose-proxy.yml", {"group_add": ["${DOCKER_GID:-999}"]}),
    ],
)
def test_proxied_file_differs_only_in_the_socket(plain: str, proxied: str, gone: dict[str, Any]) -> None:
    expected, found = read(plain), read(proxied)
    service = expected["services"]["orcastra"]
    for key, value in gone.items():
        assert service.pop(key) == value
    service["environment"]["DOCKER_HOST"] = "unix:///run/engine/docker.sock"
    assert service["volumes"][0] == SOCKET
    service["volumes"][0] = "engine:/run/engine:ro"

    proxy = found["services"].pop("proxy")
    assert proxy["volumes"][:2] == [SOCKET, "engine:/run/engine"]
    assert proxy["cap_drop"] == ["ALL"]
    assert "ports" not in proxy
    found["services"]["orcastra"].pop("depends_on", None)
    assert found["services"] == expected["services"]
    assert found["volumes"].pop("engine") == expected["volumes"]["state"]
    assert found["volumes"] == expected["volumes"]
    assert found.get("secrets") == expected.get("secrets")
