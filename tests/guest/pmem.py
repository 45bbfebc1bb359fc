#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files as persistent memory of a stock guest: mounted with DAX, run from, flushed, kept over upgrades, let go, read-only."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, plugins, tap
from harness.qmp import expect_error

SIZE = 64 << 20
GENERIC = 8  # the first generic slot
BOUND = "/sys/bus/platform/drivers/virtio-mmio"


def fixture():
    return plugins.vm_with("virtio-pmem", harts=2)


def add_node(vm, name, path, **options):
    vm.qmp.execute("blockdev-add", {"driver": "file", "node-name": name, "filename": path, **options})


def add_device(vm, name):
    vm.qmp.execute("device_add", {"driver": "virtio-pmem", "id": name, "drive": name})


def load(vm):
    """The drivers that a stock system loads by itself; the file system is a part of some kernels."""
    vm.sh("modprobe -a virtio_pmem nd_pmem; modprobe -aq ext4 crc32c_generic || true")


def flushes(vm):
    (stats,) = [each["stats"] for each in vm.qmp.execute("query-blockstats") if each["node-name"] == "store"]
    return stats["flush_operations"]


def unbind(vm):
    vm.sh(f"echo {vm.slot(GENERIC)} >{BOUND}/unbind; ! [ -e /dev/pmem0 ]")


@tap.test("what cannot be memory is refused")
def refused(vm):
    vm.qmp.execute("blockdev-add", {"driver": "null-co", "node-name": "null", "size": SIZE})
    expect_error(vm.qmp.execute, "device_add", {"driver": "virtio-pmem", "id": "p", "drive": "null"}, names=["null-co"])
    add_node(vm, "odd", images.sparse(vm.file("odd.img"), (2 << 20) + 4096))
    expect_error(vm.qmp.execute, "device_add", {"driver": "virtio-pmem", "id": "p", "drive": "odd"}, names=["2 MiB"])
    add_node(vm, "huge", images.sparse(vm.file("huge.img"), 64 << 30), **{"read-only": True})
    expect_error(vm.qmp.execute, "device_add", {"driver": "virtio-pmem", "id": "p", "drive": "huge"}, names=["no room"])
    for name in ("null", "odd", "huge"):
        vm.qmp.execute("blockdev-del", {"node-name": name})


@tap.test("a file plugged into a running guest is a device there, with that content, its space on disk taken")
def plugged(vm):
    vm.boot()
    image = images.sparse(vm.file("store.img"), SIZE)
    subprocess.run(["mkfs.ext4", "-q", "-b", "4096", "-F", image], check=True)
    add_node(vm, "store", image)
    add_device(vm, "store")
    tap.check(os.stat(image).st_blocks * 512 >= SIZE, "the file has holes")
    load(vm)
    if not vm.finds_devices:
        vm.sh(f"echo {vm.slot(GENERIC)} > {BOUND}/bind")
    vm.sh("until [ -b /dev/pmem0 ]; do sleep 0.1; done")
    tap.check_equal(vm.sh("sha256sum /dev/pmem0").split()[0], images.sha256(image), "content")


@tap.test("the guest mounts it with DAX, runs a program from it and flushes; what it stored is in the file")
def used(vm):
    vm.sh("mount -t ext4 -o dax /dev/pmem0 /mnt")
    tap.check("dax" in vm.sh("grep pmem0 /proc/mounts"), "mounted without DAX")
    before = flushes(vm)
    vm.sh("cp /bin/busybox /mnt/ && /mnt/busybox sync")
    tap.check(flushes(vm) > before, "no flush reached the block node")
    tap.check_equal(vm.sh("/mnt/busybox sh -c 'echo $((6 * 7))'").strip(), "42", "answer of a program run from it")
    vm.sh("umount /mnt")
    tap.check_equal(vm.sh("sha256sum /dev/pmem0").split()[0], images.sha256(vm.file("store.img")), "content")


@tap.test("while it is there its file stays, and while the guest's driver uses it the device does")
def pinned(vm):
    vm.sh("mount -t ext4 -o dax /dev/pmem0 /mnt")
    expect_error(vm.qmp.execute, "block_resize", {"node-name": "store", "size": SIZE // 2}, names=["memory of the guest"])
    reopened = {"driver": "file", "node-name": "store", "filename": vm.file("odd.img")}
    expect_error(vm.qmp.execute, "blockdev-reopen", {"options": [reopened]}, names=["memory of the guest"])
    for _ in range(2):
        expect_error(vm.qmp.execute, "device_del", {"id": "store"}, names=["'store'", "unbind"])
    vm.qmp.execute("stop")
    expect_error(vm.qmp.execute, "device_del", {"id": "store"}, names=["'store'", "unbind"])
    vm.qmp.execute("cont")
    vm.sh("/mnt/busybox sync")


@tap.test("its plugin is upgraded under it, and the memory stays where it is")
def upgraded(vm):
    with open(plugins.built("virtio-pmem"), "rb") as file:
        plugins.put(vm.plugins, "virtio-pmem", file.read() + b"another build")
    process = vm.background("i=0; while [ $i -lt 40 ]; do /mnt/busybox dd if=/dev/zero of=/mnt/f bs=64k count=4 conv=fsync || exit; i=$((i+1)); done; echo $i >/tmp/rounds")
    answer = vm.qmp.execute("plugin-upgrade", {"name": "virtio-pmem"})
    tap.check_equal((answer["status"], answer["devices"]), ("completed", 1), "upgrade")
    tap.note(f"pause: {answer['pause-us']} us")
    vm.wait_ended([process])
    tap.check_equal(vm.sh("cat /tmp/rounds").strip(), "40", "rounds of writing and flushing")


@tap.test("let go by the guest, it is unplugged; nothing is left of it")
def unplugged(vm):
    vm.sh("umount /mnt")
    unbind(vm)
    vm.qmp.execute("device_del", {"id": "store"})
    tap.check_equal(vm.qmp.event("DEVICE_DELETED")["data"]["device"], "store", "device of the event")
    with open(f"/proc/{vm.pid}/maps", encoding="ascii") as file:
        tap.check("store.img" not in file.read(), "the file is mapped still")
    subprocess.run(["e2fsck", "-fn", vm.file("store.img")], check=True, capture_output=True)


@tap.test("a read-only file stays as it is, whatever the guest writes to its memory; the next plug shows it anew")
def read_only(vm):
    digest = images.filled(vm.file("ro.img"), SIZE, "read-only")
    for _ in range(2):
        add_node(vm, "ro", vm.file("ro.img"), **{"read-only": True})  # it goes with the device of its name
        add_device(vm, "ro")
        vm.sh(f"echo {vm.slot(GENERIC)} > {BOUND}/bind; until [ -b /dev/pmem0 ]; do sleep 0.1; done")
        tap.check_equal(vm.sh("sha256sum /dev/pmem0").split()[0], digest, "content")
        vm.sh("dd if=/dev/zero of=/dev/pmem0 bs=1M count=8 conv=fsync 2>/dev/null")
        tap.check(vm.sh("sha256sum /dev/pmem0").split()[0] != digest, "the guest does not see what it wrote")
        tap.check_equal(images.sha256(vm.file("ro.img")), digest, "the file")
        unbind(vm)
        vm.qmp.execute("device_del", {"id": "ro"})


@tap.test("a guest that is reset finds it again; the end of the VM waits for nobody to let it go")
def restarted(vm):
    add_node(vm, "store", vm.file("store.img"))
    add_device(vm, "store")
    start = vm.console.mark()
    vm.qmp.execute("system_reset")
    vm.boot(start)
    load(vm)
    vm.sh("until [ -b /dev/pmem0 ]; do sleep 0.1; done; mount -t ext4 -o dax /dev/pmem0 /mnt")
    tap.check_equal(vm.sh("/mnt/busybox sh -c 'echo $((6 * 7))'").strip(), "42", "answer of a program run from it")


if __name__ == "__main__":
    tap.main(fixture)
