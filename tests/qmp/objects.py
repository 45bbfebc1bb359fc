#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Objects that devices share, what types there are, and nodes that change while a device uses them."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.qmp import expect_error
from harness.vm import VM

SIZE = 1 << 20


def fixture():
    return VM(idle=True)


def nodes(vm):
    return {each["node-name"]: each for each in vm.qmp.execute("query-named-block-nodes")}


@tap.test("an iothread serves the devices that name it, and stays as long as they use it")
def iothreads(vm):
    tap.check_equal(vm.qmp.execute("query-iothreads"), [], "iothreads")
    before = vm.threads()
    vm.qmp.execute("object-add", {"qom-type": "iothread", "id": "io0"})
    thread, = vm.qmp.execute("query-iothreads")
    tap.check_equal(thread["id"], "io0", "name")
    tap.check(os.path.isdir(f"/proc/{vm.pid}/task/{thread['thread-id']}"), f"no thread {thread['thread-id']}")
    expect_error(vm.qmp.execute, "object-add", {"qom-type": "iothread", "id": "io0"}, names=["io0"])
    with_thread = vm.threads()
    for slot in range(2):
        images.sparse(vm.file(f"{slot}.img"), SIZE)
        vm.qmp.execute("blockdev-add", disks.node(f"d{slot}", vm.file(f"{slot}.img")))
        expect_error(vm.qmp.execute, "device_add", {**disks.device(f"d{slot}", slot), "iothread": "io1"}, names=["io1"])
        vm.qmp.execute("device_add", {**disks.device(f"d{slot}", slot), "iothread": "io0"})
    grown = [name for name in set(vm.threads()) - set(with_thread) if name.startswith("d")]
    tap.check_equal(grown, [], "threads of the devices' own")
    expect_error(vm.qmp.execute, "object-del", {"id": "io0"}, names=["io0", "in use"])
    for slot in range(2):
        disks.unplug(vm.qmp, f"d{slot}")
    vm.qmp.execute("object-del", {"id": "io0"})
    tap.check_equal(vm.qmp.execute("query-iothreads"), [], "iothreads")
    expect_error(vm.qmp.execute, "object-del", {"id": "io0"}, names=["io0", "not found"])
    tap.check(set(vm.threads()) <= set(before) | {"block-open"}, f"{vm.threads()} after {before}")


@tap.test("a source of random bytes is a character device")
def random_bytes(vm):
    vm.qmp.execute("object-add", {"qom-type": "rng-random", "id": "rng0", "filename": "/dev/urandom"})
    vm.qmp.execute("object-del", {"id": "rng0"})
    for options, name in (({"filename": "/nonexistent"}, "/nonexistent"), ({"filename": vm.directory}, vm.directory),
                          ({"bogus": 1}, "bogus"), ({"filename": 1}, "filename")):
        expect_error(vm.qmp.execute, "object-add", {"qom-type": "rng-random", "id": "rng0", **options}, names=[name])
    expect_error(vm.qmp.execute, "object-add", {"qom-type": "iothread", "id": "x", "filename": "/dev/null"}, names=["filename"])


@tap.test("types are listed by their plugins' files; a driver's properties by its table")
def types(vm):
    names = [each["name"] for each in vm.qmp.execute("qom-list-types", {"implements": "device"})]
    tap.check("virtio-blk" in names and "virtio-blk-device" in names and "iothread" not in names, names)
    names = [each["name"] for each in vm.qmp.execute("qom-list-types")]
    tap.check("iothread" in names and "rng-random" in names, names)
    for driver in ("virtio-blk", "virtio-blk-device", "virtio-blk-mmio"):
        properties = {each["name"]: each for each in vm.qmp.execute("device-list-properties", {"typename": driver})}
        tap.check_equal(properties["drive"]["type"], "str", f"drive of {driver}")
    expect_error(vm.qmp.execute, "device-list-properties", {"typename": "nonesuch"}, names=["nonesuch"])


@tap.test("block_resize changes the image and what is told of it, by node or by device")
def resize(vm):
    images.sparse(vm.file("size.img"), SIZE)
    disks.plug(vm.qmp, "sized", vm.file("size.img"), 0)
    for arguments, size in (({"node-name": "sized"}, 2 * SIZE), ({"device": "sized"}, 512)):
        vm.qmp.execute("block_resize", {**arguments, "size": size})
        tap.check_equal(os.path.getsize(vm.file("size.img")), size, "the file's size")
        tap.check_equal(nodes(vm)["sized"]["image"]["virtual-size"], size, "the node's size")
    for size in (0, 1, 513):
        expect_error(vm.qmp.execute, "block_resize", {"node-name": "sized", "size": size}, names=["size"])
    expect_error(vm.qmp.execute, "block_resize", {"node-name": "nonesuch", "size": 512}, names=["nonesuch"])
    expect_error(vm.qmp.execute, "block_resize", {"device": "nonesuch", "size": 512}, kind="DeviceNotFound",
                 names=["nonesuch"])
    expect_error(vm.qmp.execute, "block_resize", {"size": 512}, names=["node-name"])
    tap.check_equal(os.path.getsize(vm.file("size.img")), 512, "the file's size after refusals")
    disks.unplug(vm.qmp, "sized")


@tap.test("blockdev-reopen replaces the nodes' options, of all or of none, whether a device uses them or not")
def reopen(vm):
    for name in ("one", "two", "three"):
        images.sparse(vm.file(f"{name}.img"), SIZE)
    disks.plug(vm.qmp, "one", vm.file("one.img"), 0)
    vm.qmp.execute("blockdev-add", disks.node("two", vm.file("two.img"), read_only=True))
    one, two, three = (disks.node(node, vm.file(f"{name}.img")) for node, name in
                       (("one", "three"), ("two", "two"), ("two", "missing")))
    before = vm.qmp.execute("query-named-block-nodes")
    for bad, names in ((three, ["missing.img"]), ({**two, "node-name": "nonesuch"}, ["nonesuch"]), (one, ["one"]),
                       ({**two, "bogus": 1}, ["options[1].bogus"]), ({"node-name": "two"}, ["options[1].file"])):
        expect_error(vm.qmp.execute, "blockdev-reopen", {"options": [one, bad]}, names=names)
    tap.check_equal(vm.qmp.execute("query-named-block-nodes"), before, "nodes after refusals")
    vm.qmp.execute("blockdev-reopen", {"options": [one, two]})
    tap.check_equal([nodes(vm)[each]["ro"] for each in ("one", "two")], [False, False], "read-only")
    used, = vm.qmp.execute("query-block")
    tap.check_equal(used["inserted"]["file"], vm.file("three.img"), "the disk's file")
    change = {"filename": vm.file("one.img"), "read-only-mode": "read-only"}
    for arguments, name in (({}, "id"), ({"id": "one", "device": "one"}, "id"), ({"id": "one", "format": "qcow2"}, "qcow2")):
        expect_error(vm.qmp.execute, "blockdev-change-medium", {**change, **arguments}, names=[name])
    expect_error(vm.qmp.execute, "blockdev-change-medium", {**change, "id": "nonesuch"}, kind="DeviceNotFound",
                 names=["nonesuch"])
    vm.qmp.execute("blockdev-change-medium", {**change, "device": "one"})
    tap.check_equal((nodes(vm)["one"]["ro"], nodes(vm)["one"]["file"]), (True, vm.file("one.img")), "the node")
    disks.unplug(vm.qmp, "one")
    vm.qmp.execute("blockdev-del", {"node-name": "two"})
    tap.check_equal([path for path in vm.descriptors() if path.endswith(".img")], [], "open images")


if __name__ == "__main__":
    tap.main(fixture)
