#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk's medium changed under the guest: it sees the new size and content, and no request is lost while it writes."""

import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.qmp import expect_error
from harness.vm import VM

SIZE = 4 << 20
BLOCK = 4096
ROUNDS = 10  # between two looks at the guest


def reopen(vm, name, **options):
    vm.qmp.execute("blockdev-reopen", {"options": [disks.node("drive-0", vm.file(name), **options)]})


def change(vm, name, **options):
    vm.qmp.execute("blockdev-change-medium", {"id": "drive-0", "filename": vm.file(name), **options})


def opened(vm):
    return [os.path.basename(path) for path in vm.descriptors() if path.endswith(".img")]


@tap.test("a larger medium, and the smaller one again: size and content")
def sizes(vm):
    vm.boot()
    first, second = (images.filled(vm.file(f"{name}.img"), size, name) for name, size in (("a", SIZE), ("b", 2 * SIZE)))
    disks.plug(vm.qmp, "drive-0", vm.file("a.img"), 1)
    disks.wait_sectors(vm, 1, SIZE // images.SECTOR)
    tap.check_equal(disks.guest_sha256(vm, 1), first, "the first medium")
    reopen(vm, "b.img")
    disks.wait_sectors(vm, 1, 2 * SIZE // images.SECTOR)
    vm.sh("blockdev --flushbufs /dev/vdb")
    tap.check_equal(disks.guest_sha256(vm, 1), second, "the second medium")
    tap.check_equal(set(opened(vm)), {"b.img"}, "images that are open")
    change(vm, "a.img")
    disks.wait_sectors(vm, 1, SIZE // images.SECTOR)
    vm.sh("blockdev --flushbufs /dev/vdb")
    tap.check_equal(disks.guest_sha256(vm, 1), first, "the first medium again")


@tap.test("block_resize: the guest sees a medium grow and shrink")
def resize(vm):
    for size in (3 * SIZE, SIZE):
        vm.qmp.execute("block_resize", {"device": "drive-0", "size": size})
        disks.wait_sectors(vm, 1, size // images.SECTOR)


@tap.test("a medium that cannot be had leaves the disk as it was")
def refused(vm):
    digest = images.sha256(vm.file("a.img"))
    expect_error(change, vm, "missing.img", names=["missing.img"])
    wanted = {"options": [disks.node("drive-0", vm.file("missing.img"), direct=False)]}
    expect_error(vm.qmp.execute, "blockdev-reopen", wanted, names=["missing.img"])
    vm.sh("blockdev --flushbufs /dev/vdb")
    tap.check_equal(disks.guest_sha256(vm, 1), digest, "content")


@tap.test("read-only and writable again")
def read_only(vm):
    change(vm, "a.img", **{"read-only-mode": "read-only"})
    status, _ = vm.run("dd if=/dev/zero of=/dev/vdb bs=4k count=1 oflag=direct")
    tap.check(status != 0, "the guest wrote a read-only medium")
    change(vm, "a.img", **{"read-only-mode": "read-write"})
    vm.sh("dd if=/dev/zero of=/dev/vdb bs=4k count=1 oflag=direct")


@tap.test("changed again and again while the guest writes: every block is in one of the two files")
def load(vm):
    for name in ("a.img", "b.img"):
        images.sparse(vm.file(name), SIZE)
    reopen(vm, "a.img")
    disks.wait_sectors(vm, 1, SIZE // images.SECTOR)
    count = SIZE // BLOCK
    writers = [f"dd if=/tmp/data of=/dev/vdb bs={BLOCK} oflag=direct count={count // 2} skip={part} seek={part}"
               for part in (0, count // 2)]
    vm.sh(f"head -c {SIZE} /dev/urandom | tr '\\0' x >/tmp/data")
    vm.sh("(" + "".join(f"{writer} 2>/tmp/dd{number} & " for number, writer in enumerate(writers))
          + "wait; echo over >/tmp/over) >/dev/null 2>&1 &")
    turn = 0
    while vm.run("test -e /tmp/over")[0]:
        for _ in range(ROUNDS):
            turn += 1
            reopen(vm, "ab"[turn % 2] + ".img", direct=None if turn % 3 else False)
    tap.note(f"changed {turn} times")
    for number in range(len(writers)):
        copied = f"{count // 2}+0 records out"
        tap.check(copied in vm.sh(f"cat /tmp/dd{number}"), f"writer {number}: {vm.sh(f'cat /tmp/dd{number}')}")
    with open(vm.file("a.img"), "rb") as a, open(vm.file("b.img"), "rb") as b:
        pieces = [(a.read(BLOCK), b.read(BLOCK)) for _ in range(count)]
    both = [sum(any(piece) for piece in pair) for pair in pieces]
    tap.check_equal(both.count(1), count, "blocks that are in one file")
    tap.note(f"{sum(any(a) for a, _ in pieces)} of {count} blocks are in the first file")
    written = hashlib.sha256(b"".join(a if any(a) else b for a, b in pieces)).hexdigest()
    tap.check_equal(written, vm.sh("sha256sum </tmp/data").split()[0], "content")
    disks.unplug(vm.qmp, "drive-0")
    tap.check_equal(opened(vm), [], "open images after unplugging")


if __name__ == "__main__":
    tap.main(VM)
