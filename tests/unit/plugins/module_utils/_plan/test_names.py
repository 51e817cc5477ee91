# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of services: which one is meant, and which one may be."""

from __future__ import annotations

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._plan.names import no_service
from tests.unit.builders import picture, service


@pytest.mark.parametrize(
    ("name", "stack", "meant"),
    [
        ("search", "swarm-dev", "apps_search is one of the stack apps"),
        ("wiki_db", "swarm-dev", "apps_wiki_db is one of the stack apps"),
        ("serch", "apps", "did you mean apps_search?"),
        ("serch", "swarm-dev", "did you mean apps_search?"),
        ("apps_serch", "", "did you mean apps_search?"),
        ("apps_serch", "apps", "did you mean apps_search?"),
        ("proxi", "", "did you mean proxy?"),
        ("nope", "swarm-dev", ""),
        ("cache", "apps", ""),
    ],
)
def test_a_service_that_is_missing_gets_a_suggestion(name: str, stack: str, meant: str) -> None:
    seen = picture(service("apps_search"), service("apps_wiki_db"), service("proxy"))
    _there_is_none, _semicolon, found = no_service(seen, name, stack).partition("; ")
    assert found == meant
