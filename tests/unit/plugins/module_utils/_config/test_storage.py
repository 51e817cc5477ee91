# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The section ``storage`` of swarm.yml."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._config.build import parse_config
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import ConfigError
from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import StorageRules
from orcastra_runner.extra_vars import plain_data


def test_storage_is_parsed_and_handed_on() -> None:
    given = {"shared_paths": ["/mnt/nfs", "/srv"], "shared_volumes": ["media_*"]}

    config = parse_config({"storage": given}, stack_name="")

    assert config.storage == StorageRules(("/mnt/nfs", "/srv"), ("media_*",))
    assert parse_config(plain_data(config), stack_name="").storage == config.storage


@pytest.mark.parametrize("given", [None, {}, {"shared_paths": None}, {"x-note": 1}])
def test_storage_may_be_empty(given: Any) -> None:
    assert parse_config({"storage": given}, stack_name="").storage == StorageRules()


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ([], "storage"),
        ({"shared_path": ["/a"]}, "storage.shared_path"),
        ({"shared_paths": "/a"}, "storage.shared_paths"),
        ({"shared_paths": ["mnt"]}, "storage.shared_paths[0]"),
        ({"shared_paths": ["/a", 1]}, "storage.shared_paths[1]"),
        ({"shared_paths": [""]}, "storage.shared_paths[0]"),
        ({"shared_volumes": ["a b"]}, "storage.shared_volumes[0]"),
        ({"shared_volumes": {"a": 1}}, "storage.shared_volumes"),
    ],
)
def test_wrong_storage_names_its_key(given: Any, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"storage": given}, stack_name="")

    assert [problem.key for problem in caught.value.problems] == [key]
