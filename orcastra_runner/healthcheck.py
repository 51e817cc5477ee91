# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``orcastra healthcheck``: asks the instance on this machine whether it lives. For containers.

It is asked often, so it reads the one setting that it needs by itself, and says its one line of HTTP without
the library, which takes three times as long to load as all the rest. ``cli`` comes here, too, with options.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

from orcastra_runner import address

TIMEOUT_SECONDS = 5.0
# version 1.0: the answer ends with the connection
REQUEST = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
LONGEST_ANSWER_BYTES = 16384
ANYWHERE = {None: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to be asked, not listened at


def ask_health(host: str | None, port: int) -> tuple[bool, str]:
    """Ask /healthz at the address that is served. Returns whether it lives, and that in words."""
    asked = ANYWHERE.get(host, host or "")
    where = f"[{asked}]:{port}" if ":" in asked else f"{asked}:{port}"
    try:
        status, body = _get(asked, port)
        found = json.loads(body)
        said, seconds = str(found["status"]), float(found["idle_seconds"])
    except ConnectionRefusedError:
        return False, (
            f"no answer: nothing listens at {where}; does `orcastra run` run on this machine, and is that "
            f"its {address.VARIABLE}?"
        )
    except TimeoutError:
        return False, f"no answer: {where} has not answered within {TIMEOUT_SECONDS:g} s"
    except OSError as error:
        return False, f"no answer: {where}: {error.strerror or error}"
    except (ValueError, KeyError, TypeError):
        return False, f"no answer: what listens at {where} is not Orcastra"
    return status == 200 and said == "live", f"{said}: the loop came round {seconds:g} s ago"


def _get(host: str, port: int) -> tuple[int, bytes]:
    """Ask. Returns the status and the body. Raises OSError, and ValueError where it is no HTTP."""
    answer = b""
    end = time.monotonic() + TIMEOUT_SECONDS
    with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(REQUEST)
        while len(answer) < LONGEST_ANSWER_BYTES and (part := connection.recv(4096)):
            answer += part
            # of all together, not of each part
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            connection.settimeout(left)
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        raise ValueError("expected HTTP, found something else")
    return int(words[1]), body


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
    # whoever listens at that address may be another program
    sys.stdout.write(f"{ascii(text)[1:-1]}\n")
    return 0 if is_live else 1
