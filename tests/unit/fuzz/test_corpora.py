# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The corpora of `make fuzz`, and the first mutations of each, always the same ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.engine import Place, corpus, fuzz, place
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.slow

MUTATIONS = 30
LONGEST_SECONDS = 60.0


@pytest.fixture(scope="module")
def where() -> Iterator[Place]:
    with place() as found:
        yield found


@pytest.mark.parametrize("name", TARGETS)
def test_target_raises_only_documented_errors(name: str, where: Place) -> None:
    count, found = fuzz(name, TARGETS[name], where, 1, LONGEST_SECONDS, len(corpus(name)) + MUTATIONS)
    assert count > len(corpus(name))
    assert [(one.text, one.data) for one in found] == []
