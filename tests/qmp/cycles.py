#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A thousand plugs and unplugs, and as many refused ones, leave no descriptor, thread or memory behind."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.qmp import expect_error
from harness.vm import VM

SIZE = 1 << 20
CYCLES = 1000
WARM_UP = 100


def fixture():
    return VM(idle=True)


def measure(vm):
    """What is open, what runs, and the memory, once the monitors' clients of before have been seen to be gone."""
    deadline = time.monotonic() + 10
    while sum("socket:" in each for each in vm.descriptors()) > 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    return vm.descriptors(), vm.threads(), vm.own_memory()


def cycle(vm, number):
    slot = number % disks.BAY
    disks.plug(vm.qmp, "drive-0", vm.file("disk.img"), slot)
    disks.unplug(vm.qmp, "drive-0")


def refused(vm, _):
    expect_error(vm.qmp.execute, "blockdev-add", disks.node("drive-0", vm.file("missing.img")))
    vm.qmp.execute("blockdev-add", disks.node("drive-0", vm.file("disk.img")))
    expect_error(vm.qmp.execute, "device_add", {**disks.device("drive-0", 0), "bogus": 1})
    expect_error(vm.qmp.execute, "device_add", {**disks.device("drive-0", 0), "driver": "nonesuch"})
    vm.qmp.execute("blockdev-del", {"node-name": "drive-0"})


def reconnect(vm, _):
    with vm.new_qmp() as client:
        client.execute("query-status")


def repeat(vm, action):
    images.sparse(vm.file("disk.img"), SIZE)
    for number in range(WARM_UP):
        action(vm, number)
    descriptors, threads, memory = measure(vm)
    for number in range(CYCLES):
        action(vm, number)
    reached = measure(vm)
    tap.check_equal(reached[0], descriptors, "open files")
    tap.check_equal(reached[1], threads, "threads")
    grown = reached[2] - memory
    tap.note(f"grown by {grown >> 10} KiB")
    tap.check(grown < 256 << 10, f"{grown >> 10} KiB more memory after {CYCLES} cycles")


@tap.test("plugged and unplugged")
def plugs(vm):
    repeat(vm, cycle)


@tap.test("refused")
def refusals(vm):
    repeat(vm, refused)


@tap.test("connected and disconnected")
def connections(vm):
    repeat(vm, reconnect)


if __name__ == "__main__":
    tap.main(fixture)
