# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""container/socket-proxy.cfg allows the requests of Orcastra and no others.

Python checks the patterns here; tests/integration/image checks them with HAProxy.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from tests.support.proxied_calls import ALLOWED, FOREIGN, REFUSED, requests_of

CONFIGURATION = (Path(__file__).resolve().parents[3] / "container" / "socket-proxy.cfg").read_text("utf-8")
PATTERNS = re.findall(r"(?m)^ *acl allowed var\(txn\.call\) -m reg '(.*)'$", CONFIGURATION)
# these send no requests of their own
OTHERS = {"close", "impatient", "get", "is_local", "post"}


def allowing(method: str, path: str) -> list[str]:
    """The patterns that allow a request."""
    (version,) = re.findall(r"pathq,regsub\(([^,]+),/\)", CONFIGURATION)
    call = f"{method} {re.sub(version, '/', path, count=1)}"
    return [pattern for pattern in PATTERNS if re.search(pattern, call)]


def test_proxied_calls_cover_every_engine_method() -> None:
    methods = {name for name in vars(Engine) if not name.startswith("_")}
    assert methods - OTHERS == ALLOWED.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", ALLOWED)
def test_socket_proxy_allows_requests_of_orcastra(name: str) -> None:
    asked = requests_of(*ALLOWED[name])
    assert len(asked) == len(ALLOWED[name])
    # the first request, for the version, has none in its path
    asked += [(method, path.removeprefix("/v1.45")) for method, path in asked]
    assert [call for call in asked if not allowing(*call)] == []


def test_socket_proxy_refuses_other_requests() -> None:
    asked = requests_of(*REFUSED.values())
    assert len(asked) == len(REFUSED)
    versioned = [(method, f"/v1.45{path}") for method, path in FOREIGN]
    assert [call for call in [*asked, *FOREIGN, *versioned] if allowing(*call)] == []


def test_socket_proxy_has_no_unused_pattern() -> None:
    asked = [call for calls in ALLOWED.values() for call in requests_of(*calls)]
    used = {pattern for call in asked for pattern in allowing(*call)}
    assert len(PATTERNS) > 15
    assert [pattern for pattern in PATTERNS if pattern not in used] == []
    assert not [pattern for pattern in PATTERNS if not (pattern.startswith("^") and pattern.endswith("$"))]
