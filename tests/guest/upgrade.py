#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins are upgraded under a guest at work, which sees no reset, no error and no pause worth the name."""

import contextlib
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, net, plugins, tap
from harness.qmp import expect_error

CYCLES = 50
SIZE = 8 << 20
STALL_US = 100_000

# Reads and writes past the page cache until told to stop; then says how many rounds, and the longest, in 1/100 s.
WORK = """
rounds=0; longest=0; now() { read -r up _ </proc/uptime; echo "${up%.*}${up#*.}"; }
dd if=/dev/vda of=/tmp/part bs=64k count=4 2>/dev/null
while [ ! -e /tmp/stop ]; do
  before=$(now)
  dd if=/tmp/part of=/dev/vda bs=64k seek=4 conv=notrunc oflag=direct 2>/dev/null || { echo error >/tmp/work; exit 1; }
  dd if=/dev/vda of=/tmp/back bs=64k skip=4 count=4 iflag=direct 2>/dev/null || { echo error >/tmp/work; exit 1; }
  took=$(($(now) - before))
  cmp -s /tmp/part /tmp/back || { echo differs >/tmp/work; exit 1; }
  [ $took -gt $longest ] && longest=$took
  rounds=$((rounds + 1))
done
echo "$rounds $longest" >/tmp/work
"""


@contextlib.contextmanager
def fixture():
    with tempfile.TemporaryDirectory(prefix="mortise-upgrade.") as directory:
        os.environ["MORTISE_TEST_STUCK"] = os.path.join(directory, "fifo")
        with plugins.vm_with("virtio-blk", "virtio-net") as vm:
            yield vm


def upgrade(vm, source, name="virtio-blk", **options):
    plugins.put(vm.plugins, name, plugins.built(source))
    return vm.qmp.execute("plugin-upgrade", {"name": name, **options})


def refused(vm, source, *names):
    """The upgrade fails for that reason, and the disk goes on with what it had."""
    before = vm.qmp.execute("query-plugins")
    plugins.put(vm.plugins, "virtio-blk", plugins.built(source))
    expect_error(vm.qmp.execute, "plugin-upgrade", {"name": "virtio-blk"}, names=names)
    tap.check_equal(vm.qmp.execute("query-plugins"), before, "plugins")
    tap.check_equal(disks.guest_sha256(vm, 0), images.sha256(vm.file("disk.img")), "content")


def work(vm):
    """Starts the work; what ends it and returns rounds and the longest."""
    vm.sh("rm -f /tmp/stop /tmp/work; cat >/tmp/work.sh <<'END'\n" + WORK + "END")
    process = vm.background("sh /tmp/work.sh")

    def end():
        vm.sh("touch /tmp/stop")
        vm.wait_ended([process])
        rounds, longest = vm.sh("cat /tmp/work").split()
        return int(rounds), int(longest)

    return end


def wait_requests(vm, count):
    """Waits until so many more requests were done on the host."""

    def done():
        stats = vm.qmp.execute("query-blockstats")[0]["stats"]
        return stats["rd_operations"] + stats["wr_operations"]

    goal = done() + count
    while done() < goal:
        time.sleep(0.005)


def complaints(vm):
    """Resets and errors that the guest's kernel tells of."""
    return vm.sh("dmesg | grep -ciE 'reset|error|timeout' || true").strip()


@tap.test("a guest works on a disk while nothing is upgraded")
def boot(vm):
    images.filled(vm.file("disk.img"), SIZE, "upgrade")
    vm.boot()
    disks.plug(vm.qmp, "d0", vm.file("disk.img"), 0)
    disks.wait_sectors(vm, 0, SIZE // images.SECTOR)
    vm.complaints = complaints(vm)
    end = work(vm)
    vm.sh("sleep 3")
    rounds, vm.usual = end()
    tap.note(f"{rounds} rounds, the longest {vm.usual * 10} ms")


@tap.test(f"its plugin is upgraded {CYCLES} times under that work, to versions with another state's format in turn")
def cycles(vm):
    pauses = []
    end = work(vm)
    for number in range(CYCLES):
        answer = upgrade(vm, "blk-2" if number % 2 == 0 else "blk-2-1")
        tap.check_equal((answer["status"], answer["devices"]), ("completed", 1), f"upgrade {number}")
        pauses.append(answer["pause-us"])
        wait_requests(vm, 3)
    rounds, longest = end()
    pauses.sort()
    tap.note(f"pauses: median {pauses[len(pauses) // 2]} us, longest {pauses[-1]} us")
    tap.note(f"the guest: {rounds} rounds, the longest {longest * 10} ms; without upgrades {vm.usual * 10} ms")
    tap.check(rounds > 10, "the guest did not get on")
    tap.check(pauses[-1] < STALL_US, f"a pause of {pauses[-1]} us")
    tap.check_equal(complaints(vm), vm.complaints, "complaints of the guest's kernel")
    tap.check_equal(disks.guest_sha256(vm, 0), images.sha256(vm.file("disk.img")), "content")


@tap.test("a version that refuses the state, takes none or offers less is refused, and the old one goes on")
def refusals(vm):
    refused(vm, "blk-refuses", "'d0'", "takes no state of an older one")
    refused(vm, "virtio-blk", "'d0'", "takes none")
    refused(vm, "blk-poor", "'d0'", "VIRTIO_BLK_F_FLUSH")


@tap.test("a plugin that hangs in quiesce() holds up neither QMP nor other devices, and is left alone in time")
def stuck(vm):
    images.filled(vm.file("other.img"), SIZE, "other")
    disks.plug(vm.qmp, "d1", vm.file("other.img"), 1)
    disks.wait_sectors(vm, 1, SIZE // images.SECTOR)
    upgrade(vm, "blk-stuck")
    fifo = os.environ["MORTISE_TEST_STUCK"]
    os.mkfifo(fifo)
    plugins.put(vm.plugins, "virtio-blk", plugins.built("blk-2"))
    results = []

    def ask():
        with vm.new_qmp() as qmp:
            results.append(qmp.value_or_error("plugin-upgrade", {"name": "virtio-blk", "timeout": 500}))

    asking = threading.Thread(target=ask)
    asking.start()
    while vm.qmp.execute("query-plugin-upgrade")["status"] != "running":
        pass
    expect_error(vm.qmp.execute, "plugin-upgrade", {"name": "virtio-net"}, names=["is being upgraded"])
    expect_error(vm.qmp.execute, "device_del", {"id": "d0"}, names=["is being upgraded"])
    vm.sh("true")
    asking.join()
    tap.check("does not come to rest in time" in results[0], f"answer: {results[0]}")
    # Both hang now, one behind the other: that is told, then let go of them.
    hanging = [vm.qmp.event("DEVICE_UNRESPONSIVE")["data"] for _ in range(2)]
    tap.check_equal({each["device"] for each in hanging}, {"d0", "d1"}, "devices that hang")
    tap.check_equal(hanging[0]["driver"], "virtio-blk", "driver")
    tap.check("'d0' (virtio-blk) does not respond" in vm.errors(), "the log does not name the device")
    vm.sh("true")
    reader = os.open(fifo, os.O_RDWR)
    os.unlink(fifo)
    tap.check_equal(disks.guest_sha256(vm, 0), images.sha256(vm.file("disk.img")), "content")
    tap.check_equal(disks.guest_sha256(vm, 1), images.sha256(vm.file("other.img")), "content of the other")
    os.close(reader)
    for _ in range(2):
        tap.check(vm.qmp.event("DEVICE_UNRESPONSIVE")["data"]["responding"], "a device hangs still")
    answer = upgrade(vm, "blk-2-1")
    tap.check_equal(answer["devices"], 2, "devices")
    disks.unplug(vm.qmp, "d1")


@tap.test("while the VM is stopped, and while the guest resets its device")
def stopped(vm):
    vm.qmp.execute("stop")
    upgrade(vm, "blk-2")
    vm.qmp.execute("cont")
    tap.check_equal(disks.guest_sha256(vm, 0), images.sha256(vm.file("disk.img")), "content")
    slot = vm.sh("basename $(readlink -f /sys/block/vda/device/..)").strip()
    driver = "/sys/bus/platform/drivers/virtio-mmio"
    for number in range(10):
        process = vm.background(f"echo {slot} >{driver}/unbind; echo {slot} >{driver}/bind")
        upgrade(vm, "blk-2-1" if number % 2 == 0 else "blk-2")
        vm.wait_ended([process])
    disks.wait_sectors(vm, 0, SIZE // images.SECTOR)
    tap.check_equal(disks.guest_sha256(vm, 0), images.sha256(vm.file("disk.img")), "content")


@tap.test(f"a network card's plugin is upgraded {CYCLES} times under TCP")
def network(vm):
    vm.server = net.Server(address="127.0.0.1", port=0)
    net.plug(vm.qmp, "net-0", 0, type="user")
    vm.sh("ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0")
    net.wait_carrier(vm, "eth0", True)
    net.ping(vm, "10.0.2.2")
    pauses, done = [], threading.Event()

    def ask():
        with vm.new_qmp() as qmp:
            while len(pauses) < CYCLES and not done.is_set():
                plugins.put(vm.plugins, "virtio-net", plugins.built("net-2" if len(pauses) % 2 == 0 else "net-2-1"))
                pauses.append(qmp.execute("plugin-upgrade", {"name": "virtio-net"})["pause-us"])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        while len(pauses) < CYCLES:
            net.download(vm, "10.0.2.2", 20 << 20, vm.server.port)
    finally:
        done.set()
        asking.join()
    pauses.sort()
    tap.note(f"{len(pauses)} upgrades; pauses: median {pauses[len(pauses) // 2]} us, longest {pauses[-1]} us")
    tap.check(pauses[-1] < STALL_US, f"a pause of {pauses[-1]} us")


if __name__ == "__main__":
    tap.main(fixture)
