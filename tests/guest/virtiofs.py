#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A folder of the host's in the guest, served by virtiofsd: files both ways, programs, stop and cont, a server that goes."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, plugins, tap, vhostuser
from harness.qmp import expect_error
from harness.vm import VM

SIZE = 16 << 20
MOUNT = "mkdir -p /mnt && mount -t virtiofs shared /mnt"


@contextlib.contextmanager
def shared():
    """A VM whose memory is shared, with virtiofsd at the path of a chardev that Kata Containers calls a server."""
    directory = tempfile.mkdtemp(prefix="mortise-test.")
    folder = os.path.join(directory, "folder")
    os.mkdir(folder)
    own = os.path.join(directory, "plugins")
    os.mkdir(own)
    plugins.put(own, "vhost-user-fs", plugins.built("vhost-user-fs"))
    try:
        with vhostuser.virtiofsd(folder, directory) as server:
            options = ["-chardev", f"socket,id=fs,path={server.path},server,nowait"]
            options += ["-device", "vhost-user-fs-device,chardev=fs,tag=shared,id=fs0"]
            with VM(*options, harts=2, machine="mem-share=on", plugin_dir=own) as vm:
                vm.folder, vm.server, vm.plugins = folder, server, own
                yield vm
    finally:
        shutil.rmtree(directory)


@tap.test("memory that is not shared, and a server that is not there, are refused with what to do")
def refused(vm):
    for machine, words in (("", "mem-share=on"), ("mem-share=on", "start it first")):
        chardev = f"socket,id=c,path={vm.server.path}.none,server,nowait"
        with VM("-chardev", chardev, idle=True, machine=machine) as other:
            expect_error(other.qmp.execute, "device_add", {"driver": "vhost-user-fs", "id": "f", "chardev": "c", "tag": "t"}, names=[words])


@tap.test("a stock guest mounts it")
def mount(vm):
    vm.boot()
    vm.sh(MOUNT)
    tap.check("virtiofs" in vm.sh("grep /mnt /proc/mounts"), "not mounted")


def compare(vm):
    """A file each way, compared by checksum."""
    down, up = os.path.join(vm.folder, "down"), os.path.join(vm.folder, "up")
    digest = images.filled(down, SIZE, time.monotonic_ns())
    started = time.monotonic()
    tap.check_equal(vm.sh("sha256sum </mnt/down").split()[0], digest, "what the guest reads")
    read = time.monotonic()
    written = vm.sh(f"head -c {SIZE} /dev/urandom >/mnt/up; sync; sha256sum </mnt/up").split()[0]
    tap.check_equal(images.sha256(up), written, "what the guest has written")
    tap.note(f"{SIZE / (read - started) / 1e6:.1f} MB/s read and summed")
    for each in (down, up):
        os.unlink(each)


@tap.test("files go both ways")
def files(vm):
    compare(vm)
    vm.sh("mkdir -p /mnt/a/b && echo hello >/mnt/a/b/c && ln -s b/c /mnt/a/d && mv /mnt/a/b/c /mnt/a/b/e && rm /mnt/a/d")
    with open(os.path.join(vm.folder, "a/b/e"), encoding="ascii") as file:
        tap.check_equal(file.read(), "hello\n", "the file")
    tap.check_equal(os.listdir(os.path.join(vm.folder, "a")), ["b"], "the folder")


@tap.test("programs run from it: what was written to memory from outside is fetched anew")
def programs(vm):
    vm.sh("cp /bin/busybox /mnt/busybox")
    for round in range(3):
        vm.sh("umount /mnt && echo 3 >/proc/sys/vm/drop_caches")
        vm.sh(MOUNT)
        total = vm.sh("sha256sum /bin/busybox").split()[0]
        for _ in range(3):
            tap.check_equal(vm.sh("/mnt/busybox sha256sum /mnt/busybox").split()[0], total, "its own checksum")


@tap.test("stop and cont in the middle of a transfer")
def stop(vm):
    digest = images.filled(os.path.join(vm.folder, "long"), SIZE, 1)
    reader = vm.background("for i in 1 2 3; do echo 3 >/proc/sys/vm/drop_caches; sha256sum </mnt/long; done >/tmp/sums")
    for _ in range(20):
        vm.qmp.execute("stop")
        vm.qmp.execute("cont")
    vm.wait_ended([reader])
    tap.check_equal(set(vm.sh("cut -d' ' -f1 /tmp/sums").split()), {digest}, "the checksums")


@tap.test("an upgrade of its plugin is refused, and leaves it alone")
def upgrade(vm):
    with open(plugins.built("vhost-user-fs"), "rb") as file:
        plugins.put(vm.plugins, "vhost-user-fs", file.read() + b"another build")
    expect_error(vm.qmp.execute, "plugin-upgrade", {"name": "vhost-user-fs"}, names=["'fs0'", "unplug it first"])
    compare(vm)


@tap.test("a server that is killed under the guest holds up nobody, and serves again when it is back")
def killed(vm):
    vm.server.stop()
    reader = vm.background("echo 3 >/proc/sys/vm/drop_caches; ls -lR /mnt")
    vm.qmp.execute("stop")
    vm.qmp.execute("cont")
    vm.sh("true")
    vm.server.start()
    vm.wait_ended([reader])
    vm.run("umount /mnt")
    vm.sh(MOUNT)
    compare(vm)


@tap.test("one that hangs does not keep its device from being unplugged")
def hung(vm):
    vm.server.signal(signal.SIGSTOP)
    started = time.monotonic()
    vm.qmp.execute("device_del", {"id": "fs0"})
    took = time.monotonic() - started
    tap.note(f"device_del took {took:.1f} s")
    tap.check(took < 20, "device_del waits for the server")
    vm.server.stop()


@tap.test("plugged again, behind a new server, it goes on")
def again(vm):
    vm.server.start()
    vm.qmp.execute("device_add", {"driver": "vhost-user-fs-device", "id": "fs1", "chardev": "fs", "tag": "shared"})
    vm.run("umount /mnt")
    vm.sh(MOUNT)
    compare(vm)


@tap.test("a guest's reset is survived")
def reset(vm):
    start = vm.console.mark()
    vm.qmp.execute("system_reset")
    vm.boot(start)
    vm.sh(MOUNT)
    compare(vm)


if __name__ == "__main__":
    tap.main(shared)
