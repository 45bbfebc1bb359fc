# SPDX-License-Identifier: Apache-2.0
"""Plugging disks, with the seed's two commands, and what host and guest see of them."""

import os

from . import tap

BAY = 6  # slots for disks: vda to vdf


def sysfs(vm, slot):
    """A pattern for the guest's folder of the disk, whatever it is called; it matches nothing in a slot never used."""
    return f"/sys/bus/platform/devices/{vm.slot(slot)}/virtio*/block/*"


def guest_name(vm, slot):
    """Where the guest finds disks by itself they are called in the order of their coming."""
    return vm.sh(f"cd {sysfs(vm, slot)} && pwd").rsplit("/", 1)[1] if vm.finds_devices else "vd" + "abcdef"[slot]


def can_bypass_cache(path):
    """Whether this file's file system takes O_DIRECT."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
        return True
    except OSError:
        return False


def node(name, path, direct=None, read_only=False):
    """blockdev-add's arguments for an image; past the host's cache where that works, as the seed has it."""
    if direct is None:
        direct = can_bypass_cache(path)
    return {
        "node-name": name,
        "file": {"driver": "file", "filename": path},
        "cache": {"direct": direct},
        "read-only": read_only,
    }


def device(name, slot):
    return {"id": name, "driver": "virtio-blk-mmio", "addr": hex(slot)}


def plug(qmp, name, path, slot, **options):
    qmp.execute("blockdev-add", node(name, path, **options))
    qmp.execute("device_add", device(name, slot))


def unplug(qmp, name):
    """Unplugs; DEVICE_DELETED has to have come before the answer. The node of the same name goes along."""
    qmp.events.clear()
    qmp.execute("device_del", {"id": name})
    gone = [event["data"] for event in qmp.events if event["event"] == "DEVICE_DELETED"]
    tap.check_equal(gone, [{"device": name, "path": name}], "events before device_del's answer")


def has_sectors(vm, slot, sectors):
    """A shell's words that wait until the guest's kernel gives the disk that many sectors; no disk has none."""
    return f"until size=$(cat {sysfs(vm, slot)}/size 2>/dev/null); [ ${{size:-0}} = {sectors} ]; do sleep 0.02; done"


def wait_sectors(vm, slot, sectors):
    vm.sh(has_sectors(vm, slot, sectors))


def guest_sha256(vm, slot):
    return vm.sh(f"sha256sum /dev/{guest_name(vm, slot)}").split()[0]
