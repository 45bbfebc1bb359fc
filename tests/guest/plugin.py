#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plugin that is dropped into the plugin directory while the VM runs serves the next device_add."""

import contextlib
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.qmp import expect_error
from harness.vm import BUILD, VM

SIZE = 1 << 20


@contextlib.contextmanager
def fixture():
    with tempfile.TemporaryDirectory(prefix="mortise-plugins.") as plugins, VM(plugin_dir=plugins) as vm:
        vm.plugins = plugins
        yield vm


@tap.test("a guest boots without any plugin, its disks empty")
def boot(vm):
    vm.boot()
    tap.check_equal(vm.sh("cat /sys/block/*/size").split(), ["0"] * disks.BAY, "sizes")


@tap.test("device_add names the driver that is missing")
def missing(vm):
    images.filled(vm.file("disk.img"), SIZE, "plugin")
    vm.qmp.execute("blockdev-add", disks.node("drive-0", vm.file("disk.img")))
    expect_error(vm.qmp.execute, "device_add", disks.device("drive-0", 1), names=["virtio-blk"])


@tap.test("once its plugin is there the same device_add works")
def dropped(vm):
    new = os.path.join(vm.plugins, "new")
    shutil.copy(os.path.join(BUILD, "plugins/.libs/virtio-blk.so"), new)
    os.chmod(new, 0o644)
    os.rename(new, os.path.join(vm.plugins, "virtio-blk.so"))
    vm.qmp.execute("device_add", disks.device("drive-0", 1))
    disks.wait_sectors(vm, 1, SIZE // images.SECTOR)
    tap.check_equal(disks.guest_sha256(vm, 1), images.sha256(vm.file("disk.img")), "content")


@tap.test("query-plugins tells where it came from")
def query(vm):
    files = [each.get("filename") or each.get("file") for each in vm.qmp.execute("query-plugins")]
    tap.check_equal([os.path.basename(file) for file in files], ["virtio-blk.so"], "plugins")


if __name__ == "__main__":
    tap.main(fixture)
