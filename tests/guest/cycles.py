#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same disk plugged and unplugged 200 times in a running guest, without leaking descriptors or memory."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.vm import VM

CYCLES = 200
WARM_UP = 20  # the first ones fill caches: the allocator's, the hart's
SIZE = 4 << 20


def cycle(vm, number):
    slot = number % disks.BAY
    disks.plug(vm.qmp, "drive-0", vm.file("disk.img"), slot)
    there = disks.has_sectors(vm, slot, SIZE // images.SECTOR)
    gone = disks.has_sectors(vm, (slot - 1) % disks.BAY, 0)
    write = f"echo cycle {number} | dd of=/dev/$(basename {disks.sysfs(vm, slot)}) bs=512 conv=sync,fsync"
    vm.sh(f"{gone}; {there}; {write}")
    disks.unplug(vm.qmp, "drive-0")
    with open(vm.file("disk.img"), "rb") as file:
        tap.check_equal(file.read(512).rstrip(b"\0"), f"cycle {number}\n".encode(), "what the guest wrote")


@tap.test(f"{WARM_UP} cycles")
def warm_up(vm):
    vm.boot()
    images.sparse(vm.file("disk.img"), SIZE)
    for number in range(WARM_UP):
        cycle(vm, number)
    vm.before = vm.resources()


@tap.test(f"{CYCLES} cycles")
def cycles(vm):
    for number in range(CYCLES):
        cycle(vm, number)


@tap.test("no descriptor, no thread and no memory was left behind")
def leaks(vm):
    vm.check_nothing_left(vm.before)


if __name__ == "__main__":
    tap.main(VM)
