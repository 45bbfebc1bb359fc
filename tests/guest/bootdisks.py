#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Disks of the command line: they are there at boot, one read-only by negotiation, and go like the plugged ones."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.qmp import expect_error
from harness.vm import VM

SIZE = 1 << 20


def fixture():
    vm = VM("-S")
    images.filled(vm.file("one.img"), SIZE, "one")
    images.filled(vm.file("two.img"), 2 * SIZE, "two")
    vm.arguments += ["-drive", f"file={vm.file('one.img')},id=one,if=none,format=raw,readonly=on"]
    vm.arguments += ["-device", "virtio-blk-device,drive=one,id=one"]
    vm.arguments += ["-blockdev", f"file,node-name=two,filename={vm.file('two.img')}"]
    vm.arguments += ["-device", "virtio-blk-mmio,drive=two,id=disk-two,addr=0x1"]
    return vm


@tap.test("with -S nothing runs before cont")
def paused(vm):
    tap.check_equal(vm.qmp.execute("query-status")["status"], "prelaunch", "status")
    tap.check_equal(vm.console.text, "", "console")
    vm.qmp.execute("cont")
    vm.boot()


@tap.test("the guest has both disks")
def there(vm):
    for slot, name in enumerate(("one", "two")):
        tap.check_equal(disks.guest_sha256(vm, slot), images.sha256(vm.file(f"{name}.img")), name)


@tap.test("the driver knows that the read-only one is")
def read_only(vm):
    tap.check_equal(vm.sh("cat /sys/block/vda/ro /sys/block/vdb/ro"), "1\n0", "read-only")
    before = images.sha256(vm.file("one.img"))
    tap.check(vm.run("dd if=/dev/zero of=/dev/vda bs=4k count=1 conv=fsync")[0] != 0, "a read-only disk was written")
    tap.check_equal(images.sha256(vm.file("one.img")), before, "content")


@tap.test("they count among the six")
def six(vm):
    images.sparse(vm.file("third.img"), SIZE)
    vm.qmp.execute("blockdev-add", disks.node("third", vm.file("third.img")))
    expect_error(vm.qmp.execute, "device_add", disks.device("third", 0), names=["one"])
    vm.qmp.execute("device_add", {"id": "third", "driver": "virtio-blk-mmio"})
    disks.wait_sectors(vm, 2, SIZE // images.SECTOR)
    disks.unplug(vm.qmp, "third")


@tap.test("one is unplugged; its node, of another name, stays and serves again")
def unplug(vm):
    disks.unplug(vm.qmp, "disk-two")
    disks.wait_sectors(vm, 1, 0)
    vm.qmp.execute("device_add", {**disks.device("again", 4), "drive": "two"})
    disks.wait_sectors(vm, 4, 2 * SIZE // images.SECTOR)
    tap.check_equal(disks.guest_sha256(vm, 4), images.sha256(vm.file("two.img")), "content")


@tap.test("SIGTERM ends the VMM with status 0")
def terminate(vm):
    vm.process.send_signal(signal.SIGTERM)
    tap.check_equal(vm.qmp.event("SHUTDOWN")["data"], {"guest": False, "reason": "host-signal"}, "SHUTDOWN")
    tap.check_equal(vm.wait(), 0, "exit status")


if __name__ == "__main__":
    tap.main(fixture)
