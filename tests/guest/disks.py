#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Six disks plugged into a running guest: what the host wrote the guest reads, what the guest writes the host reads."""

import contextlib
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.vm import VM

MIB = 1 << 20
SIZES = [MIB + slot * (MIB // 2 + 512) for slot in range(disks.BAY)]  # none alike, most no multiple of a page


def image(vm, slot):
    return vm.file(f"disk{slot}.img")


@tap.test("the bay's six disks are there from the start, and empty; with ACPI there is none")
def empty(vm):
    vm.boot()
    names = [] if vm.finds_devices else [disks.guest_name(vm, slot) for slot in range(disks.BAY)]
    tap.check_equal(vm.sh("ls /sys/block").split(), names, "disks")
    tap.check_equal(vm.sh("cat /sys/block/*/size 2>/dev/null; true").split(), ["0"] * len(names), "sizes")


@tap.test("six disks are plugged and the guest sees each one's size")
def plug(vm):
    for slot, size in enumerate(SIZES):
        images.filled(image(vm, slot), size, slot)
        disks.plug(vm.qmp, f"drive-{slot}", image(vm, slot), slot, direct=None if slot % 2 else False)
    for slot, size in enumerate(SIZES):
        disks.wait_sectors(vm, slot, size // images.SECTOR)


@tap.test("query-block names the six")
def query(vm):
    blocks = {each["device"] or each["qdev"]: each["inserted"]["file"] for each in vm.qmp.execute("query-block")}
    tap.check_equal(blocks, {f"drive-{slot}": image(vm, slot) for slot in range(disks.BAY)}, "query-block")


@tap.test("the guest reads what the host wrote")
def read(vm):
    for slot in range(disks.BAY):
        tap.check_equal(disks.guest_sha256(vm, slot), images.sha256(image(vm, slot)), disks.guest_name(vm, slot))


@tap.test("the host reads what the guest wrote, and no image changed its size")
def write(vm):
    for slot, size in enumerate(SIZES):
        disk = disks.guest_name(vm, slot)
        vm.sh(f"head -c {size} /dev/urandom >/tmp/data && dd if=/tmp/data of=/dev/{disk} bs=64k conv=fsync")
        written = vm.sh("sha256sum </tmp/data; rm /tmp/data").split()[0]
        tap.check_equal(os.path.getsize(image(vm, slot)), size, f"size of {disk}'s image")
        tap.check_equal(images.sha256(image(vm, slot)), written, disk)


@tap.test("single sectors, in and out of order, past the guest's cache")
def sectors(vm):
    wanted = {}
    for sector in (0, 1, 7, 2047, SIZES[0] // images.SECTOR - 1, 8):
        text = f"sector {sector} "
        vm.sh(f"yes '{text}' | head -c 512 >/tmp/s; dd if=/tmp/s of=/dev/vda bs=512 seek={sector} oflag=direct")
        wanted[sector] = ((text + "\n") * 512)[:512].encode()
    with open(image(vm, 0), "rb") as file:
        for sector, data in wanted.items():
            file.seek(sector * images.SECTOR)
            tap.check_equal(file.read(images.SECTOR), data, f"sector {sector}")


@tap.test("discarded sectors read as zeroes, what is around them stays")
def discard(vm):
    vm.sh("dd if=/dev/urandom of=/dev/vdb bs=64k count=4 conv=fsync && blkdiscard -o 65536 -l 131072 /dev/vdb")
    with open(image(vm, 1), "rb") as file:
        pieces = [file.read(65536) for _ in range(4)]
    tap.check_equal([piece.count(0) == len(piece) for piece in pieces], [False, True, True, False], "pieces of zeroes")
    tap.check_equal(disks.guest_sha256(vm, 1), images.sha256(image(vm, 1)), "content as the guest sees it")


@tap.test("a serial number reaches the guest")
def serial(vm):
    vm.qmp.execute("device_del", {"id": "drive-5"})
    vm.qmp.execute("blockdev-add", disks.node("drive-5", image(vm, 5)))
    vm.qmp.execute("device_add", {**disks.device("drive-5", 5), "serial": "tenon-0815"})
    disks.wait_sectors(vm, 5, SIZES[5] // images.SECTOR)
    tap.check_equal(vm.sh("cat /sys/block/vdf/serial"), "tenon-0815", "serial")


@tap.test("a read-only disk is read; writing it fails in the guest and changes nothing")
def read_only(vm):
    disks.unplug(vm.qmp, "drive-3")
    before = images.filled(image(vm, 3), SIZES[3], "read-only")
    disks.plug(vm.qmp, "drive-3", image(vm, 3), 3, read_only=True)
    disks.wait_sectors(vm, 3, SIZES[3] // images.SECTOR)
    tap.check_equal(disks.guest_sha256(vm, 3), before, "content")
    status, output = vm.run("dd if=/dev/zero of=/dev/vdd bs=4k count=4 conv=fsync")
    tap.check(status != 0, f"the guest wrote a read-only disk: {output}")
    tap.check_equal(images.sha256(image(vm, 3)), before, "content after writing")
    tap.check_equal(disks.guest_sha256(vm, 3), before, "content as the guest sees it afterwards")


@contextlib.contextmanager
def small_filesystem(directory, size):
    """A file system of that many bytes; without the right to mount there is none."""
    os.mkdir(directory)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", directory], capture_output=True).returncode:
        raise tap.Skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


@tap.test("what the host has no room for fails in the guest and is told to the monitors, without flooding them")
def no_space(vm):
    with small_filesystem(vm.file("small"), 1 << 20):
        disks.unplug(vm.qmp, "drive-4")
        disks.plug(vm.qmp, "drive-4", images.sparse(vm.file("small/disk"), 8 << 20), 4)
        disks.wait_sectors(vm, 4, (8 << 20) // images.SECTOR)
        vm.qmp.events.clear()
        started = time.monotonic()
        vm.run("for i in 0 1 2 3 4 5 6 7; do dd if=/dev/zero of=/dev/vde bs=64k count=128 conv=fsync; done 2>/dev/null")
        stats = {each["node-name"]: each["stats"] for each in vm.qmp.execute("query-blockstats")}["drive-4"]
        took = time.monotonic() - started
        errors = [event["data"] for event in vm.qmp.events if event["event"] == "BLOCK_IO_ERROR"]
        tap.note(f"{len(errors)} events for {stats['failed_wr_operations']} failed writes in {took:.1f} s")
        wanted = {"device": "", "qom-path": "drive-4", "node-name": "drive-4", "operation": "write", "action": "report", "nospace": True}
        tap.check(errors and {key: errors[0][key] for key in wanted} == wanted, errors)
        tap.check(errors[0]["reason"], "no reason")
        tap.check(len(errors) <= took + 2, f"{len(errors)} events in {took:.1f} s")
        tap.check(stats["failed_wr_operations"] > len(errors), f"{stats['failed_wr_operations']} failed writes")
        disks.unplug(vm.qmp, "drive-4")
    disks.plug(vm.qmp, "drive-4", image(vm, 4), 4)


@tap.test("each is unplugged, its node gone along, and the guest sees a disk of zero sectors")
def unplug(vm):
    for slot in range(disks.BAY):
        disks.unplug(vm.qmp, f"drive-{slot}")
        disks.wait_sectors(vm, slot, 0)
    tap.check_equal(vm.sh("tail -n +3 /proc/partitions"), "", "/proc/partitions")
    tap.check_equal([each for each in vm.qmp.execute("query-block") if each.get("inserted")], [], "query-block")
    tap.check_equal([path for path in vm.descriptors() if path.endswith(".img")], [], "images still open")


@tap.test("reading an empty disk fails at once")
def nothing(vm):
    status, _ = vm.run("dd if=/dev/vda of=/dev/null bs=512 count=1 iflag=direct 2>&1 | grep -q '^1+0'")
    tap.check(status != 0, "a sector was read from an empty slot")


if __name__ == "__main__":
    tap.main(VM)
