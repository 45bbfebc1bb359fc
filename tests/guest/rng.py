#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A device of a type that has no bay of its own, plugged into a generic slot while the guest runs, and used."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.qmp import expect_error
from harness.vm import VM

BOUND = "/sys/bus/platform/drivers/virtio-mmio"
GENERIC = 8  # the first generic slot, as docs/writing-a-plugin.md has it


@tap.test("a guest boots, its generic slots unbound")
def boot(vm):
    vm.boot()
    tap.check_equal(vm.sh(f"ls {BOUND} | grep -c {vm.slot(GENERIC)} || true").strip(), "0", "bound slots")


@tap.test("an entropy device plugged into one is found: by the guest itself with ACPI, else when told to look")
def plugged(vm):
    expect_error(vm.qmp.execute, "device_add", {"driver": "virtio-rng", "id": "rng0", "max-bytes": 0}, names=["max-bytes"])
    vm.qmp.execute("device_add", {"driver": "virtio-rng-device", "id": "rng0"})
    if not vm.finds_devices:
        vm.sh(f"echo {vm.slot(GENERIC)} > {BOUND}/bind")
    vm.sh("until grep virtio_rng /sys/class/misc/hw_random/rng_current; do sleep 0.05; done")


@tap.test("it gives random numbers, never the same")
def random(vm):
    sums = {vm.sh("head -c 70000 /dev/hwrng | sha256sum") for _ in range(3)}
    tap.check_equal(len(sums), 3, "different answers")
    tap.check_equal(vm.sh("head -c 70000 /dev/hwrng | wc -c").strip(), "70000", "bytes")
    (plugin,) = vm.qmp.execute("query-plugins")
    tap.check_equal((plugin["name"], plugin["instances"]), ("virtio-rng", 1), "plugin")


@tap.test("unplugged, it leaves the guest running, and comes back")
def unplugged(vm):
    vm.qmp.execute("device_del", {"id": "rng0"})
    vm.sh("true")
    vm.qmp.execute("device_add", {"driver": "virtio-rng", "id": "rng1"})
    tap.check_equal(vm.sh("head -c 1000 /dev/hwrng | wc -c").strip(), "1000", "bytes")


@tap.test("a limited one gives no more than its limit in a period, and all that is asked for in the end")
def limited(vm):
    vm.qmp.execute("device_del", {"id": "rng1"})
    vm.qmp.execute("device_add", {"driver": "virtio-rng", "id": "rng1", "max-bytes": 500, "period": 200})
    vm.sh("head -c 1000 /dev/hwrng > /dev/null")  # what the driver had left of the one before
    started = time.monotonic()
    tap.check_equal(vm.sh("head -c 4000 /dev/hwrng | wc -c").strip(), "4000", "bytes")
    took = time.monotonic() - started
    tap.check(took > 1, f"4000 bytes took {took:.2f} s, at 500 in 200 ms")


@tap.test("it reads from the file of the object that it names, which stays while it does")
def source(vm):
    vm.qmp.execute("device_del", {"id": "rng1"})
    expect_error(vm.qmp.execute, "device_add", {"driver": "virtio-rng", "id": "rng2", "rng": "zero"}, names=["'zero' not found"])
    vm.qmp.execute("object-add", {"qom-type": "rng-random", "id": "zero", "filename": "/dev/zero"})
    vm.qmp.execute("device_add", {"driver": "virtio-rng-device", "id": "rng2", "rng": "zero"})
    # What the driver had asked for before comes first.
    tap.check_equal(vm.sh("head -c 8000 /dev/hwrng | tail -c 4000 | tr -d '\\0' | wc -c").strip(), "0", "other bytes than zeroes")
    expect_error(vm.qmp.execute, "object-del", {"id": "zero"}, names=["in use"])
    vm.qmp.execute("device_del", {"id": "rng2"})
    vm.qmp.execute("object-del", {"id": "zero"})


if __name__ == "__main__":
    tap.main(VM)
