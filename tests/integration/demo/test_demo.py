# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo on real engines: the second cycle changes nothing, Orcastra restores a lost label, and app and
cache follow the database when its host crashes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from demo import __main__ as demo
from demo.stage import ROOT
from demo.view import look
from tests.lab import Lab
from tests.lab.state import all_labs

PREFIX = "demo-t"


@pytest.fixture
def name() -> Iterator[str]:
    """The name of a lab. It is removed at the end, together with leftover labs of killed runs."""
    own = f"{PREFIX}{os.getpid()}"
    yield own
    for found in all_labs():
        pid = found.removeprefix(PREFIX)
        if found.startswith(PREFIX) and pid.isdigit() and (found == own or not Path("/proc", pid).exists()):
            Lab(found).down()


def test_demo_plays_all_scenes(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    status = demo.main(["--name", name])
    printed = capfd.readouterr()
    assert status == 0, printed.out + printed.err

    # the output of each scene: the text between two titles
    scenes = printed.out.split("\n== ")[1:]
    assert [scene.split(".")[0] for scene in scenes] == [str(number + 1) for number in range(len(scenes))]
    by_title = {scene.split(" =")[0].split(". ")[1]: scene for scene in scenes}
    assert "shop_app, shop_backup and shop_cache are pending" in by_title["A shop"]
    assert "and so do app and cache" in by_title["The first cycle"]
    assert "no changes needed" in by_title["The second cycle"]
    assert "planned" not in by_title["The second cycle"]
    assert "The label was back after" in by_title["A label is removed by hand"]

    crash = by_title["The database's host crashes"]
    steps = [
        "loses its power",
        "Swarm notices",
        "runs the database on another",
        "has moved the label db=true",
    ]
    places = [crash.index(step) for step in (*steps, "App and cache were back")]
    assert places == sorted(places)
    assert "shop_app runs next to the database" in crash
    assert "shop_cache runs next to the database" in crash
    assert "No changes needed: the swarm matches the configuration." in crash
    assert len(re.findall(r"^shop_(?:db|app|cache)\S+: Exited ", crash, re.MULTILINE)) >= 4

    # the hosts keep running in the state that the demo showed
    lab = Lab.attach(name)
    view = look(lab.leader())
    assert view.all_run
    (home,) = view.hosts_of("shop_db")
    assert view.hosts_of("shop_app") == view.hosts_of("shop_cache") == [home]
    nodes = yaml.safe_load((ROOT / "demo/config/swarm.yml").read_text())["nodes"]
    for host, node in nodes.items():
        labels = node["labels"] if isinstance(node["labels"], dict) else dict.fromkeys(node["labels"], "true")
        assert view.labels(host) == labels | ({"db": "true"} if host == home else {})

    assert demo.main(["down", "--name", name]) == 0
    assert name not in all_labs()
