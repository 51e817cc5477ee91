# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code blocks and command lines are found in Markdown, and wrong examples are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError, OrcastraError
from tests.support.documents import ROOT, Block, blocks_of, command_lines
from tests.support.examples import classify

MARKDOWN = """# Title

```console
$ orcastra plan
```

- In a list:

  <!-- not checked: needs a registry -->
  ```yaml
  a: 1
  ```

<!-- swarm: labels -->
````text
```
inner
```
````

```{note}
Not code.
```
"""


def block(language: str, text: str) -> Block:
    return Block(ROOT / "README.md", 1, language, text)


def test_blocks_of_finds_code_with_its_remarks(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(MARKDOWN, encoding="utf-8")
    found = [(one.line, one.language, one.text, one.not_checked, one.swarm) for one in blocks_of(path)]
    assert found == [
        (3, "console", "$ orcastra plan\n", "", ""),
        (10, "yaml", "a: 1\n", "needs a registry", ""),
        (15, "text", "```\ninner\n```\n", "", "labels"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$ orcastra plan   # a comment\noutput\n", [["orcastra", "plan"]]),
        ("# EVENT_MODE=true orcastra run &\n", [["orcastra", "run"]]),
        ("$ curl x | jq . > y && cat y\n", [["curl", "x"], ["jq", "."], ["cat", "y"]]),
        ("$ ansible a \\\n    -e '{\"b\": 1}'\n", [["ansible", "a", "-e", '{"b": 1}']]),
        ("$ GID=$(stat -c %g file) docker compose up\n", [["docker", "compose", "up"]]),
        ("# HELP metric Text.\n", []),
    ],
)  # fmt: skip
def test_command_lines_splits_lines_as_a_shell_does(text: str, words: list[list[str]]) -> None:
    assert [line.words for line in command_lines(block("console", text))] == words


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("console", "$ orcastra plann\n"),
        ("console", "$ orcastra command restart_servce x\n"),
        ("console", "$ RELABEL_TIME=often orcastra run\n"),
        ("console", "$ NO_SUCH_SETTING=1 orcastra run\n"),
        ("console", "$ ansible-playbook orcastra.swarm.nothing -i hosts.yml\n"),
        ("console", "$ ansible-playbook orcastra.swarm.site -e orcastra_nothing=1\n"),
        ("console", "$ make nothing\n"),
        ("console", "$ unknown-program\n"),
        ("console", "only output\n"),
        ("sh", "GC_CRON=every day\n"),
        ("ini", "[Service]\nExecStart=/opt/orcastra/bin/orcastra runn\n"),
        ("yaml", "nodes: {mgr-a: {rol: manager}}\n"),
        ("yaml", "default: {cooldown_minutes: soon}\n"),
        ("yaml", "mods: [{url: x, image: y}]\n"),
        ("yaml", "- restart_servce:x\n"),
        ("yaml", "- hosts: all\n  roles: [orcastra.swarm.nothing]\n"),
        ("yaml", "- name: Set\n  orcastra.swarm.label_sync: {nothing: 1}\n"),
        ("yaml", "plugin: orcastra.swarm.swarm\nnothing: 1\n"),
        ("yaml", "orcastra_nothing: 1\n"),
        ("json", '{"mods": [{"url": 1}]}\n'),
    ],
)
def test_check_refuses_a_wrong_example(language: str, text: str) -> None:
    wrong = block(language, text)
    _kind, check = classify(wrong)
    with pytest.raises((AssertionError, ConfigError, OrcastraError)):
        check(wrong)
