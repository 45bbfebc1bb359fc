#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest of two harts whose JIT has next to no memory for code: what it translates is thrown away all the time, while modules
come and go over the same pages and programs run everywhere. All results are the host's."""

import hashlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.vm import VM


def fixture():
    return VM("-accel", "soft,jit-cache=256K", harts=2)


def sha256(lines):
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def expect(vm, command, lines):
    tap.check_equal(vm.sh(f"{command} | sha256sum").split()[0], sha256(lines), command)


@tap.test("the guest boots")
def boots(vm):
    vm.boot()


@tap.test("modules are loaded over others' pages, on both harts")
def modules(vm):
    for hart in (1, 2):
        vm.sh(
            f"for n in 1 2 3; do taskset {hart} rmmod virtio_rng virtio_net net_failover failover && "
            f"taskset {3 - hart} modprobe virtio_net && taskset {hart} modprobe virtio_rng || exit 1; done"
        )


@tap.test("what busybox computes is right, on both harts at once")
def programs(vm):
    numbers = range(1, 5001)
    other = vm.background("while :; do seq 1 2000 | gzip | gunzip | sha256sum; done")
    expect(vm, "seq 1 5000 | awk '{ print $1 * $1 % 65537 }' | sort -n", sorted(n * n % 65537 for n in numbers))
    expect(vm, "seq 1 5000 | gzip -9 | gunzip", numbers)
    expect(vm, "seq 1 5000 | bzip2 | bunzip2", numbers)
    expect(vm, "seq 1 5000 | sed 's/\\([0-9]\\)\\([0-9]\\)/\\2\\1/g' | tr 0-9 a-j", (swapped(str(n)) for n in numbers))
    expect(vm, "n=0; while [ $n -lt 300 ]; do echo $((n * 7919 % 65521)); n=$((n + 1)); done", (n * 7919 % 65521 for n in range(300)))
    vm.sh(f"kill {other}")


def swapped(digits):
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    return "".join("abcdefghij"[int(digit)] for pair in pairs for digit in reversed(pair))


@tap.test("one program after the other starts and ends")
def processes(vm):
    tap.check_equal(vm.sh("n=0; while [ $n -lt 20 ]; do /bin/busybox echo $n; n=$((n + 1)); done | wc -l"), "20", "lines")


@tap.test("the kernel found nothing to complain about")
def quiet(vm):
    trouble = vm.run("dmesg | grep -E 'BUG|Oops|WARNING|Call Trace|stall|unhandled|soft lockup'")
    tap.check_equal(trouble, (1, ""), "kernel log")


if __name__ == "__main__":
    tap.main(fixture)
