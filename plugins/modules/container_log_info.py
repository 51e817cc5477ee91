#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_log_info
short_description: Find containers whose log file has no size limit
version_added: 0.1.0
description:
  - Checks how the containers of one engine log, and warns about containers whose log file can grow without
    limit. These are containers with the default log driver C(json-file) and without the option C(max-size).
extends_documentation_fragment:
  - orcastra.swarm.attributes.info
  - orcastra.swarm.connection
seealso:
  - module: orcastra.swarm.log_rotate
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Fail if a log file has no size limit
  orcastra.swarm.container_log_info:
  register: logs
  failed_when: logs.unlimited | length > 0
"""

RETURN = r"""
unlimited:
  description: The names of the containers whose log file has no size limit.
  returned: success
  type: list
  elements: str
  sample: [wiki.1.x8kd0s9]
drivers:
  description: The number of containers for each log driver.
  returned: success
  type: dict
  sample: {json-file: 12, local: 3}
data_root:
  description: The directory on the host in which the engine keeps its data, including container log files.
  returned: success
  type: str
  sample: /var/lib/docker
"""

from collections import Counter
from typing import Any

from ansible_collections.orcastra.swarm.plugins.module_utils._model.text import shortened
from ansible_collections.orcastra.swarm.plugins.module_utils._module.entry import create_module, run
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.engine import Engine
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.node import view_logs


def main() -> None:
    module = create_module()

    def action(engine: Engine) -> dict[str, Any]:
        logs = view_logs(engine)
        unlimited = sorted(log.container for log in logs if log.is_unlimited)
        if unlimited:
            module.warn(f"the log file has no limit (max-size) for {shortened(unlimited)}")
        return {
            "changed": False,
            "unlimited": unlimited,
            "drivers": dict(sorted(Counter(log.driver for log in logs).items())),
            "data_root": str(engine.info().get("DockerRootDir") or ""),
        }

    run(module, action)


if __name__ == "__main__":
    main()
