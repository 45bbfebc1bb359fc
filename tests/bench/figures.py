# SPDX-License-Identifier: Apache-2.0
"""The figures: how long a boot takes, what an idle guest costs, how fast a disk is noticed, what a disk does."""

import os
import tempfile
import time
from unittest import mock

import vmms
from measure import Table, beyond_guest, cpu_seconds
from netfigures import network
from pluginfigures import plugin_figures
from tools import guest_tools

from harness import disks, images, vm

IDLE_SETTLE, IDLE_SECONDS = 3, 10
NOTICES = 30
STARTS = 5
LOAD_SECONDS = 3
DISK_SIZE, NULL_SIZE = (64 if vm.KVM else 512) << 20, 1 << 30  # an emulated host takes long to fill one


def boot(kinds, runs):
    """One boot gives four figures."""
    speed = Table("Boot to userland, seconds", "less")
    cost = Table("Idle guest", "less")
    for _ in range(runs):
        for kind in kinds:
            machine = kind()
            started = time.monotonic()
            with machine:
                match = machine.console.wait(r"userland at ([\d.]+) s", vm.BOOT_TIMEOUT)
                speed.add("host, from exec", kind.name, time.monotonic() - started)
                speed.add("guest, /proc/uptime", kind.name, float(match[1]))
                machine.boot()
                time.sleep(IDLE_SETTLE)
                before = cpu_seconds(machine.pid)
                time.sleep(IDLE_SECONDS)
                used = cpu_seconds(machine.pid) - before
                cost.add("CPU, % of a core", kind.name, 100 * used / IDLE_SECONDS)
                resident, private = beyond_guest(machine.pid, vmms.MEMORY)
                cost.add("memory beyond the guest's, MiB", kind.name, resident / (1 << 20))
                cost.add("of it not shared with others, MiB", kind.name, private / (1 << 20))
    speed.show()
    cost.show()


def _notice(machine, table, row, command, arguments):
    """Milliseconds from the command's sending to the answer, and to the first byte of the guest kernel's message."""
    start = machine.console.mark()
    sent = time.monotonic()
    machine.qmp.execute(command, arguments)
    answered = time.monotonic()
    machine.console.wait(r".", vm.COMMAND_TIMEOUT, start)
    noticed = time.monotonic()
    table.add(f"{row}: guest's kernel says so", machine.name, 1000 * (noticed - sent))
    table.add(f"{row}: answer", machine.name, 1000 * (answered - sent))
    machine.console.wait(r"(new size: |logical blocks)[^\n]*\n", vm.COMMAND_TIMEOUT, start)


def _notice_mortise(table):
    with vmms.Mortise() as machine:
        path = images.sparse(machine.file("disk"), 64 << 20)
        machine.boot().sh("dmesg -n 8")
        # Where a slot is empty until something is plugged, the first disk in each is found, and probed, in whole.
        for slot in range(disks.BAY if machine.finds_devices else 0):
            name, own = f"n{slot}", images.sparse(machine.file(f"disk{slot}"), 64 << 20)
            machine.qmp.execute("blockdev-add", disks.node(name, own))
            _notice(machine, table, "device_add, a slot never used", "device_add", disks.device(name, slot))
        if machine.finds_devices:
            start = machine.console.mark()
            disks.unplug(machine.qmp, "n0")
            machine.console.wait(r"new size: 0 [^\n]*\n", vm.COMMAND_TIMEOUT, start)
        for _ in range(NOTICES):
            machine.qmp.execute("blockdev-add", {"node-name": "d0", "driver": "file", "filename": path})
            _notice(machine, table, "device_add", "device_add", {"id": "d0", "driver": "virtio-blk-mmio", "addr": "0x0"})
            start = machine.console.mark()
            machine.qmp.execute("device_del", {"id": "d0"})
            machine.console.wait(r"new size: 0 [^\n]*\n", vm.COMMAND_TIMEOUT, start)


def _notice_qemu(table):
    """QEMU plugs nothing into virtio-mmio; a new size takes the same way to the guest."""
    with tempfile.NamedTemporaryFile(prefix="mortise-bench.") as file:
        images.sparse(file.name, 64 << 20)
        with vmms.Qemu.with_disks({"d0": {"driver": "file", "filename": file.name}}) as machine:
            machine.sh("dmesg -n 8")
            for turn in range(NOTICES):
                _notice(machine, table, "block_resize", "block_resize", {"node-name": "d0", "size": (65 + turn) << 20})


def hotplug(kinds, runs):
    table = Table("A change of disks reaches the guest, milliseconds", "less")
    _notice_mortise(table)
    if vmms.Qemu in kinds:
        _notice_qemu(table)
    table.show()


LOADS = [
    (f"{size >> 10} KiB {order} {direction}, {depth} at a time", f"{direction} {order} {size} {depth}")
    for size, order, depths in ((4096, "random", (1, 32)), (1 << 20, "sequential", (4,)))
    for direction in ("read", "write")
    for depth in depths
]


def _load(table, machine, what, size, runs):
    """Puts each load on the guest's disk of that size."""
    found = machine.sh(f"until grep -l '^{size // images.SECTOR}$' /sys/block/vd*/size; do sleep 0.1; done")
    disk = found.split("/")[3]
    for _ in range(runs):
        for words, arguments in LOADS:
            rate = machine.sh(f"diskload /dev/{disk} {arguments} {LOAD_SECONDS}")
            table.add(f"{what}: {words}", machine.name, float(rate))


def block(kinds, runs):
    """A null disk shows the VMM's share alone; an image past the page cache what a user gets."""
    table = Table("Disk, requests a second", "more")
    with tempfile.TemporaryDirectory(prefix="mortise-bench.", dir="/dev/shm" if vm.KVM else ".") as directory:
        initrd = guest_tools(os.path.abspath(directory), "diskload")
        if not initrd:
            return
        path = os.path.abspath(os.path.join(directory, "disk"))
        images.filled(path, DISK_SIZE, "bench")
        backends = {
            "null": {"driver": "null-co", "size": NULL_SIZE},
            "file": {"driver": "file", "filename": path, "cache": {"direct": disks.can_bypass_cache(path)}, "aio": "io_uring"},
        }
        with mock.patch.dict(os.environ, MORTISE_INITRD=initrd):
            for kind in kinds:
                with kind.with_disks(backends) as machine:
                    for what, size in (("null", NULL_SIZE), ("file", DISK_SIZE)):
                        _load(table, machine, what, size, runs)
    table.show()


def start(kinds, runs):
    """From exec to the guest's first instruction, as each VMM's own log has it: what the VMM does, and no guest."""
    table = Table("Start, milliseconds", "less")
    for _ in range(max(runs, STARTS)):
        for kind in kinds:
            with kind(log=True) as machine:
                machine.qmp.execute("query-status")  # it answers once the guest runs
                for step, when in machine.steps():
                    table.add(f"exec to {step}", kind.name, 1000 * (when - machine.began))
    table.show()


ALL = {"start": start, "boot": boot, "hotplug": hotplug, "block": block, "network": network,
       "plugins": plugin_figures}
