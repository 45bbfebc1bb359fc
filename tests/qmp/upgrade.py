#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins are upgraded while their devices are plugged: what is told, what is refused, and that nothing is lost by it."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, plugins, tap
from harness.qmp import expect_error

SIZE = 1 << 20


def fixture():
    return plugins.vm_with("virtio-blk", "virtio-net", options=["-S"], idle=True)


def upgrade(vm, source, name="virtio-blk"):
    plugins.put(vm.plugins, name, plugins.built(source))
    return vm.qmp.execute("plugin-upgrade", {"name": name})


def refused(vm, source, names, name="virtio-blk"):
    """The upgrade fails, an event and the query say why, and the devices are of the version that they had."""
    before = versions(vm)
    if source:
        plugins.put(vm.plugins, name, source if isinstance(source, bytes) else plugins.built(source))
    vm.qmp.events.clear()
    words = expect_error(vm.qmp.execute, "plugin-upgrade", {"name": name}, names=names)
    tap.check_equal(vm.qmp.event("PLUGIN_UPGRADE_FAILED")["data"]["error"], words, "the event's words")
    last = vm.qmp.execute("query-plugin-upgrade")
    tap.check_equal((last["status"], last["error"]), ("failed", words), "query-plugin-upgrade")
    tap.check_equal(versions(vm), before, "versions")


def versions(vm):
    """The devices of each version of each plugin."""
    return {(each["name"], each["version"], each["current"]): each["devices"] for each in vm.qmp.execute("query-plugins")}


@tap.test("without devices the next one is of the new version")
def empty(vm):
    tap.check_equal(vm.qmp.execute("query-plugin-upgrade"), {"status": "none"}, "query-plugin-upgrade")
    expect_error(vm.qmp.execute, "plugin-upgrade", {"name": "virtio-blk"}, names=["'virtio-blk' is not loaded"])
    vm.qmp.execute("plugin-load", {"name": "virtio-blk"})
    refused(vm, None, ["has not changed", "1.0.0"])
    answer = upgrade(vm, "blk-2")
    tap.check_equal((answer["from"], answer["to"], answer["devices"]), ("1.0.0", "2.0.0", 0), "answer")
    tap.check_equal(versions(vm), {("virtio-blk", "2.0.0", True): []}, "versions")


@tap.test("a stopped VM's devices move to it, each with its node")
def stopped(vm):
    for number in range(3):
        images.filled(vm.file(f"disk{number}.img"), SIZE, f"disk {number}")
        disks.plug(vm.qmp, f"d{number}", vm.file(f"disk{number}.img"), number)
    vm.qmp.events.clear()
    before = vm.descriptors(), vm.threads()
    answer = upgrade(vm, "blk-2-1")
    tap.check_equal((answer["status"], answer["to"], answer["devices"]), ("completed", "2.1.0", 3), "answer")
    tap.check_equal(versions(vm), {("virtio-blk", "2.1.0", True): ["d0", "d1", "d2"]}, "versions")
    moved = [each["data"]["device"] for each in vm.qmp.events if each["event"] == "DEVICE_UPGRADED"]
    tap.check_equal(sorted(moved), ["d0", "d1", "d2"], "events of devices")
    data = vm.qmp.event("PLUGIN_UPGRADED")["data"]
    tap.check_equal((data["from"], data["to"], data["devices"]), ("2.0.0", "2.1.0", 3), "event")
    tap.check_equal(data, vm.qmp.execute("query-plugin-upgrade"), "query-plugin-upgrade")
    tap.check_equal(vm.threads(), before[1], "threads")
    # The new code's copy is all that is added.
    tap.check_equal(len(vm.descriptors()), len(before[0]) + 1, "open files")


@tap.test("back and forth a hundred times leaves nothing behind, the versions being loaded already")
def cycles(vm):
    before = vm.resources()
    for number in range(100):
        upgrade(vm, "blk-2" if number % 2 == 0 else "blk-2-1")
    vm.check_nothing_left(before)
    vm.qmp.events.clear()


@tap.test("what comes afterwards is of the new version, and what was there is unplugged as ever")
def afterwards(vm):
    images.filled(vm.file("disk3.img"), SIZE, "disk 3")
    disks.plug(vm.qmp, "d3", vm.file("disk3.img"), 3)
    tap.check_equal(versions(vm), {("virtio-blk", "2.1.0", True): ["d0", "d1", "d2", "d3"]}, "versions")
    disks.unplug(vm.qmp, "d1")
    disks.plug(vm.qmp, "d1", vm.file("disk1.img"), 1)
    info = {each["qdev"]: each["inserted"]["node-name"] for each in vm.qmp.execute("query-block") if each.get("qdev")}
    tap.check_equal(info.get("d0"), "d0", "query-block")


@tap.test("a file that is no plugin, or not of this one, or could be anybody's, is refused")
def files(vm):
    refused(vm, b"junk" * 1000, ["not an ELF shared object"])
    refused(vm, "virtio-net", ["calls itself 'virtio-net'"])
    with open(plugins.built("blk-2"), "rb") as file:
        content = file.read()
    refused(vm, content[:8192], ["truncated"])
    newer = bytearray(content)
    minor = content.index(b"STRM") + 10  # in struct mortise_plugin
    newer[minor : minor + 2] = (99).to_bytes(2, "little")
    refused(vm, bytes(newer), ["needs plugin ABI 1.99"])
    plugins.put(vm.plugins, "virtio-blk", plugins.built("blk-2"), mode=0o666)
    refused(vm, None, ["chmod go-w"])
    os.unlink(os.path.join(vm.plugins, "virtio-blk.so"))
    refused(vm, None, ["there is no plugin"])
    expect_error(vm.qmp.execute, "plugin-upgrade", {"name": "../virtio-blk"}, names=["is not loaded"])
    expect_error(vm.qmp.execute, "plugin-upgrade", {"name": "virtio-blk", "timeout": 0}, names=["'timeout'"])


@tap.test("a version without the driver in use is refused, all devices staying")
def other(vm):
    refused(vm, "blk-other", ["no driver 'virtio-blk'", "'d0'"])


@tap.test("many at once: one goes on, the others are told to wait or that nothing has changed")
def together(vm):
    plugins.put(vm.plugins, "virtio-blk", plugins.built("blk-2"))
    results = []

    def ask():
        with vm.new_qmp() as qmp:
            results.append(qmp.value_or_error("plugin-upgrade", {"name": "virtio-blk"}))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [each for each in results if isinstance(each, dict)]
    tap.check_equal(len(done), 1, f"upgrades that went through ({results})")
    tap.check_equal(versions(vm), {("virtio-blk", "2.0.0", True): ["d0", "d2", "d3", "d1"]}, "versions")


if __name__ == "__main__":
    tap.main(fixture)
