# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra healthcheck``: asks the instance on this machine whether it lives. For containers.

It is asked often, so it reads the one setting that it needs by itself. ``cli`` comes here, too, with options.
"""

from __future__ import annotations

import http.client
import json
import os
import sys

from orcastra_runner import address

TIMEOUT_SECONDS = 5.0
ANYWHERE = {None: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to be asked, not listened at


def ask_health(host: str | None, port: int) -> tuple[bool, str]:
    """Ask /healthz at the address that is served. Returns whether it lives, and that in words."""
    connection = http.client.HTTPConnection(ANYWHERE.get(host, host or ""), port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        response = connection.getresponse()
        found = json.loads(response.read(4096))
        status, seconds = str(found["status"]), float(found["idle_seconds"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        return False, f"no answer: {type(error).__name__}: {error}"
    finally:
        connection.close()
    return response.status == 200 and status == "live", f"{status}: the loop came round {seconds:g} s ago"


def main() -> int:
    """Ask the instance that the environment names. Returns the exit code."""
    said = os.environ.get(address.VARIABLE, "").strip() or address.DEFAULT
    try:
        listen = address.parse_address(said)
    except ValueError as error:
        sys.stderr.write(f"orcastra: {address.VARIABLE}: {error}, found {said!r}\n")
        return 2
    if listen is None:
        sys.stderr.write(f"orcastra: healthcheck: expected an address in {address.VARIABLE}, found off\n")
        return 2
    is_live, text = ask_health(*listen)
    sys.stdout.write(f"{text}\n")
    return 0 if is_live else 1
