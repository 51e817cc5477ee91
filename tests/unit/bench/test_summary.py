# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from tests.bench import labels, moves, peers, summary, takeover
from tests.bench.report import Table


@pytest.fixture
def tables() -> dict[str, Table]:
    found = {
        "moves": moves.new_table(1),
        "idle": labels.idle_table(),
        "peers": peers.new_table(1),
        "takeover": takeover.new_table(1),
    }
    found["moves"].rows = [(way.name, 0.1, 0.2, 0.3, 0.4, float(n), 9.0) for n, way in enumerate(moves.WAYS)]
    found["idle"].rows = [(60.0, 1.0, 0.5, 0.5, 1.0, 50.0, 60.0, 10, 0.1)]
    found["peers"].rows = [
        ("empty: ping", 2.0, 1.0),
        ("labels: ours", 4.0, 2.0),
        ("labels: theirs", 6.0, 3.0),
        ("facts: ours", 8.0, 4.0),
        ("facts: theirs", 10.0, 5.0),
    ]
    found["takeover"].rows = [("event mode", *map(float, range(9)))]
    return found


def test_summary_puts_figures_side_by_side(tables: dict[str, Table]) -> None:
    found = {(row[0], row[2]): (row[1], row[3]) for row in summary.render(tables).rows}
    ours = next(n for n, way in enumerate(moves.WAYS) if way.name == "evict, event mode")
    upstream = next(n for n, way in enumerate(moves.WAYS) if way.upstream_seconds)
    name = "upstream's algorithm, every 60 s"
    assert found["followers run next to a moved anchor", name] == (ours, upstream)
    assert found["a play: labels", "theirs"] == (2, 3)
    assert found["a play: facts", "theirs"] == (4, 5)
    assert found["takeover, event mode, max", "-"] == (8, "-")
    assert found["a quiet hour, RELABEL_TIME=60", "-"][0] == pytest.approx(18)


def test_summary_leaves_out_missing_figures(tables: dict[str, Table]) -> None:
    tables["peers"].rows = []
    del tables["moves"]
    assert {str(row[0]).partition(",")[0] for row in summary.render(tables).rows} == {
        "a quiet hour",
        "takeover",
    }
