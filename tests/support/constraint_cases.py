# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Constraint expressions and their results in Swarm.

The unit tests hold our evaluation to this table, the integration tests hold the table to the scheduler of
real engines. The node has: role manager, labels disk=SSD, Room=cellar, empty= (the empty string), engine
label rack=r1. ``{node.…}`` is filled in from the node.
"""

from __future__ import annotations

# expression, whether a task may run on the node
CASES: list[tuple[str, bool]] = [
    ("node.id=={node.id}", True),
    ("node.id!={node.id}", False),
    ("node.id==nobody", False),
    ("node.hostname=={node.hostname}", True),
    ("node.hostname==ALPHA", True),
    ("NODE.HOSTNAME=={node.hostname}", True),
    ("node.hostname!={node.hostname}", False),
    ("node.hostname!=bravo", True),
    ("  node.hostname  ==  {node.hostname}  ", True),
    ("node.role==manager", True),
    ("node.role==MANAGER", True),
    ("node.role==worker", False),
    ("node.role!=worker", True),
    ("node.platform.os==linux", True),
    ("node.platform.os==Linux", True),
    ("node.platform.os!=linux", False),
    ("node.platform.os==windows", False),
    ("node.platform.arch=={node.architecture}", True),
    ("node.platform.arch!={node.architecture}", False),
    ("node.platform.arch==amd64", False),
    ("node.labels.disk==SSD", True),
    ("node.labels.disk==ssd", True),
    ("Node.Labels.disk==ssd", True),
    ("node.labels.DISK==ssd", False),
    ("node.labels.disk!=ssd", False),
    ("node.labels.disk==hdd", False),
    ("node.labels.disk!=hdd", True),
    ("node.labels.Room==cellar", True),
    ("node.labels.room==cellar", False),
    ("node.labels.missing==x", False),
    ("node.labels.missing!=x", True),
    ("node.labels.empty!=x", True),
    ("node.labels.empty==x", False),
    ("engine.labels.rack==r1", True),
    ("engine.labels.rack==R1", True),
    ("engine.labels.Rack==r1", False),
    ("engine.labels.rack!=r1", False),
    ("engine.labels.missing!=r1", True),
    ("engine.labels.missing==r1", False),
    ("node.labels.==x", False),
    ("node.nonsense==x", False),
    ("node.nonsense!=x", False),
    ("node.labels.disk==*", False),
]

# expression, the scheduler's complaint
INVALID: list[tuple[str, str]] = [
    ("node.role", "constraint expected one operator from ==, !="),
    ("node.role=manager", "constraint expected one operator from ==, !="),
    ("node.role>manager", "constraint expected one operator from ==, !="),
    ("==manager", "key '' is invalid"),
    ("n==manager", "key 'n' is invalid"),
    ("1node==manager", "key '1node' is invalid"),
    ("node role==manager", "key 'node role' is invalid"),
    ("node.role==", "value '' is invalid"),
    ("node.labels.a==x=y", "value 'x=y' is invalid"),
    ("node.labels.a==x,y", "value 'x,y' is invalid"),
    ("node.labels.a==x!=y", "value 'x!=y' is invalid"),
    ("node.role!=a==b", "key 'node.role!=a' is invalid"),
    ("node.labels.a==ä", "value 'ä' is invalid"),
]
