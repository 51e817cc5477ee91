# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a mount ties a task to its node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.orcastra.swarm.plugins.module_utils._model.mount import (
    NO_DATA,
    SHARED,
    TIED,
    Mount,
    ObservedVolume,
    StorageRules,
    is_below,
    residence_of,
)
from ansible_collections.orcastra.swarm.plugins.module_utils._observe.parse import parse_service
from tests.support.builders import service

RULES = StorageRules(shared_paths=("/mnt/nfs", "/mnt/gluster/"), shared_volumes=("media_*", "photos"))


def bind(source: str, *, read_only: bool = False) -> Mount:
    return Mount("bind", source, "/data", read_only=read_only)


def volume(source: str = "data", driver: str = "", **options: str) -> Mount:
    return Mount("volume", source, "/data", driver=driver, options=options)


CASES: dict[str, tuple[Mount, str, str]] = {
    "tmpfs": (Mount("tmpfs", "", "/tmp"), NO_DATA, "mount_without_data"),
    "named pipe": (Mount("npipe", r"\\.\pipe\docker", "/pipe"), NO_DATA, "mount_without_data"),
    "image": (Mount("image", "tools", "/tools"), NO_DATA, "mount_without_data"),
    "cluster volume": (Mount("cluster", "csi", "/data"), SHARED, "mount_cluster_volume"),
    "type of the future": (Mount("quantum", "x", "/data"), TIED, "mount_type_unknown"),
    "socket": (bind("/var/run/docker.sock"), NO_DATA, "mount_socket"),
    "socket elsewhere": (bind("/run/containerd/containerd.sock"), NO_DATA, "mount_socket"),
    "socket of podman": (bind("/run/podman/podman.socket"), NO_DATA, "mount_socket"),
    "folder of sockets": (bind("/var/run"), TIED, "mount_path_tied"),
    "time zone, read-only": (bind("/etc/localtime", read_only=True), NO_DATA, "mount_host_file"),
    "time zone, writable": (bind("/etc/localtime"), TIED, "mount_path_tied"),
    "timezone": (bind("/etc/timezone", read_only=True), NO_DATA, "mount_host_file"),
    "certificates": (bind("/etc/ssl/certs", read_only=True), NO_DATA, "mount_host_file"),
    "not certificates": (bind("/etc/ssl-own", read_only=True), TIED, "mount_path_tied"),
    "proc": (bind("/proc", read_only=True), NO_DATA, "mount_host_file"),
    "sys": (bind("/sys/fs/cgroup/", read_only=True), NO_DATA, "mount_host_file"),
    "the whole host": (bind("/", read_only=True), TIED, "mount_path_tied"),
    "device": (bind("/dev/ttyUSB0", read_only=True), TIED, "mount_path_tied"),
    "other read-only path": (bind("/srv/config", read_only=True), TIED, "mount_path_tied"),
    "path out of proc": (bind("/proc/../srv", read_only=True), TIED, "mount_path_tied"),
    "shared path": (bind("/mnt/nfs"), SHARED, "mount_declared_shared"),
    "below a shared path": (bind("/mnt/nfs/wiki/../media"), SHARED, "mount_declared_shared"),
    "below one with a slash": (bind("/mnt/gluster/x"), SHARED, "mount_declared_shared"),
    "beginning like a shared path": (bind("/mnt/nfs2"), TIED, "mount_path_tied"),
    "above a shared path": (bind("/mnt"), TIED, "mount_path_tied"),
    "out of a shared path": (bind("/mnt/nfs/../../srv"), TIED, "mount_path_tied"),
    "volume": (volume(), TIED, "mount_volume_tied"),
    "anonymous volume": (volume(""), TIED, "mount_volume_tied"),
    "volume of the local driver": (volume(driver="local"), TIED, "mount_volume_tied"),
    "volume of another driver": (volume(driver="rexray/ebs:latest"), SHARED, "mount_volume_driver"),
    "declared volume": (volume("media_films"), SHARED, "mount_declared_shared"),
    "declared volume in its stack": (volume("apps_media_films"), SHARED, "mount_declared_shared"),
    "declared by its name in its stack": (volume("apps_photos"), SHARED, "mount_declared_shared"),
    "of another stack": (volume("shop_photos"), TIED, "mount_volume_tied"),
    "nfs": (volume(type="nfs", o="addr=10.0.0.5,rw", device=":/srv"), SHARED, "mount_network"),
    "nfs4": (volume(type="nfs4", device="10.0.0.5:/srv"), SHARED, "mount_network"),
    "in capitals": (volume(Type="NFS", device=":/srv"), SHARED, "mount_network"),
    "cifs": (volume(type="cifs", device="//nas/share"), SHARED, "mount_network"),
    "gluster with fuse": (volume(type="fuse.glusterfs", device="g:/v"), SHARED, "mount_network"),
    "9p": (volume(type="9p", device="share"), SHARED, "mount_network"),
    "address only": (volume(o="soft, addr=nas.lan", device=":/srv"), SHARED, "mount_network_address"),
    "address without a value": (volume(o="addr=", device=":/srv"), TIED, "mount_volume_tied"),
    "tmpfs as volume": (volume(type="tmpfs", device="tmpfs", o="size=100m"), NO_DATA, "mount_without_data"),
    "disk": (volume(type="ext4", device="/dev/sdb1"), TIED, "mount_volume_tied"),
    "bound folder": (volume(type="none", o="bind", device="/srv/wiki"), TIED, "mount_path_tied"),
    "bound shared folder": (volume(o="bind", device="/mnt/nfs/a"), SHARED, "mount_declared_shared"),
    "bound host file": (volume(type="none", o="bind,ro", device="/etc/ssl"), NO_DATA, "mount_host_file"),
    "bound, address": (volume(type="none", o="bind,addr=10.0.0.5", device="/a"), TIED, "mount_path_tied"),
    "bound without a path": (volume(type="none", o="bind", device="//nas/x"), TIED, "mount_volume_tied"),
    "disk, with address": (volume(type="xfs", o="addr=10.0.0.5", device="/a"), TIED, "mount_volume_tied"),
    "tmpfs with an address": (volume(type="tmpfs", o="addr=10.0.0.5"), NO_DATA, "mount_without_data"),
    "nfs of own node": (volume(type="nfs", o="addr=127.0.0.1", device=":/a"), TIED, "mount_network_loopback"),
    "nfs4 of localhost": (volume(type="nfs4", device="localhost:/srv"), TIED, "mount_network_loopback"),
    "nfs4 of its own IPv6": (volume(type="nfs4", device="[::1]:/srv"), TIED, "mount_network_loopback"),
    "cifs of localhost": (volume(type="cifs", device="//localhost/share"), TIED, "mount_network_loopback"),
    "own address only": (volume(o="addr=127.0.1.1", device=":/srv"), TIED, "mount_network_loopback"),
    "nfs4 over IPv6": (volume(type="nfs4", device="[fd00::5]:/srv"), SHARED, "mount_network"),
    "gluster of its own node": (volume(type="glusterfs", device="localhost:/v"), SHARED, "mount_network"),
    "driver of a disk": (volume(driver="local-persist"), TIED, "mount_driver_tied"),
    "driver with a tag": (volume(driver="lan:5000/x/docker-zfs-plugin:2"), TIED, "mount_driver_tied"),
    "driver like that of a disk": (volume(driver="zfs-share"), SHARED, "mount_volume_driver"),
    "bound with another type": (volume(type="btrfs", o="bind", device="/mnt/nfs"), TIED, "mount_volume_tied"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_residence_of_mount(name: str) -> None:
    mount, kind, code = CASES[name]

    found = residence_of(mount, RULES, stack="apps")

    assert (found.kind, found.reason.code) == (kind, code)
    assert found.reason.text


OBSERVED = {
    "plugin": (ObservedVolume("rclone"), SHARED, "mount_volume_driver"),
    "nfs": (ObservedVolume("local", {"type": "nfs", "device": "nas:/x"}), SHARED, "mount_network"),
    "disk plugin": (ObservedVolume("local-persist"), TIED, "mount_driver_tied"),
    "plain": (ObservedVolume("local"), TIED, "mount_volume_tied"),
}  # fmt: skip


@pytest.mark.parametrize("name", OBSERVED)
def test_residence_follows_the_volume_that_the_node_reports(name: str) -> None:
    observed, kind, code = OBSERVED[name]

    found = residence_of(volume("ext"), observed={"ext": observed})

    assert (found.kind, found.reason.code) == (kind, "mount_observed")
    assert found.reason.params["reason"].code == code


def test_residence_prefers_the_driver_of_the_service_to_that_of_the_node() -> None:
    observed = {"ext": ObservedVolume("rclone")}
    assert residence_of(volume("ext", driver="local"), observed=observed).reason.code == "mount_volume_tied"
    assert residence_of(volume("ext", type="ext4"), observed=observed).reason.code == "mount_volume_tied"
    assert residence_of(volume("other"), observed=observed).reason.code == "mount_volume_tied"


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [("/a", "/a/", True), ("/a/b", "/a", True), ("/ab", "/a", False), ("/a", "/", True), ("//a", "/a", True)],
)
def test_is_below_compares_whole_names(path: str, folder: str, expected: bool) -> None:
    assert is_below(path, folder) is expected


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        (volume(), True),
        (volume(type="nfs4", device="nas:/srv"), True),  # two writers on one share are as bad as on one disk
        (bind("/srv"), True),
        (bind("/srv", read_only=True), False),
        (bind("/var/run/docker.sock"), False),
        (Mount("tmpfs", "", "/tmp"), False),
        (Mount("cluster", "csi", "/data"), True),
    ],
)
def test_service_is_stateful_if_it_writes_data(mount: Mount, expected: bool) -> None:
    assert service("web", mounts=(mount,)).is_stateful is expected


def raw_service(options: dict[str, str]) -> dict[str, Any]:
    mount = {
        "Type": "volume",
        "Source": "data",
        "Target": "/data",
        "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": options}},
    }
    template = {"ContainerSpec": {"Mounts": [mount]}, "Networks": [{"Target": "net1"}]}
    return {"ID": "x", "Version": {"Index": 1}, "Spec": {"Name": "web", "TaskTemplate": template}}


def test_parsed_options_hold_no_password() -> None:
    options = {
        "type": "cifs",
        "device": "//nas/x",
        "o": "username=u,password=secret,addr=nas,ro",
        "token": "secret",
    }

    found = parse_service(raw_service(options))

    assert dict(found.mounts[0].options) == {"type": "cifs", "device": "//nas/x", "o": "addr=nas,ro"}
    assert "secret" not in json.dumps(dict(found.mounts[0].options))
    assert found.networks == ("net1",)
