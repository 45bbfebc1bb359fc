# SPDX-License-Identifier: Apache-2.0
"""Plugging disks, with the seed's two commands, and what host and guest see of them."""

import os

from . import tap

BAY = 6  # slots for disks: vda to vdf


def guest_name(slot):
    return "vd" + "abcdef"[slot]


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


def wait_sectors(vm, slot, sectors):
    """Waits until the guest's kernel gives the disk that many sectors."""
    disk = guest_name(slot)
    vm.sh(f"until [ $(cat /sys/block/{disk}/size) = {sectors} ]; do sleep 0.02; done")


def guest_sha256(vm, slot):
    return vm.sh(f"sha256sum /dev/{guest_name(slot)}").split()[0]
