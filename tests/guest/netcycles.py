#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A NIC plugged and unplugged 200 times in a running guest, frames in between, without leaking descriptors or memory."""

import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import net, tap
from harness.vm import VM

CYCLES = 200
WARM_UP = 20  # the first ones fill caches: the allocator's, the hart's
HOST, GUEST = ("10.77.0.1", "10.77.1.1"), ("10.77.0.2", "10.77.1.2")


@contextlib.contextmanager
def two_taps():
    with net.Namespace() as namespace:
        for slot in range(net.BAY):
            namespace.add_tap(f"tap{slot}", HOST[slot] + "/24")
        with VM(wrapper=namespace.wrapper) as vm:
            yield vm


def cycle(vm, number):
    slot = number % net.BAY
    net.plug(vm.qmp, "net-0", slot, ifname=f"tap{slot}")
    net.wait_carrier(vm, f"eth{slot}", True)
    vm.sh(f"until ping -c 1 -W 1 {HOST[slot]}; do :; done")
    net.unplug(vm.qmp, "net-0")
    net.wait_carrier(vm, f"eth{slot}", False)
    tap.check(not any("tun" in each for each in vm.descriptors()), "the tap is still open")


@tap.test(f"{WARM_UP} cycles")
def warm_up(vm):
    vm.boot()
    for slot in range(net.BAY):
        net.configure(vm, f"eth{slot}", GUEST[slot] + "/24")
    for number in range(WARM_UP):
        cycle(vm, number)
    vm.before = vm.resources()


@tap.test(f"{CYCLES} cycles")
def cycles(vm):
    for number in range(CYCLES):
        cycle(vm, number)


@tap.test("no descriptor, no thread and no memory was left behind")
def leaks(vm):
    vm.check_nothing_left(vm.before)


if __name__ == "__main__":
    tap.main(two_taps)
