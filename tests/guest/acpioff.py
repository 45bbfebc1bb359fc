#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest without ACPI: an MP table names its CPUs, the command line its slots, the keyboard's controller resets it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.qmp import expect_error
from harness.vm import VM


def fixture():
    return VM("-no-reboot", harts=2, machine="acpi=off", append="pci=off")


@tap.test("the stock kernel reaches userland on both CPUs")
def userland(vm):
    vm.boot()
    tap.check_equal(vm.sh("nproc; ls /sys/firmware/acpi 2>/dev/null; true"), "2", "CPUs, and ACPI")


@tap.test("every slot is on the command line, with the pin that it shares")
def slots(vm):
    words = [word for word in vm.sh("cat /proc/cmdline").split() if word.startswith("virtio_mmio.device=")]
    wanted = [f"virtio_mmio.device=512@{0xD0000000 + n * 0x1000:#x}:{6 + n % 18}" for n in range(24)]
    tap.check_equal(words, wanted, "slots")


@tap.test("there is no power button, and the answer says so")
def button(vm):
    expect_error(vm.qmp.execute, "system_powerdown", names=["acpi=off"])


@tap.test("the kernel found nothing to complain about")
def quiet(vm):
    trouble = vm.run("dmesg | grep -E 'BUG:|Oops|WARNING|Call Trace|stall|soft lockup'")
    tap.check_equal(trouble, (1, ""), "kernel log")


@tap.test("a reboot from inside resets the machine, which with -no-reboot ends")
def reboot(vm):
    qmp = vm.qmp
    vm.console.post("reboot -f")
    tap.check_equal(qmp.event("SHUTDOWN")["data"]["guest"], True, "guest's wish")
    tap.check_equal(vm.wait(), 0, "exit status")


if __name__ == "__main__":
    tap.main(fixture)
