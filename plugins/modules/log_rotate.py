#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: log_rotate
short_description: Configure logrotate for log files of applications
version_added: 0.2.0
description:
  - Writes a configuration for logrotate, which the host already runs. If an entry is invalid, nothing is
    written, and the message names every such entry and the rule that it breaks.
  - First, logrotate checks the new configuration by itself and together with the rest of its configuration
    on the host.
  - Log files in volumes can be rotated like any others. The engine's own log files of containers are refused,
    also by a pattern or a symbolic link that leads to them. For these set C(max-size) in C(daemon.json).
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status without writing anything.
    support: full
  diff_mode:
    description: Will return details on what has changed or would change, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
options:
  files:
    description:
      - What to rotate. With an empty list, O(path) is removed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: A name of your own, for messages. Letters, digits, C(_), C(.) or C(-).
        type: str
        required: true
      paths:
        description:
          - Absolute paths of the files. V(*), V(?) and V([]) match within one folder, there is no V(**).
            V({a,b}) stands for two paths. Spaces are fine.
        type: list
        elements: str
        required: true
      rotate:
        description: How many old files to keep, 0 for none.
        type: int
        required: true
      size:
        description:
          - Rotate once the file is larger than this, like V(100M). One of this and O(files[].frequency) is
            needed.
        type: str
      frequency:
        description: How often to rotate. With O(files[].size), too, whichever comes first.
        type: str
        choices: [hourly, daily, weekly, monthly, yearly]
      copytruncate:
        description:
          - Copy the file and empty it, for programs that can't reopen it. Lines written between the two are
            lost.
        type: bool
        default: false
      postrotate:
        description:
          - Commands, on one line or several, that make the program reopen its file, such as
            V(systemctl kill -s HUP app).
        type: str
        default: ""
      compress:
        description: Whether to compress old files, all but the newest one.
        type: bool
        default: true
      create:
        description:
          - Mode, owner and group of the new file, like V(0640 app adm). By default those of the old one.
        type: str
        default: ""
      su:
        description: User and group to rotate as, if users other than root may write to the folder.
        type: str
        default: ""
  path:
    description: The file to write.
    type: path
    default: /etc/logrotate.d/orcastra
  data_roots:
    description:
      - The folders in which the engines of the host keep their data, see
        RV(orcastra.swarm.container_log_info#module:data_root). The usual ones and those in
        C(/etc/docker/daemon.json) are known without it.
    type: list
    elements: str
    default: []
seealso:
  - module: orcastra.swarm.container_log_info
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Rotate the access logs of a proxy that has them in a volume
  orcastra.swarm.log_rotate:
    files:
      - name: proxy
        paths: ["/var/lib/docker/volumes/proxy_logs/_data/*.log"]
        rotate: 7
        frequency: daily
        postrotate: docker kill -s USR1 $(docker ps -q -f name=proxy)
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /etc/logrotate.d/orcastra
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.orcastra.swarm.plugins.module_utils._apply.log_rotate import write_rotations
from ansible_collections.orcastra.swarm.plugins.module_utils._model.errors import OrcastraError

FILE_SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "paths": {"type": "list", "elements": "str", "required": True},
    "rotate": {"type": "int", "required": True},
    "size": {"type": "str"},
    "frequency": {"type": "str", "choices": ["hourly", "daily", "weekly", "monthly", "yearly"]},
    "copytruncate": {"type": "bool", "default": False},
    "postrotate": {"type": "str", "default": ""},
    "compress": {"type": "bool", "default": True},
    "create": {"type": "str", "default": ""},
    "su": {"type": "str", "default": ""},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": FILE_SPEC},
            "path": {"type": "path", "default": "/etc/logrotate.d/orcastra"},
            "data_roots": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    given = module.params
    path = Path(given["path"])
    try:
        written = write_rotations(given["files"], path, roots=given["data_roots"], check=module.check_mode)
    except OrcastraError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=written.changed,
        path=str(path),
        diff={
            "before": written.before or "",
            "after": written.after or "",
            "before_header": str(path),
            "after_header": str(path),
        },
    )


if __name__ == "__main__":
    main()
