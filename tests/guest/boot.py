#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian 13's own kernel comes up to userland, sees its machine, and leaves."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.vm import VM


def fixture():
    return VM(memory="256M")


@tap.test("the stock kernel reaches userland")
def userland(vm):
    vm.boot()
    uptime = vm.console.wait(r"userland at ([\d.]+) s", 1)[1]
    tap.note(f"guest's uptime at userland: {uptime} s")


@tap.test("the guest is of its architecture, with the memory it was given")
def memory(vm):
    tap.check_equal(vm.sh("uname -m"), vm.arch, "machine")
    kib = int(vm.sh("awk '/MemTotal/ { print $2 }' /proc/meminfo"))
    tap.check(180 << 10 < kib <= 256 << 10, f"{kib} KiB of memory")


@tap.test("a command's status and output come back whole")
def console(vm):
    tap.check_equal(vm.run("echo one; echo 'two \\ $3'; exit 3"), (3, "one\ntwo \\ $3"))
    tap.check_equal(vm.run("if")[0], 2, "status of a syntax error")
    tap.check_equal(vm.sh("seq 1 2000"), "\n".join(str(n) for n in range(1, 2001)), "2000 lines")


@tap.test("the clock runs at the host's pace")
def clock(vm):
    before, started = float(vm.sh("cut -d' ' -f1 /proc/uptime")), time.monotonic()
    vm.sh("sleep 2")
    after, ended = float(vm.sh("cut -d' ' -f1 /proc/uptime")), time.monotonic()
    guest, host = after - before, ended - started
    tap.check(2 <= guest <= host + 0.5, f"{guest:.2f} s in the guest, {host:.2f} s outside")


@tap.test("the kernel found nothing to complain about")
def quiet(vm):
    trouble = vm.run("dmesg | grep -E 'BUG|Oops|WARNING|Call Trace|stall|unhandled|soft lockup'")
    tap.check_equal(trouble, (1, ""), "kernel log")


@tap.test("power-off ends the VMM with status 0")
def power_off(vm):
    qmp = vm.qmp
    vm.console.post("poweroff -f")
    shutdown = qmp.event("SHUTDOWN")
    tap.check_equal(shutdown["data"], {"guest": True, "reason": "guest-shutdown"}, "SHUTDOWN")
    tap.check_equal(vm.wait(), 0, "exit status")


if __name__ == "__main__":
    tap.main(fixture)
