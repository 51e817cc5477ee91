# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mod_download neither shows nor logs the values of headers and URL queries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.mod_server import ModServer
from tests.support.warm_python import run_warm

SECRET = "s3cret-Value+1"
IMPORTS = "from ansible_collections.orcastra.swarm.plugins.modules import mod_download"
# the module as Ansible runs it, with its log on stderr
PROGRAM = """
import sys
from ansible.module_utils.basic import AnsibleModule

def log(_module, message, log_args=None):
    print(message, log_args, file=sys.stderr)

AnsibleModule.log = log
from ansible_collections.orcastra.swarm.plugins.modules import mod_download
WITHOUT_ENGINE
mod_download.main()
"""
WITHOUT_ENGINE = """
from ansible_collections.orcastra.swarm.plugins.module_utils._apply.mods import Discovery
mod_download.discover_mods = lambda *_given, **_more: Discovery()
mod_download.run_on_node = lambda module, action: module.exit_json(**action(None, None))
"""


def run(folder: Path, *, engine: bool = True, **parameters: Any) -> tuple[dict[str, Any], str]:
    """Return the result, and all output."""
    program = PROGRAM.replace("WITHOUT_ENGINE", "" if engine else WITHOUT_ENGINE)
    file = folder / "arguments.json"
    arguments = {
        "docker_host": "tcp://127.0.0.1:9",
        "timeout": 2,
        **parameters,
        "_ansible_check_mode": False,
        "_ansible_verbosity": 3,
    }
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    found = run_warm(program, file, prepare=IMPORTS)
    assert found.stdout, found.stderr
    return json.loads(found.stdout), found.stdout + found.stderr


@pytest.mark.parametrize(
    "config",
    [
        [f"https://h.example/a.bin?token={SECRET}"],
        {"mods": [{"url": f"https://h.example/a.bin?x=1&token={SECRET}", "name": "b.bin"}]},
        {"mods": [{"url": f"https://h.example/a.bin?{SECRET}"}]},
        {"mods": [{"url": f"https://h.example/a.bin#{SECRET}"}]},
        {"mods": [{"url": f"https://me:{SECRET}@h.example/a.bin"}]},
        {"mods": [{"url": "https://h.example/a.bin", "headers": {"X-Key": SECRET}}]},
        {"mods": [{"api": f"https://h.example/api?key={SECRET}", "select": "@"}]},
        {"mods": [{"url": "https://h.example/a.bin", "token": SECRET}]},
        {"mods": [{"url": "https://h.example/a.bin"}], "token": SECRET},
        {"mods": [[SECRET]]},
        SECRET,
        [f"https://h.example/a b?token={SECRET}"],
        [f"ftp://h.example/a?token={SECRET}"],
    ],
    ids=range(13),
)
def test_mod_download_hides_secrets_in_the_configuration(tmp_path: Path, config: Any) -> None:
    result, shown = run(tmp_path, config=config, dest=str(tmp_path / "mods"))
    assert result["failed"]
    assert SECRET not in shown
    assert "invocation" in result


def test_mod_download_hides_variables_and_wishes(tmp_path: Path) -> None:
    wishes = [f"https://h.example/a.bin?token={SECRET}", "user/mod:1"]
    result, shown = run(
        tmp_path,
        config={"mods": [{"url": "https://h.example/${PATH_TOKEN}/a.bin"}]},
        variables={"PATH_TOKEN": SECRET, "SHORT": "1"},
        wishes=wishes,
        dest=str(tmp_path / "mods"),
    )
    assert SECRET not in shown
    arguments = result["invocation"]["module_args"]
    assert arguments["wishes"] == ["https://h.example/a.bin?token=***", "user/mod:1"]
    # other values are still readable
    assert arguments["dest"] == str(tmp_path / "mods")
    assert arguments["config"] == {"mods": [{"url": "https://h.example/${PATH_TOKEN}/a.bin"}]}


def test_mod_download_results_stay_readable(tmp_path: Path) -> None:
    """Ansible masks everything that equals a value of a no_log option, which would be too much here."""
    with ModServer() as server:
        url = server.put("/a.bin", b"x" * 11)
        config = {
            "mods": [{"url": f"{url}?v=1", "name": "mods/a.bin"}],
            "discover": {"docker_mods": False, "label_prefix": None},
        }
        result, _shown = run(
            tmp_path,
            engine=False,
            config=config,
            variables={"ONE": "1", "A": "a"},
            dest=str(tmp_path / "mods"),
        )
        mod = result["mods"][0]
        assert (mod["mod"], mod["bytes"], mod["files"]) == (f"{url}?v=***", 11, ["mods/a.bin"])
        assert result["plan"][0]["summary"] == "download mods/a.bin"
        assert result["invocation"]["module_args"]["variables"] == {"ONE": "***", "A": "***"}
