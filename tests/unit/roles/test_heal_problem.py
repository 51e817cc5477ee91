# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the role heal explains a host that does not answer: by fields of results, never by messages."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import CHECKOUT
from tests.support.warm_python import ANSIBLE_PLAYBOOK, run_ansible

LIBRARY = "Failed to import the required Python library (docker) on b's Python /usr/bin/python3."
SOCKET = "unix:///var/run/docker.sock: the engine cannot be reached: no such file"
NO_DOCKERD, DOCKERD = {"rc": 127}, {"rc": 0}
PONG = {"ping": "pong"}

# case: the registered results, and the explanation that the role must give
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "no engine and no SDK": (
        {"look": {"msg": LIBRARY, "missing_library": "docker"}, "ping": PONG, "engine": NO_DOCKERD},
        "no engine",
    ),
    "no engine": (
        {
            "look": {"msg": SOCKET, "unreachable_engine": "unix:///var/run/docker.sock"},
            "ping": PONG,
            "engine": NO_DOCKERD,
        },
        "no engine",
    ),
    "an engine without SDK": (
        {"look": {"msg": LIBRARY, "missing_library": "docker"}, "ping": PONG, "engine": DOCKERD},
        "install",
    ),
    "an engine that is stopped": (
        {
            "look": {"msg": SOCKET, "unreachable_engine": "unix:///var/run/docker.sock"},
            "ping": PONG,
            "engine": DOCKERD,
        },
        "answer",
    ),
    "an engine elsewhere": (
        {
            "look": {"msg": "tcp://c:2375: refused", "unreachable_engine": "tcp://c:2375"},
            "ping": PONG,
            "engine": NO_DOCKERD,
        },
        "answer",
    ),
    "a message that only mentions a library": (
        {"look": {"msg": f"a proxy says: {LIBRARY}"}, "ping": PONG, "engine": NO_DOCKERD},
        "answer",
    ),
    "a message that only mentions a socket": (
        {"look": {"msg": f"a proxy says: {SOCKET}"}, "ping": PONG, "engine": NO_DOCKERD},
        "answer",
    ),
    "no message at all": ({"look": {}, "ping": PONG, "engine": NO_DOCKERD}, "answer"),
    "no connection": ({"look": {"msg": "x"}, "ping": {"msg": "refused"}, "engine": {}}, "unreached"),
}


# which of the role's explanations was given
KIND = """{{ 'unreached' if heal_problem == heal_unreached else 'no engine' if heal_problem == heal_no_engine
else 'install' if heal_hint else 'answer' }}"""


def test_heal_explains_why_a_host_does_not_answer(tmp_path: Path) -> None:
    variables = {"heal_membership": "look", "heal_ping": "ping", "heal_engine": "engine"}
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(CHECKOUT / "roles/heal/vars/main.yml")],
        "tasks": [
            {
                "ansible.builtin.debug": {"msg": f"<{KIND}>"},
                "vars": {"heal_name": "b", **{name: case[key] for name, key in variables.items()}},
            }
            for case, _expected in CASES.values()
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_NOCOLOR": "1"}
    done = run_ansible(ANSIBLE_PLAYBOOK, "play.yml", cwd=tmp_path, env=environment)
    found = re.findall(r"<(.*)>", done.stdout)
    assert len(found) == len(CASES), done.stdout + done.stderr
    expected = {name: kind for name, (_case, kind) in CASES.items()}
    assert dict(zip(CASES, found, strict=True)) == expected, done.stdout
