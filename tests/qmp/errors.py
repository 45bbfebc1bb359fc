#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every way in which a plug, an unplug or a node can be refused: the error names the thing, and nothing has changed."""

import contextlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.qmp import expect_error
from harness.vm import BUILD, VM

SIZE = 1 << 20

# Root may open anything: these capabilities are taken away so that a mode of 000 means something.
UNPRIVILEGED = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def fixture():
    """A VM without a guest, a plugin directory of its own, and one disk ("used", at 0x1) that must survive everything."""
    with tempfile.TemporaryDirectory(prefix="mortise-plugins.") as plugins:
        shutil.copy(os.path.join(BUILD, "plugins/.libs/virtio-blk.so"), plugins)
        os.chmod(os.path.join(plugins, "virtio-blk.so"), 0o644)
        with VM(idle=True, plugin_dir=plugins, wrapper=UNPRIVILEGED) as vm:
            vm.plugins = plugins
            for name in ("used", "free", "other"):
                images.sparse(vm.file(f"{name}.img"), SIZE)
            disks.plug(vm.qmp, "used", vm.file("used.img"), 1)
            vm.qmp.execute("blockdev-add", disks.node("free", vm.file("free.img")))
            yield vm


def state(vm):
    """All that a refused command could have changed."""
    return vm.qmp.execute("query-block"), vm.descriptors(), vm.threads()


def refused(vm, command, arguments, *names, kind="GenericError"):
    """The command fails with that class, its words name the things, and afterwards all is as it was."""
    before = state(vm)
    vm.qmp.events.clear()
    words = expect_error(vm.qmp.execute, command, arguments, kind=kind, names=names)
    tap.note(words)
    tap.check_equal(state(vm), before, "state after a refused command")
    tap.check_equal(vm.qmp.events, [], "events of a refused command")


def other_node(vm, **file):
    """blockdev-add's arguments for a new node "other"; the keywords go over its "file" member."""
    node = disks.node("other", vm.file("other.img"))
    node["file"].update(file)
    return node


def other_device(**changes):
    """device_add's arguments for the node "free"; the keywords replace or, if None, remove some."""
    device = {**disks.device("free", 2), **changes}
    return {key: value for key, value in device.items() if value is not None}


@tap.test("duplicate node-name")
def duplicate_node(vm):
    refused(vm, "blockdev-add", disks.node("used", vm.file("other.img")), "used")


@tap.test("duplicate device id")
def duplicate_id(vm):
    refused(vm, "device_add", other_device(id="used", drive="free"), "used")


@tap.test("slot occupied")
def occupied(vm):
    refused(vm, "device_add", other_device(addr="0x1"), "1", "used")


@tap.test("addr beyond the bay")
def beyond(vm):
    for addr in ("0x6", "6", "99"):
        refused(vm, "device_add", other_device(addr=addr), hex(int(addr, 0)))
    refused(vm, "device_add", other_device(addr="0xffffffffffffffffff"), "0xffffffffffffffffff")
    refused(vm, "device_add", other_device(addr=None, lun=5), "0x6")
    refused(vm, "device_add", other_device(addr=None, lun=2**32 - 1))
    refused(vm, "device_add", other_device(addr=None, lun=2**64 - 1))


@tap.test("addr that is no number")
def no_number(vm):
    for addr in ("", "0x", "one", "1 ", "-1", "0x1g", "1.5"):
        refused(vm, "device_add", other_device(addr=addr), "addr")


@tap.test("unknown driver, and what no driver can be called")
def driver(vm):
    refused(vm, "device_add", other_device(driver="virtio-nonesuch-mmio"), "virtio-nonesuch")
    for name in ("../virtio-blk", "/bin/sh", "virtio-blk.so", "", "Virtio-Blk", "a" * 5000):
        refused(vm, "device_add", other_device(driver=name))


@tap.test("a plugin file that is broken, of another kind, or a directory")
def broken_plugin(vm):
    def place(name, make):
        path = os.path.join(vm.plugins, f"{name}.so")
        make(path)
        refused(vm, "device_add", other_device(driver=name), name)
        os.rmdir(path) if os.path.isdir(path) else os.remove(path)

    def write(data):
        def make(path):
            with open(path, "wb") as file:
                file.write(data)
            os.chmod(path, 0o644)

        return make

    place("empty", write(b""))
    place("text", write(b"not a shared object\n" * 100))
    with open(os.path.join(BUILD, "plugins/.libs/virtio-blk.so"), "rb") as file:
        place("truncated", write(file.read(3000)))
    place("directory", os.mkdir)
    place("fifo", os.mkfifo)
    place("dangling", lambda path: os.symlink("/nonexistent/plugin.so", path))


@tap.test("a plugin file that others could have written")
def writable_plugin(vm):
    path = os.path.join(vm.plugins, "loose.so")
    for mode in (0o646, 0o664):
        shutil.copy(os.path.join(vm.plugins, "virtio-blk.so"), path)
        os.chmod(path, mode)
        refused(vm, "device_add", other_device(driver="loose"), "loose")
    os.remove(path)


@tap.test("a plugin of another ABI, and one that belongs to somebody else")
def foreign_plugin(vm):
    path = os.path.join(vm.plugins, "foreign.so")
    shutil.copy(os.path.join(vm.plugins, "virtio-blk.so"), path)
    with open(path, "r+b") as file:
        data = file.read()
        # struct mortise_plugin: magic, size, abi_major, abi_minor
        at, = [each.start() for each in re.finditer(struct.pack("<I", 0x4D525453), data) if data[each.start() + 8] == 1]
        file.seek(at + 8)
        file.write(struct.pack("<H", 2))
    expect_error(vm.qmp.execute, "device_add", other_device(driver="foreign"))  # what was mapped stays mapped
    refused(vm, "device_add", other_device(driver="foreign"), "foreign", "ABI")
    os.remove(path)
    if os.geteuid() != 0:
        raise tap.Skip("only root can give a file away")
    shutil.copy(os.path.join(vm.plugins, "virtio-blk.so"), path)
    os.chown(path, 65534, -1)
    refused(vm, "device_add", other_device(driver="foreign"), path, "65534")
    os.remove(path)


@tap.test("a node of the wrong kind")
def wrong_kind(vm):
    shutil.copy(os.path.join(BUILD, "plugins/.libs/virtio-net.so"), vm.plugins)
    os.chmod(os.path.join(vm.plugins, "virtio-net.so"), 0o644)
    vm.qmp.execute("netdev_add", {"type": "dgram", "id": "net0", "local": {"type": "unix", "path": vm.file("net0")},
                                  "remote": {"type": "unix", "path": vm.file("peer")}})
    refused(vm, "device_add", other_device(drive="net0"), "net0")
    expect_error(vm.qmp.execute, "device_add", {"driver": "virtio-net", "id": "nic", "bogus": 1})  # it is loaded
    refused(vm, "device_add", {"driver": "virtio-net", "id": "nic", "netdev": "free"}, "free")
    refused(vm, "blockdev-del", {"node-name": "net0"}, "net0")
    refused(vm, "netdev_del", {"id": "free"}, "free", kind="DeviceNotFound")
    vm.qmp.execute("netdev_del", {"id": "net0"})


@tap.test("no such node")
def no_node(vm):
    refused(vm, "device_add", other_device(id="nobody"), "nobody")
    refused(vm, "device_add", other_device(drive="nobody"), "nobody")
    refused(vm, "blockdev-del", {"node-name": "nobody"}, "nobody")


@tap.test("no such device")
def no_device(vm):
    refused(vm, "device_del", {"id": "nobody"}, "nobody", kind="DeviceNotFound")


@tap.test("node in use")
def in_use(vm):
    refused(vm, "device_add", other_device(id="second", drive="used"), "used")
    refused(vm, "blockdev-del", {"node-name": "used"}, "used")


@tap.test("missing file, directory, special file, no permission")
def files(vm):
    refused(vm, "blockdev-add", other_node(vm, filename="/nonexistent/disk.img"), "/nonexistent/disk.img", "No such file")
    refused(vm, "blockdev-add", other_node(vm, filename=vm.directory), vm.directory)
    refused(vm, "blockdev-add", other_node(vm, filename="/dev/null"), "/dev/null")
    refused(vm, "blockdev-add", other_node(vm, filename=""))
    os.mkfifo(vm.file("fifo"))
    refused(vm, "blockdev-add", other_node(vm, filename=vm.file("fifo")), vm.file("fifo"))
    images.sparse(vm.file("closed.img"), SIZE)
    os.chmod(vm.file("closed.img"), 0)
    refused(vm, "blockdev-add", other_node(vm, filename=vm.file("closed.img")), "closed.img", "Permission denied")


@tap.test("an image that is in use by the same VM, by another, or by QEMU")
def locked(vm):
    refused(vm, "blockdev-add", other_node(vm, filename=vm.file("used.img")), "used.img")
    with VM(idle=True) as second:
        second.qmp.execute("query-status")
        before = second.descriptors()
        expect_error(second.qmp.execute, "blockdev-add", disks.node("used", vm.file("used.img")), names=["used.img"])
        tap.check_equal(second.descriptors(), before, "open files")
        disks.plug(second.qmp, "theirs", vm.file("other.img"), 0)
        refused(vm, "blockdev-add", other_node(vm), "other.img")
        disks.unplug(second.qmp, "theirs")
    if not shutil.which("qemu-io"):
        raise tap.Skip("QEMU's part: no qemu-io")
    command = ["qemu-io", "-f", "raw", vm.file("other.img")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as qemu:
        qemu.stdin.write(b"length\n")
        qemu.stdin.flush()
        qemu.stdout.readline()  # it has opened the image
        refused(vm, "blockdev-add", other_node(vm), "other.img")
        qemu.communicate(b"quit\n")
    refusal = subprocess.run(["qemu-io", "-f", "raw", "-c", "length", vm.file("used.img")], capture_output=True, text=True)
    tap.check("lock" in refusal.stderr, f"QEMU opened an image in use: {refusal.stdout}{refusal.stderr}")


@tap.test("a size that is no multiple of 512")
def size(vm):
    images.sparse(vm.file("odd.img"), 1000)
    refused(vm, "blockdev-add", other_node(vm, filename=vm.file("odd.img")), "odd.img", "512")


@tap.test("unknown and missing arguments")
def arguments(vm):
    refused(vm, "blockdev-add", {**other_node(vm), "bogus": 1}, "bogus")
    refused(vm, "blockdev-add", other_node(vm, bogus=1), "bogus")
    refused(vm, "device_add", other_device(bogus="x"), "bogus")
    refused(vm, "device_del", {"id": "used", "bogus": 1}, "bogus")
    refused(vm, "stop", {"bogus": 1}, "bogus")
    tap.check_equal(vm.qmp.execute("query-status")["status"], "running", "status after a refused stop")
    refused(vm, "blockdev-add", {"node-name": "other"}, "file")
    refused(vm, "blockdev-add", {"file": {"driver": "file"}, "node-name": "other"}, "filename")
    refused(vm, "device_add", other_device(driver=None), "driver")
    refused(vm, "device_del", {}, "id")


@tap.test("arguments of the wrong type")
def types(vm):
    refused(vm, "blockdev-add", {**other_node(vm), "read-only": "yes"}, "read-only")
    refused(vm, "blockdev-add", {**other_node(vm), "cache": True}, "cache")
    refused(vm, "blockdev-add", {**other_node(vm), "node-name": 1}, "node-name")
    refused(vm, "blockdev-add", other_node(vm, driver="nonesuch"), "nonesuch")
    refused(vm, "device_add", other_device(driver=1), "driver")
    refused(vm, "device_add", other_device(addr=1.5), "addr")
    refused(vm, "device_add", other_device(addr=None, lun="one"), "lun")
    refused(vm, "device_add", other_device(addr=None, lun=-1), "lun")
    refused(vm, "device_del", {"id": ["used"]}, "id")


@tap.test("unknown command")
def command(vm):
    refused(vm, "nonesuch", None, "nonesuch", kind="CommandNotFound")


@tap.test("after all of that the free node is plugged in the slot that was refused, and unplugged")
def works(vm):
    vm.qmp.execute("device_add", disks.device("free", 2))
    disks.unplug(vm.qmp, "free")
    disks.plug(vm.qmp, "other", vm.file("other.img"), 2)
    disks.unplug(vm.qmp, "other")
    disks.unplug(vm.qmp, "used")


if __name__ == "__main__":
    tap.main(fixture)
