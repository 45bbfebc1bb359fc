#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Unplugging while the guest reads and writes: QMP answers, the guest gets errors instead of hanging, no lock stays."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.vm import VM

SIZE = 8 << 20  # 128 pieces of 64 KiB
ROUNDS = 10

# Each goes on until it fails, or finds the disk empty: reading at the end of a disk is no error.
COPIES = {
    "direct writes": "dd if=/dev/zero of=/dev/vda bs=64k count=128 oflag=direct",
    "direct reads": "dd if=/dev/vda of=/dev/null bs=64k iflag=direct",
    "small direct reads": "dd if=/dev/vda of=/dev/null bs=512 count=4096 iflag=direct",
    "cached writes": "dd if=/dev/zero of=/dev/vda bs=64k count=128 conv=fsync",
}
LOADS = {words: f"while [ $(cat /sys/block/vda/size) != 0 ] && {copy}; do :; done" for words, copy in COPIES.items()}


def plug(vm):
    disks.plug(vm.qmp, "drive-0", images.sparse(vm.file("disk.img"), SIZE), 0)
    disks.wait_sectors(vm, 0, SIZE // images.SECTOR)


def requests(vm):
    """Reads and writes that the guest has completed on the disk."""
    fields = vm.sh("cat /sys/block/vda/stat").split()
    return int(fields[0]) + int(fields[4])


def wait_for_load(vm):
    before, deadline = requests(vm), time.monotonic() + 60
    while requests(vm) < before + 20:
        tap.check(time.monotonic() < deadline, "the guest's load does not run")


def take_away(vm, loads):
    """Plugs a disk, lets the loads run on it, unplugs it; the loads have to end by themselves."""
    plug(vm)
    processes = [vm.background(load) for load in loads]
    wait_for_load(vm)
    started = time.monotonic()
    disks.unplug(vm.qmp, "drive-0")
    took = time.monotonic() - started
    tap.check(took < 10, f"device_del took {took:.1f} s")
    disks.wait_sectors(vm, 0, 0)
    vm.wait_ended(processes)
    tap.check(not any(path.endswith("disk.img") for path in vm.descriptors()), "the image is still open")


@tap.test("the guest is up")
def boot(vm):
    vm.boot()


for words, load in LOADS.items():
    tap.test(f"unplugged under {words}")(lambda vm, load=load: take_away(vm, [load]))


@tap.test(f"unplugged {ROUNDS} times under all of them at once")
def rounds(vm):
    for _ in range(ROUNDS):
        take_away(vm, LOADS.values())


@tap.test("the disk still works afterwards")
def afterwards(vm):
    digest = images.filled(vm.file("last.img"), SIZE, "last")
    disks.plug(vm.qmp, "last", vm.file("last.img"), 0)
    disks.wait_sectors(vm, 0, SIZE // images.SECTOR)
    tap.check_equal(disks.guest_sha256(vm, 0), digest, "content")
    tap.check_equal(vm.run("dmesg | grep -E 'BUG|Oops|Call Trace|blocked for more'"), (1, ""), "kernel log")


if __name__ == "__main__":
    tap.main(VM)
