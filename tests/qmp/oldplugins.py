#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins that were built for earlier minors of the ABI, plugged into today's VMM."""

import contextlib
import glob
import os
import platform
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.qmp import expect_error
from harness.vm import SOURCE, VM

FILES = sorted(glob.glob(os.path.join(SOURCE, "tests/old-plugins/minor-*.so")))
DRIVERS = [os.path.basename(file)[: -len(".so")] for file in FILES]


@contextlib.contextmanager
def fixture():
    if platform.machine() != "x86_64":
        raise tap.Skip("the old plugins were built for x86-64")
    with tempfile.TemporaryDirectory(prefix="mortise-plugins.") as plugins:
        for file in FILES:
            shutil.copy(file, plugins)
            os.chmod(os.path.join(plugins, os.path.basename(file)), 0o644)
        os.symlink("minor-1.so", os.path.join(plugins, "minor-1-child.so"))
        with VM("-chardev", "null,id=c0", idle=True, plugin_dir=plugins) as vm:
            vm.qmp.execute("blockdev-add", {"node-name": "d0", "driver": "null-co", "size": 1 << 20})
            vm.qmp.execute("netdev_add", {"type": "dgram", "id": "n0", "local": {"type": "unix", "path": vm.file("n0")},
                                          "remote": {"type": "unix", "path": vm.file("peer")}})
            yield vm


@tap.test("there is one for each minor that is over")
def all_there(vm):
    tap.check_equal(DRIVERS, [f"minor-{minor}" for minor in range(len(DRIVERS))], "files")
    tap.check(DRIVERS, "no old plugin at all")


@tap.test("each is plugged, with every property and backend it has, and unplugged")
def plugged(vm):
    for driver in DRIVERS:
        vm.qmp.execute("device_add", {
            "driver": driver, "id": "old", "flag": True, "small": 7, "medium": 2, "large": 2**64 - 1, "size": 1 << 30,
            "text": "ancient", "word": "high", "mac": "52:54:00:00:00:01", "drive": "d0", "netdev": "n0", "chardev": "c0"})
        plugin, = [each for each in vm.qmp.execute("query-plugins") if each["name"] == driver]
        tap.note(plugin)
        expect_error(vm.qmp.execute, "device_add", {"driver": driver, "id": "two", "drive": "d0"}, names=["d0", "in use"])
        vm.qmp.events.clear()
        vm.qmp.execute("device_del", {"id": "old"})
        tap.check_equal([event["event"] for event in vm.qmp.events], ["DEVICE_DELETED"], "events")


@tap.test("what each refuses is refused with its own words")
def refused(vm):
    for driver in DRIVERS:
        for options, names in (({"text": "refuse"}, ["text", "refuse"]), ({"medium": 65}, ["medium", "65"]),
                               ({"text": "more than 8"}, ["text"]), ({"word": "loud"}, ["word", "medium"]),
                               ({"bogus": 1}, ["bogus"])):
            expect_error(vm.qmp.execute, "device_add", {"driver": driver, "id": "old", **options}, names=names)


@tap.test("commands, events and children are as they were in 1.1")
def minor_1(vm):
    vm.qmp.execute("device_add", {"driver": "minor-1", "id": "old", "text": "ancient"})
    vm.qmp.events.clear()
    tap.check_equal(vm.qmp.execute("x-minor-1-count", {"plus": 7}), {"sum": 7, "text": "ancient"}, "answer")
    expect_error(vm.qmp.execute, "x-minor-1-count", {"plus": 13}, names=["plus", "13"])
    expect_error(vm.qmp.execute, "x-minor-1-count", {"plus": 101}, names=["plus"])
    event = vm.qmp.event("X_MINOR_1_COUNTED")
    tap.check_equal(event["data"], {"requests": 0, "device": "old"}, "event")
    vm.qmp.execute("device_add", {"driver": "minor-1-child", "id": "child", "bus": "old.0", "weight": 10})
    expect_error(vm.qmp.execute, "device_add", {"driver": "minor-1-child", "id": "heavy", "bus": "old.0", "weight": 11},
                 names=["weight", "11"])
    vm.qmp.execute("device_del", {"id": "child"})
    vm.qmp.execute("device_del", {"id": "old"})


@tap.test("each comes and goes a hundred times")
def cycles(vm):
    before = vm.descriptors(), vm.threads()
    for _ in range(100):
        for driver in DRIVERS:
            vm.qmp.execute("device_add", {"driver": driver, "id": "old", "drive": "d0", "chardev": "c0"})
            vm.qmp.execute("device_del", {"id": "old"})
    tap.check_equal((vm.descriptors(), vm.threads()), before, "descriptors and threads")


if __name__ == "__main__":
    tap.main(fixture)
