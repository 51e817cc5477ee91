# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role heal says of a host that does not answer goes by fields of results, never by messages."""

from __future__ import annotations

import json
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

# case: what the tasks have registered, and which of the role's sentences follows
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


def kind(sentence: str) -> str:
    if "it has no engine" in sentence:
        return "no engine"
    if "cannot be reached" in sentence and "dealt with without it" in sentence:
        return "unreached"
    return "install" if "orcastra_install_engine=true installs it" in sentence else "answer"


def test_why_a_host_does_not_answer(tmp_path: Path) -> None:
    variables = {"heal_look": "look", "heal_ping": "ping", "heal_engine": "engine"}
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(CHECKOUT / "roles/heal/vars/main.yml")],
        "tasks": [
            {
                "ansible.builtin.debug": {"msg": f"<{number}|{{{{ heal_problem }}}}>"},
                "vars": {"heal_name": "b", **{name: case[key] for name, key in variables.items()}},
            }
            for number, (case, _expected) in enumerate(CASES.values())
        ],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_NOCOLOR": "1"}
    done = run_ansible(ANSIBLE_PLAYBOOK, "play.yml", cwd=tmp_path, env=environment)
    said = re.findall(r'"msg": (".*")', done.stdout)
    assert len(said) == len(CASES), done.stdout + done.stderr
    found = {name: kind(json.loads(text)) for name, text in zip(CASES, said, strict=True)}
    assert found == {name: expected for name, (_case, expected) in CASES.items()}, done.stdout
