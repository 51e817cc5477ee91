# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mounts of a service, and where their data lives.

A mount is *tied* if its data stays on the node, *shared* if every node reaches the same data, and has *no
data* if there is nothing to lose. ``residence_of`` is the only function that decides this.

Sources: the mount types and volume options of the Engine API (``docs.docker.com/reference/api/engine``), and
the file systems of mount(8).
"""

# This module is private to the collection: its interface may change in any release.

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import field
from fnmatch import fnmatchcase

from .compat import dataclass
from .reasons import Reason

TIED = "tied"
SHARED = "shared"
NO_DATA = "no_data"

LOCAL_DRIVERS = frozenset({"", "local"})
# file systems that several hosts mount at once, without the prefix of FUSE
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cephfs", "cifs", "davfs", "davfs2", "gfs2", "glusterfs", "gpfs",
        "juicefs", "lizardfs", "lustre", "mfs", "moosefs", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2",
        "orangefs", "rclone", "s3fs", "saunafs", "seaweedfs", "smb", "smb2", "smb3", "smbfs", "sshfs",
        "virtiofs",
    }
)  # fmt: skip
# protocols whose server may be the node itself, each with other data; the nodes of a cluster file system, in
# contrast, may each mount the same data from their own peer
_CLIENT_SERVER = ("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "sshfs")
# file systems on a disk of the node, for which an address has no meaning
_DISK_FILE_SYSTEMS = frozenset(
    {"bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "iso9660", "jfs", "ntfs", "ntfs3",
     "overlay", "reiserfs", "squashfs", "udf", "vfat", "xfs", "zfs"}
)  # fmt: skip
# volume plugins that store data on a disk of the node; names without registry and tag
_NODE_DRIVERS = frozenset(
    {"btrfs", "docker-btrfs", "docker-lvm-plugin", "docker-volume-loopback", "docker-zfs-plugin",
     "local-persist", "lvm", "zfs"}
)  # fmt: skip
# files that every host has; safe as long as a container only reads them
HOST_PATHS = (
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/localtime",
    "/etc/machine-id",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/etc/timezone",
    "/lib/modules",
    "/proc",
    "/run/udev",
    "/sys",
    "/usr/lib/modules",
    "/usr/lib/os-release",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/var/run/udev",
)
_SOCKET_ENDINGS = (".sock", ".socket")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount of a service's containers.

    ``driver`` is the volume driver; empty means that the service doesn't name one. ``options`` are those of
    the driver, as Compose's ``driver_opts``.
    """

    type: str
    source: str
    target: str
    driver: str = ""
    read_only: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The volume or path; the target of an anonymous volume."""
        return self.source or self.target

    @property
    def is_writable_data(self) -> bool:
        """Whether two copies of the container could write to the same data, on one node or on several."""
        return not self.read_only and residence_of(self).kind != NO_DATA


@dataclass(frozen=True, slots=True)
class StorageRules:
    """Storage that the user declares to be the same on all nodes.

    ``shared_paths``: folders; ``shared_volumes``: names or patterns (``media_*``).
    """

    shared_paths: tuple[str, ...] = ()
    shared_volumes: tuple[str, ...] = ()


NO_SHARED_STORAGE = StorageRules()


@dataclass(frozen=True, slots=True)
class ObservedVolume:
    """A volume as the engine of a node reports it: its driver, and the options of the driver ``local``.

    ``fingerprint`` differs if options differ: two nodes have the same data only if all fields are equal.
    """

    driver: str
    options: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Residence:
    """The location of a mount's data, and the reason for it. ``kind`` is TIED, SHARED or NO_DATA."""

    kind: str
    reason: Reason

    @property
    def is_tied(self) -> bool:
        return self.kind == TIED


def residence_of(
    mount: Mount,
    rules: StorageRules = NO_SHARED_STORAGE,
    stack: str | None = None,
    observed: Mapping[str, ObservedVolume] | None = None,
) -> Residence:
    """Decide whether a mount ties a task to its node.

    ``stack`` is that of the service: a pattern for volumes may leave out its prefix. ``observed`` are the
    volumes that the node reports, for volumes whose service doesn't name a driver.
    """
    if mount.type in ("tmpfs", "npipe", "image"):
        return Residence(NO_DATA, Reason("mount_without_data", mount=mount.target, type=mount.type))
    if mount.type == "cluster":
        return Residence(SHARED, Reason("mount_cluster_volume", volume=mount.name))
    if mount.type == "bind":
        return _of_path(mount.source, rules, read_only=mount.read_only)
    if mount.type == "volume":
        return _of_volume(mount, rules, stack, observed or {})
    return Residence(TIED, Reason("mount_type_unknown", mount=mount.name, type=mount.type))


def _of_volume(
    mount: Mount, rules: StorageRules, stack: str | None, observed: Mapping[str, ObservedVolume]
) -> Residence:
    pattern = _matching(mount.source, rules.shared_volumes, stack)
    if pattern is not None:
        return Residence(SHARED, Reason("mount_declared_shared", mount=mount.source, entry=pattern))
    found = None if mount.driver or mount.options else observed.get(mount.source)
    if found is None:
        return _of_driver(mount, mount.driver, mount.options, rules)
    residence = _of_driver(mount, found.driver, found.options, rules)
    return Residence(residence.kind, Reason("mount_observed", reason=residence.reason))


def _of_driver(mount: Mount, driver: str, options: Mapping[str, str], rules: StorageRules) -> Residence:
    if driver not in LOCAL_DRIVERS:
        # registry/name:tag, without the port of the registry
        name = driver.rpartition("/")[2].partition(":")[0].lower()
        if name in _NODE_DRIVERS:
            return Residence(TIED, Reason("mount_driver_tied", volume=mount.name, driver=driver))
        return Residence(SHARED, Reason("mount_volume_driver", volume=mount.name, driver=driver))
    options = {key.strip().lower(): value.strip() for key, value in options.items()}
    type_ = options.get("type", "").lower()
    flags = [flag.strip().lower() for flag in options.get("o", "").split(",")]
    device = options.get("device", "")
    if _is_bind(type_, flags):
        if device.startswith("/") and not device.startswith("//"):
            return _of_path(device, rules, read_only=mount.read_only or "ro" in flags)
        return Residence(TIED, Reason("mount_volume_tied", volume=mount.name))
    if type_ in ("tmpfs", "ramfs"):
        return Residence(NO_DATA, Reason("mount_without_data", mount=mount.name, type=type_))
    address = next((flag.partition("=")[2].strip() for flag in flags if flag.startswith("addr=")), "")
    is_network = is_network_file_system(type_)
    if _is_own_address(address or _server_of(device)) and (
        not is_network or type_.removeprefix("fuse.") in _CLIENT_SERVER
    ):
        return Residence(TIED, Reason("mount_network_loopback", volume=mount.name))
    if is_network:
        return Residence(SHARED, Reason("mount_network", volume=mount.name, type=type_))
    if address and type_ not in _DISK_FILE_SYSTEMS:
        return Residence(SHARED, Reason("mount_network_address", volume=mount.name))
    return Residence(TIED, Reason("mount_volume_tied", volume=mount.name))


def _server_of(device: str) -> str:
    """The server of ``nas:/export``, ``[fd00::5]:/export``, ``//nas/share`` and ``user@nas:/path``."""
    if device.startswith("//"):
        return device[2:].partition("/")[0]
    server, separator, _path = device.partition(":/")
    return server.rpartition("@")[2] if separator else ""


def _is_own_address(address: str) -> bool:
    """Whether an address is that of the node itself, on which each node reaches another server."""
    name = address.strip("[]").lower()
    return name in ("localhost", "::1", "0.0.0.0", "::") or name.startswith(("127.", "localhost."))  # noqa: S104


def is_network_file_system(type_: str) -> bool:
    """Whether several hosts mount file systems of this type at once: ``nfs4``, ``fuse.glusterfs``."""
    return type_.lower().removeprefix("fuse.") in NETWORK_FILE_SYSTEMS


def _is_bind(type_: str, flags: Iterable[str]) -> bool:
    return type_ in ("", "none", "bind") and any(flag in ("bind", "rbind") for flag in flags)


def _of_path(source: str, rules: StorageRules, *, read_only: bool) -> Residence:
    path = _normal(source)
    for shared in rules.shared_paths:
        if is_below(path, shared):
            return Residence(SHARED, Reason("mount_declared_shared", mount=path, entry=shared))
    if path.endswith(_SOCKET_ENDINGS):
        return Residence(NO_DATA, Reason("mount_socket", path=path))
    if read_only and any(is_below(path, known) for known in HOST_PATHS):
        return Residence(NO_DATA, Reason("mount_host_file", path=path))
    return Residence(TIED, Reason("mount_path_tied", path=path))


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or in it; ``/mnt/nfs2`` is not in ``/mnt/nfs``."""
    path, folder = _normal(path), _normal(folder)
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")


def _normal(path: str) -> str:
    """The path without ``.``, ``..``, doubled and trailing slashes."""
    return posixpath.normpath(path).replace("//", "/") if path else path


def _matching(name: str, patterns: Iterable[str], stack: str | None) -> str | None:
    """The first pattern that the name of a volume matches, with or without the prefix of its stack."""
    if not name:
        return None
    names = [name]
    if stack and name.startswith(f"{stack}_"):
        names.append(name.removeprefix(f"{stack}_"))
    return next((one for one in patterns if any(fnmatchcase(each, one) for each in names)), None)
