# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Result fields for decisions in playbooks, which must not depend on messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.warm_python import run_warm

IMPORTS = "import ansible.module_utils.basic, docker"
# the module as Ansible runs it, after a change to its imports
PROGRAM = """
from ansible_collections.orcastra.swarm.plugins.module_utils._model.reasons import Reason, Refused
from ansible_collections.orcastra.swarm.plugins.module_utils._module import entry
from ansible_collections.orcastra.swarm.plugins.module_utils._observe import connection
CHANGE
from ansible_collections.orcastra.swarm.plugins.modules import swarm_member_info
AFTER
swarm_member_info.main()
"""


def run(folder: Path, change: str = "", after: str = "", **parameters: Any) -> dict[str, Any]:
    file = folder / "arguments.json"
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {"timeout": 2, **parameters}}))
    found = run_warm(PROGRAM.replace("CHANGE", change).replace("AFTER", after), file, prepare=IMPORTS)
    assert found.stdout, found.stderr
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def test_result_names_a_missing_docker_sdk(tmp_path: Path) -> None:
    result = run(tmp_path, "entry.DOCKER_IMPORT_ERROR = 'Traceback'")
    assert result["missing_library"] == "docker"
    assert "unreachable_engine" not in result


def test_result_names_a_missing_ssh_library(tmp_path: Path) -> None:
    change = "import sys; sys.modules['docker.transport.sshconn'] = None"
    assert run(tmp_path, change, docker_host="ssh://nobody@127.0.0.1:9")["missing_library"] == "paramiko"


@pytest.mark.parametrize("address", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"])
@pytest.mark.parametrize("name", [None, "wrk-b"])
def test_result_names_an_unreachable_engine(tmp_path: Path, address: str, name: str | None) -> None:
    result = run(tmp_path, docker_host=address, **({"name": name} if name else {}))
    assert result["unreachable_engine"] == address
    assert "missing_library" not in result
    assert result["msg"].startswith(f"{name}: " if name else address)


def test_result_for_invalid_options_names_neither_library_nor_engine(tmp_path: Path) -> None:
    result = run(tmp_path, docker_host="tcp://127.0.0.1:9", tls=True, client_cert="/nowhere/cert.pem")
    assert not {"unreachable_engine", "missing_library", "reason"} & result.keys()


def test_notes_and_warnings_have_codes_and_printable_texts(tmp_path: Path) -> None:
    after = r"""
reason = Reason("node_missing", name="a\x1b[31m")
module = entry.create_module({})
module.warn(str(reason))
module.exit_json(changed=False, notes=[reason.to_data()])
"""
    result = run(tmp_path, after=after)
    (note,) = result["notes"]
    assert (note["code"], note["params"]) == ("node_missing", {"name": "a\x1b[31m"})
    assert note["text"] == r"a\x1b[31m is not in the swarm"
    # the type of warnings differs between releases of Ansible
    assert json.dumps(note["text"])[1:-1] in json.dumps(result["warnings"])


def test_result_contains_the_reason_of_a_refusal(tmp_path: Path) -> None:
    after = """
class Nothing:
    def close(self):
        pass
entry.connect = lambda options: Nothing()
def refuse(engine):
    raise Refused(Reason("leaving_last_manager", host="a"))
swarm_member_info.look_at_member = refuse
"""
    result = run(tmp_path, after=after, name="a")
    assert (result["reason"]["code"], result["reason"]["params"]) == ("leaving_last_manager", {"host": "a"})
    assert result["msg"] == result["reason"]["text"]
