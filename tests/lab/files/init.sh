#!/usr/bin/env bash
# Copyright: (c) 2026, Orcastra contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# First half of a host's pid 1: give the host a root file system of its own, then hand over to lab-boot in it.
# Arguments: the host's folder, its name, the folder below its root (/ or another release's).
set -eu
folder=$1 name=$2 lower=$3

# /proc is still the machine's here, so this is the pid that the machine sees, and its start time.
read -ra stat < /proc/self/stat
echo "${stat[0]} ${stat[21]}" > "$folder/init.pid.new"
mv "$folder/init.pid.new" "$folder/init.pid"

hostname "$name"
mount --make-rprivate /
root=$folder/root
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$folder/upper,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
# A folder of the real file system: an engine can't keep its layers on top of an overlay.
mount --bind "$folder/docker" "$root/var/lib/docker"
mount --bind "$folder/meminfo" "$root/proc/meminfo"
mount --bind "$folder/boot_id" "$root/proc/sys/kernel/random/boot_id"
# The checkout and its interpreter, wherever they are: a host's own folders would hide them.
while IFS= read -r path; do
    # what the host's release has of its own may be updated there
    case $path in /usr/local/*) ;; /usr/*) [ ! -e "$root$path" ] || continue ;; esac
    if [ -d "$path" ]; then
        mkdir -p "$root$path"
    else
        mkdir -p "$root${path%/*}"
        [ -e "$root$path" ] || : > "$root$path"
    fi
    mount --bind "$path" "$root$path"
    mount -o remount,bind,ro "$root$path"
done < "$folder/shared"

mkdir "$root/run/.old"
cd "$root"
pivot_root . run/.old
cd /
umount -l /run/.old
rmdir /run/.old
exec /bin/bash /usr/local/sbin/lab-boot
