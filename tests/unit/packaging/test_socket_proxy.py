# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""container/socket-proxy.cfg allows what Orcastra asks for, and nothing else.

The patterns are tried with Python here; with HAProxy itself in tests/integration/image.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from tests.support.proxied_calls import ALLOWED, FOREIGN, REFUSED, requests_of

CONFIGURATION = (Path(__file__).resolve().parents[3] / "container" / "socket-proxy.cfg").read_text("utf-8")
PATTERNS = re.findall(r"(?m)^ *acl allowed var\(txn\.call\) -m reg '(.*)'$", CONFIGURATION)
# not requests of their own
OTHERS = {"close", "impatient", "get", "is_local", "post"}


def allowing(method: str, path: str) -> list[str]:
    """The patterns that let a request through."""
    (version,) = re.findall(r"pathq,regsub\(([^,]+),/\)", CONFIGURATION)
    call = f"{method} {re.sub(version, '/', path, count=1)}"
    return [pattern for pattern in PATTERNS if re.search(pattern, call)]


def test_each_way_to_ask_an_engine_is_decided_upon() -> None:
    methods = {name for name in vars(Engine) if not name.startswith("_")}
    assert methods - OTHERS == ALLOWED.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", ALLOWED)
def test_what_orcastra_asks_for_is_let_through(name: str) -> None:
    asked = requests_of(*ALLOWED[name])
    assert len(asked) == len(ALLOWED[name])
    # without a version, too: it is asked for first
    asked += [(method, path.removeprefix("/v1.45")) for method, path in asked]
    assert [call for call in asked if not allowing(*call)] == []


def test_the_rest_is_refused() -> None:
    asked = requests_of(*REFUSED.values())
    assert len(asked) == len(REFUSED)
    versioned = [(method, f"/v1.45{path}") for method, path in FOREIGN]
    assert [call for call in [*asked, *FOREIGN, *versioned] if allowing(*call)] == []


def test_no_right_is_left_over() -> None:
    asked = [call for calls in ALLOWED.values() for call in requests_of(*calls)]
    used = {pattern for call in asked for pattern in allowing(*call)}
    assert len(PATTERNS) > 15
    assert [pattern for pattern in PATTERNS if pattern not in used] == []
    assert not [pattern for pattern in PATTERNS if not (pattern.startswith("^") and pattern.endswith("$"))]
