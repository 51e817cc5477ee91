#!/usr/bin/python
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: log_rotate
short_description: Configure logrotate for application log files
version_added: 0.1.0
description:
  - Writes a configuration file for logrotate, which must already run on the host. If an entry is invalid, the
    module writes nothing and reports each invalid entry with the rule that it violates.
  - Before it writes the file, the module lets logrotate check it alone and together with the rest of the
    host's logrotate configuration.
  - You can rotate log files in volumes like any others. The module refuses the log files that the engine
    writes for containers, also if a pattern or a symbolic link leads to them. For these, set C(max-size) in
    C(daemon.json).
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status without writing anything.
    support: full
  diff_mode:
    description:
      - Returns details on the changes, or on the changes that check mode predicts, when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
options:
  files:
    description:
      - The log files to rotate. If the list is empty, the module removes O(path).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: A name for messages. It can contain letters, digits, C(_), C(.) and C(-).
        type: str
        required: true
      paths:
        description:
          - The absolute paths of the files. V(*), V(?) and V([]) match within one directory. V(**) is not
            supported. V({a,b}) expands to two paths. Paths can contain spaces.
        type: list
        elements: str
        required: true
      rotate:
        description: The number of old files to keep. With V(0), none are kept.
        type: int
        required: true
      size:
        description:
          - Rotate the file when it is larger than this, for example V(100M). At least one of this option and
            O(files[].frequency) is required.
        type: str
      frequency:
        description:
          - How often to rotate the file. If you also set O(files[].size), whichever comes first counts.
        type: str
        choices: [hourly, daily, weekly, monthly, yearly]
      copytruncate:
        description:
          - Copy the file and truncate it, for programs that cannot reopen it. Lines written between these two
            steps are lost.
        type: bool
        default: false
      postrotate:
        description:
          - One or more lines of commands that make the program reopen its file, for example
            V(systemctl kill -s HUP app).
        type: str
        default: ""
      compress:
        description: Whether to compress all old files except the newest.
        type: bool
        default: true
      create:
        description:
          - The mode, owner and group of the new file, for example V(0640 app adm). Defaults to those of the
            old file.
        type: str
        default: ""
      su:
        description: The user and group to rotate as, if users other than root can write to the directory.
        type: str
        default: ""
  path:
    description: The configuration file to write.
    type: path
    default: /etc/logrotate.d/orcastra
  data_roots:
    description:
      - The data directories of the host's engines, as returned in
        RV(orcastra.swarm.container_log_info#module:data_root). The module already knows the default
        directories and those in C(/etc/docker/daemon.json).
    type: list
    elements: str
    default: []
seealso:
  - module: orcastra.swarm.container_log_info
author:
  - Orcastra contributors (@orcastra)
"""

EXAMPLES = r"""
- name: Rotate the access logs that a proxy keeps in a volume
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
  description: The configuration file.
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
