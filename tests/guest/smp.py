#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two harts: both work, they signal each other, one can be stopped and started, and disks serve both."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.vm import VM

SIZE = 4 << 20


def fixture():
    return VM(harts=2)


@tap.test("the guest has two harts")
def harts(vm):
    vm.boot()
    tap.check_equal(vm.sh("nproc"), "2", "nproc")
    tap.check_equal(vm.sh("grep -c ^processor /proc/cpuinfo"), "2", "/proc/cpuinfo")


@tap.test("each of them runs programs")
def pinned(vm):
    for hart in (0, 1):
        tap.check_equal(vm.sh(f"taskset {1 << hart} sh -c 'cut -d\" \" -f39 /proc/self/stat'"), str(hart), "hart")


@tap.test("both at once compute the same")
def parallel(vm):
    vm.sh("head -c 1000000 /dev/urandom >/tmp/data")
    hashes = vm.sh(
        "for hart in 1 2 1 2; do taskset $hart sha256sum </tmp/data >/tmp/sum.$hart.$((n = n + 1)) & done; wait; cat /tmp/sum.*"
    ).split()
    tap.check_equal(len(set(hashes) - {"-"}), 1, "different sums of one file")


@tap.test("pages are shared, unmapped and copied between the harts")
def pages(vm):
    pipes = "seq 1 3000 | taskset 2 cat | taskset 1 sort -n | taskset 2 md5sum"
    tap.check_equal(len(set(vm.sh(f"for n in 1 2 3 4 5 6 7 8; do {pipes}; done").splitlines())), 1, "sums")


@tap.test("a hart is taken offline and online again")
def hotplug(vm):
    online = "/sys/devices/system/cpu/cpu1/online"
    for _ in range(3):
        vm.sh(f"echo 0 >{online}")
        tap.check_equal(vm.sh("nproc"), "1", "nproc")
        vm.sh(f"echo 1 >{online}")
        tap.check_equal(vm.sh("nproc"), "2", "nproc")
    tap.check_equal(vm.sh("taskset 2 echo here"), "here", "hart 1")


@tap.test("both harts use one disk, and another is plugged and unplugged meanwhile")
def disk(vm):
    images.sparse(vm.file("disk.img"), SIZE)
    images.sparse(vm.file("other.img"), SIZE)
    disks.plug(vm.qmp, "drive-0", vm.file("disk.img"), 0)
    disks.wait_sectors(vm, 0, SIZE // images.SECTOR)
    half = SIZE // 2 // 65536
    vm.sh(f"head -c {SIZE} /dev/urandom >/tmp/data")
    processes = []
    for hart in (0, 1):
        copy = f"taskset {1 << hart} dd if=/tmp/data of=/dev/vda bs=64k count={half} skip={hart * half} seek={hart * half}"
        processes.append(vm.background(f"for n in 1 2 3 4 5 6 7 8; do {copy} oflag=direct || touch /tmp/failed; done"))
    for _ in range(10):
        disks.plug(vm.qmp, "drive-1", vm.file("other.img"), 1)
        disks.wait_sectors(vm, 1, SIZE // images.SECTOR)
        disks.unplug(vm.qmp, "drive-1")
        disks.wait_sectors(vm, 1, 0)
    vm.wait_ended(processes)
    vm.sh("! [ -e /tmp/failed ]")
    tap.check_equal(images.sha256(vm.file("disk.img")), vm.sh("sha256sum </tmp/data").split()[0], "content")


@tap.test("a reset brings both back")
def reset(vm):
    mark = vm.console.mark()
    vm.qmp.execute("system_reset")
    vm.boot(mark)
    tap.check_equal(vm.sh("nproc"), "2", "nproc")


@tap.test("the kernel found nothing to complain about")
def quiet(vm):
    trouble = vm.run("dmesg | grep -E 'BUG|Oops|WARNING|Call Trace|stall|unhandled|soft lockup'")
    tap.check_equal(trouble, (1, ""), "kernel log")


if __name__ == "__main__":
    tap.main(fixture)
