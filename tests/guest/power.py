#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stop and cont, reboot and reset with plugged disks, power-off with one still in use."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.vm import VM

SIZE = 2 << 20


def check_disks(vm):
    """Both disks are there, of full size, and hold what they should."""
    for slot in (0, 4):
        disks.wait_sectors(vm, slot, SIZE // images.SECTOR)
        tap.check_equal(disks.guest_sha256(vm, slot), images.sha256(vm.file(f"disk{slot}.img")), f"slot {slot}")
    disks.wait_sectors(vm, 1, 0)


@tap.test("two disks are plugged")
def plug(vm):
    vm.boot()
    for slot in (0, 4):
        images.filled(vm.file(f"disk{slot}.img"), SIZE, slot)
        disks.plug(vm.qmp, f"drive-{slot}", vm.file(f"disk{slot}.img"), slot)
    check_disks(vm)


@tap.test("a stopped guest does nothing until cont")
def stop(vm):
    qmp = vm.qmp
    qmp.execute("stop")
    qmp.event("STOP")
    tap.check_equal(qmp.execute("query-status")["status"], "paused", "status")
    tap.check_equal(qmp.execute("query-status")["running"], False, "running")
    mark = vm.console.mark()
    number = vm.console.post("echo on")
    time.sleep(1)
    tap.check_equal(vm.console.text[mark:], "", "what a stopped guest says")
    qmp.execute("stop")
    qmp.execute("cont")
    qmp.event("RESUME")
    vm.console.wait(f"on\n\n<{number}:0>", 60, mark)
    qmp.execute("cont")
    tap.check_equal(qmp.execute("query-status")["running"], True, "running")
    tap.check_equal([event["event"] for event in qmp.events], [], "events of a stop when stopped, a cont when running")


@tap.test("disks are unplugged and plugged while the guest is stopped")
def stopped_plug(vm):
    vm.qmp.execute("stop")
    disks.unplug(vm.qmp, "drive-4")
    disks.plug(vm.qmp, "drive-4", vm.file("disk4.img"), 4)
    vm.qmp.execute("cont")
    check_disks(vm)
    vm.qmp.events.clear()


@tap.test("after a reboot from inside they are still there")
def reboot(vm):
    mark = vm.console.mark()
    vm.console.post("reboot -f")
    tap.check_equal(vm.qmp.event("RESET")["data"], {"guest": True, "reason": "guest-reset"}, "RESET")
    vm.boot(mark)
    check_disks(vm)


@tap.test("after system_reset they are still there, and can be written, unplugged and plugged")
def reset(vm):
    mark = vm.console.mark()
    vm.qmp.execute("system_reset")
    tap.check_equal(vm.qmp.event("RESET")["data"], {"guest": False, "reason": "host-qmp-system-reset"}, "RESET")
    vm.boot(mark)
    check_disks(vm)
    vm.sh("dd if=/dev/urandom of=/dev/vda bs=64k count=16 conv=fsync")
    disks.unplug(vm.qmp, "drive-4")
    disks.wait_sectors(vm, 4, 0)
    disks.plug(vm.qmp, "drive-4", vm.file("disk4.img"), 4)
    check_disks(vm)


@tap.test("power-off while a disk is written ends the VMM with status 0")
def power_off(vm):
    qmp = vm.qmp
    vm.background("while dd if=/dev/zero of=/dev/vda bs=64k oflag=direct; do :; done")
    vm.console.post("poweroff -f")
    shutdown = qmp.event("SHUTDOWN")
    tap.check_equal(shutdown["data"], {"guest": True, "reason": "guest-shutdown"}, "SHUTDOWN")
    tap.check_equal(vm.wait(), 0, "exit status")


if __name__ == "__main__":
    tap.main(VM)
