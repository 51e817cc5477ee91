# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service specs that use every field of the API, in the engine's format."""

from __future__ import annotations

from typing import Any

SECOND = 1_000_000_000
MIB = 1024 * 1024


def full_spec(
    name: str, image: str, *, network_id: str, secret_id: str, config_id: str, api_version: tuple[int, int]
) -> dict[str, Any]:
    """Return a replicated service in which every field differs from its default.

    It reserves a generic resource that no node has, so its task stays Pending and starts no container.
    """
    spec: dict[str, Any] = {
        "Name": name,
        "Labels": {"orchestration.rebalance": "false", "empty": ""},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Labels": {"container": "label"},
                "Command": ["/bin/sh", "-c"],
                "Args": ["sleep 1000", "{{.Task.Slot}}"],
                "Hostname": "{{.Node.Hostname}}-x",
                "Env": ["A=1", "B={{.Service.Name}}"],
                "Dir": "/tmp",
                "User": "1000:1000",
                "Groups": ["10", "20"],
                "Privileges": {
                    "SELinuxContext": {
                        "Disable": False,
                        "User": "u",
                        "Role": "r",
                        "Type": "t",
                        "Level": "l",
                    },
                },
                "TTY": True,
                "OpenStdin": True,
                "ReadOnly": True,
                "Mounts": [
                    {
                        "Type": "bind",
                        "Source": "/tmp",
                        "Target": "/b",
                        "ReadOnly": True,
                        "BindOptions": {"Propagation": "rslave", "NonRecursive": True},
                    },
                    {
                        "Type": "volume",
                        "Source": "vol-{{.Task.Slot}}",
                        "Target": "/v",
                        "VolumeOptions": {
                            "NoCopy": True,
                            "Labels": {"v": "1"},
                            "DriverConfig": {"Name": "local", "Options": {"type": "tmpfs"}},
                        },
                    },
                    {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": MIB, "Mode": 0o1770}},
                ],
                "StopSignal": "SIGINT",
                "StopGracePeriod": 7 * SECOND,
                "Healthcheck": {
                    "Test": ["CMD-SHELL", "true"],
                    "Interval": 31 * SECOND,
                    "Timeout": 3 * SECOND,
                    "Retries": 4,
                    "StartPeriod": 5 * SECOND,
                },
                "Hosts": ["10.1.2.3 somewhere alias", "10.1.2.4 elsewhere"],
                "DNSConfig": {"Nameservers": ["10.1.1.1"], "Search": ["example.org"], "Options": ["ndots:3"]},
                "Secrets": [
                    {
                        "File": {"Name": "s", "UID": "1", "GID": "2", "Mode": 0o440},
                        "SecretID": secret_id,
                        "SecretName": f"{name}-secret",
                    }
                ],
                "Configs": [
                    {
                        "File": {"Name": "/c", "UID": "3", "GID": "4", "Mode": 0o444},
                        "ConfigID": config_id,
                        "ConfigName": f"{name}-config",
                    }
                ],
                "Isolation": "default",
                "Init": False,
                "Sysctls": {"net.core.somaxconn": "1024"},
                "CapabilityAdd": ["CAP_NET_RAW", "CAP_SYS_CHROOT"],
                "CapabilityDrop": ["CAP_CHOWN"],
                "Ulimits": [{"Name": "nofile", "Hard": 2048, "Soft": 1024}],
            },
            "Resources": {
                "Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 64 * MIB, "Pids": 50},
                "Reservations": {
                    "NanoCPUs": 100_000_000,
                    "MemoryBytes": 16 * MIB,
                    "GenericResources": [
                        {"DiscreteResourceSpec": {"Kind": "SSD", "Value": 3}},
                        {"NamedResourceSpec": {"Kind": "GPU", "Value": "UUID1"}},
                    ],
                },
            },
            "RestartPolicy": {
                "Condition": "on-failure",
                "Delay": 6 * SECOND,
                "MaxAttempts": 9,
                "Window": 11 * SECOND,
            },
            "Placement": {
                "Constraints": ["node.role == manager", "node.labels.a!=b"],
                "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.rack"}}],
                "MaxReplicas": 2,
                "Platforms": [{"Architecture": "amd64", "OS": "linux"}, {"OS": "linux"}],
            },
            "Networks": [{"Target": network_id, "Aliases": ["one", "two"], "DriverOpts": {"o": "p"}}],
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m"}},
            "ForceUpdate": 3,
            "Runtime": "container",
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "UpdateConfig": {
            "Parallelism": 2,
            "Delay": 3 * SECOND,
            "FailureAction": "rollback",
            "Monitor": 15 * SECOND,
            "MaxFailureRatio": 0.15,
            "Order": "start-first",
        },
        "RollbackConfig": {
            "Parallelism": 3,
            "Delay": 4 * SECOND,
            "FailureAction": "continue",
            "Monitor": 16 * SECOND,
            "MaxFailureRatio": 0.25,
            "Order": "stop-first",
        },
        "EndpointSpec": {
            "Mode": "dnsrr",
            "Ports": [
                {
                    "Name": "web",
                    "Protocol": "udp",
                    "TargetPort": 80,
                    "PublishedPort": 18080,
                    "PublishMode": "host",
                },
            ],
        },
    }
    container = spec["TaskTemplate"]["ContainerSpec"]
    # The engine never stores a bind mount's CreateMountpoint and the two ReadOnly options in a service
    # (moby, daemon/cluster/convert/container.go), so an update can't lose them.
    if api_version >= (1, 44):
        container["Healthcheck"]["StartInterval"] = 2 * SECOND
        container["Privileges"]["NoNewPrivileges"] = True
        container["Privileges"]["AppArmor"] = {"Mode": "disabled"}
        container["Privileges"]["Seccomp"] = {"Mode": "unconfined"}
    if api_version >= (1, 45):
        container["Mounts"][1]["VolumeOptions"]["Subpath"] = "below"
    return spec


def mode_specs(name: str, image: str) -> list[dict[str, Any]]:
    """Return one small service of each mode. None of them finds a node."""
    modes: dict[str, Any] = {
        "replicated": {"Replicated": {"Replicas": 2}},
        "global": {"Global": {}},
        "replicated-job": {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 5}},
        "global-job": {"GlobalJob": {}},
    }
    return [
        {
            "Name": f"{name}-{mode}",
            "TaskTemplate": {
                "ContainerSpec": {"Image": image, "Init": True},
                "Placement": {"Constraints": ["node.hostname==nowhere"]},
                # the API doesn't allow unlimited restarts for jobs
                "RestartPolicy": {"Condition": "on-failure"},
            },
            "Mode": value,
        }
        for mode, value in modes.items()
    ]
