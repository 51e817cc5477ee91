# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of the HTTP server, as written in ORCASTRA_HTTP_ADDRESS."""

from __future__ import annotations

VARIABLE = "ORCASTRA_HTTP_ADDRESS"
DEFAULT = "127.0.0.1:6060"
EXPECTED = "HOST:PORT, :PORT for all addresses, or off"
OFF = "off"


def parse_address(text: str) -> tuple[str | None, int] | None:
    """Return ``HOST:PORT`` as host (None: all) and port, None for ``off``. Raises ValueError."""
    if text.strip().lower() == OFF:
        return None
    host, colon, port = text.strip().rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError(f"expected {EXPECTED}")
    if not is_bracketed and (":" in host or not all(char.isalnum() or char in ".-_" for char in host)):
        raise ValueError(f"expected {EXPECTED}")
    return (host[1:-1] if is_bracketed else host) or None, int(port)
