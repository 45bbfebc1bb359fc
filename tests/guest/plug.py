#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shortest life of a guest with a disk, for hosts where everything takes long: up, a disk plugged and read, off."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.vm import VM

SIZE = (1 << 20) + images.SECTOR


def fixture():
    return VM()


@tap.test("the stock kernel reaches userland, on its own architecture")
def userland(vm):
    vm.boot()
    tap.note(vm.console.wait(r"userland at [\d.]+ s", 1)[0])
    tap.check_equal(vm.sh("uname -m"), vm.arch, "machine")


@tap.test("a disk is plugged, and the guest reads what the host wrote")
def plug(vm):
    digest = images.filled(vm.file("disk"), SIZE, "plug")
    disks.plug(vm.qmp, "drive-0", vm.file("disk"), 0)
    disks.wait_sectors(vm, 0, SIZE // images.SECTOR)
    tap.check_equal(disks.guest_sha256(vm, 0), digest, "contents")


@tap.test("after a reset the guest comes up again, and the disk is still there")
def reset(vm):
    start = vm.console.mark()
    vm.qmp.execute("system_reset")
    vm.boot(start)
    disks.wait_sectors(vm, 0, SIZE // images.SECTOR)


@tap.test("power-off ends the VMM with status 0")
def power_off(vm):
    vm.console.post("poweroff -f")
    tap.check_equal(vm.qmp.event("SHUTDOWN")["data"], {"guest": True, "reason": "guest-shutdown"}, "SHUTDOWN")
    tap.check_equal(vm.wait(), 0, "exit status")


if __name__ == "__main__":
    tap.main(fixture)
