#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A balloon in a stock guest: what it holds, and what the guest reports as free, the host has back."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.qmp import expect_error
from harness.vm import VM

MIB = 1 << 20
MEMORY = 384 * MIB
FILL = 140
TIMEOUT = 60


class BalloonVM(VM):
    def __init__(self):
        super().__init__("-device", "virtio-balloon-device,id=balloon0,guest-stats-polling-interval=1", memory="384M")


def rss(vm):
    """Bytes of memory that the process has of the host's."""
    with open(f"/proc/{vm.pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("Rss:"))


def until(condition, what):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        tap.check(time.monotonic() < deadline, what)
        time.sleep(0.05)


def actual(vm):
    return vm.qmp.execute("query-balloon")["actual"]


def use_memory(vm):
    """Has the guest touch that much memory, and free it again."""
    vm.sh(f"dd if=/dev/urandom of=/tmp/fill bs=1M count={FILL} 2>/dev/null; rm /tmp/fill")


def counters(vm):
    results = vm.qmp.execute("query-stats", {"target": "device", "providers": [{"provider": "plugin"}]})
    (balloon,) = [each for each in results if any(stat["name"] == "balloon-size" for stat in each["stats"])]
    return {each["name"]: each["value"] for each in balloon["stats"]}


@tap.test("a guest boots with a balloon, which is empty")
def boot(vm):
    vm.boot()
    vm.sh("modprobe virtio_balloon")
    tap.check_equal(actual(vm), MEMORY, "actual")
    expect_error(vm.qmp.execute, "balloon", {"value": 0}, names=["value"])


@tap.test("people ask for it by `info balloon`, which is there while the balloon is")
def info(vm):
    ask = lambda line: vm.qmp.execute("human-monitor-command", {"command-line": line})
    tap.check_equal(ask("info balloon"), f"balloon: actual={MEMORY}\r\n", "info balloon")
    tap.check("info balloon --" in ask("help"), ask("help"))
    tap.check("unknown command" in ask("info balloon more"), "info balloon more")


@tap.test("inflated: the guest has less, and the host has its memory back")
def inflate(vm):
    use_memory(vm)
    before = rss(vm)
    total = int(vm.sh("free -m | awk '/^Mem/ { print $4 }'"))
    vm.qmp.execute("balloon", {"value": 160 * MIB})
    until(lambda: actual(vm) == 160 * MIB, "the guest does not inflate its balloon")
    while vm.qmp.event("BALLOON_CHANGE", TIMEOUT)["data"]["actual"] != 160 * MIB:
        pass
    given = before - rss(vm)
    tap.check(given > (FILL - 40) * MIB, f"the host has {given >> 20} MiB back")
    left = int(vm.sh("free -m | awk '/^Mem/ { print $4 }'"))
    tap.check(left < total - 150, f"{left} MiB are free in the guest, {total} were")


@tap.test("it stays as it is while the VM is stopped")
def stopped(vm):
    vm.qmp.execute("stop")
    tap.check_equal(actual(vm), 160 * MIB, "actual")
    vm.qmp.execute("balloon", {"value": 200 * MIB})
    vm.qmp.execute("cont")
    until(lambda: actual(vm) == 200 * MIB, "the guest does not deflate its balloon")


@tap.test("deflated: the guest has all of it again, and uses it")
def deflate(vm):
    vm.qmp.execute("balloon", {"value": 1 << 40})
    until(lambda: actual(vm) == MEMORY, "the guest does not deflate its balloon")
    use_memory(vm)


@tap.test("the guest's statistics are asked for, and told")
def statistics(vm):
    free = int(vm.sh("awk '/^MemTotal/ { print $2 }' /proc/meminfo")) << 10
    until(lambda: counters(vm)["total-memory"] == free, "no statistics came")
    seen = counters(vm)["minor-faults"]
    until(lambda: counters(vm)["minor-faults"] > seen or not vm.sh("true"), "statistics are not asked for again")


@tap.test("free pages that the guest reports are the host's; a balloon that is unplugged leaves the guest running")
def reporting(vm):
    vm.qmp.execute("device_del", {"id": "balloon0"})
    expect_error(vm.qmp.execute, "query-balloon", kind="CommandNotFound")
    with VM("-device", "virtio-balloon-device,id=b,free-page-reporting=on,deflate-on-oom=on", memory="384M") as other:
        other.boot()
        other.sh("modprobe virtio_balloon")
        use_memory(other)
        most = rss(other)
        until(lambda: rss(other) < most - (FILL - 40) * MIB, f"the process still has {rss(other) >> 20} of {most >> 20} MiB")
        use_memory(other)
        tap.check_equal(other.run("dmesg | grep -E 'BUG|Oops|Call Trace'"), (1, ""), "kernel log")
    vm.sh("true")


if __name__ == "__main__":
    tap.main(BalloonVM)
