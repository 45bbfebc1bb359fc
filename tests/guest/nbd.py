#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk in a server of the Network Block Device protocol: used by a guest, over a server's restarts, and without one."""

import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.qmp import expect_error
from harness.vm import VM

SIZE = 8 << 20
SERVER_TIMEOUT = 20


class Server:
    """nbdkit with a file, on a unix socket."""

    def __init__(self, vm, image, *arguments):
        self.socket = vm.file("nbd.sock")
        self.command = ["setpriv", "--pdeathsig", "KILL", "nbdkit", "-f", "-U", self.socket, *arguments, "file", image]
        self.process = None

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.process = subprocess.Popen(self.command)
        deadline = time.monotonic() + SERVER_TIMEOUT
        while not os.path.exists(self.socket):
            tap.check(self.process.poll() is None and time.monotonic() < deadline, "nbdkit does not listen")
            time.sleep(0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()


def node(server, **options):
    return {"node-name": "drive-0", "driver": "nbd", "server": {"type": "unix", "path": server.socket}, **options}


def plug(vm, server, **options):
    vm.qmp.execute("blockdev-add", node(server, **options))
    vm.qmp.execute("device_add", disks.device("drive-0", 1))
    disks.wait_sectors(vm, 1, SIZE // images.SECTOR)


def unplug(vm):
    vm.qmp.execute("device_del", {"id": "drive-0"})
    disks.wait_sectors(vm, 1, 0)


class Fixture:
    def __enter__(self):
        if not shutil.which("nbdkit"):
            raise tap.Skip("no nbdkit")
        self.vm = VM().__enter__()
        self.image = self.vm.file("disk.img")
        self.digest = images.filled(self.image, SIZE, "nbd")
        self.server = Server(self.vm, self.image)
        return self

    def __exit__(self, *what):
        self.server.kill()
        self.vm.__exit__(*what)


@tap.test("a disk is plugged from a server: the guest reads it and writes it")
def use(at):
    at.vm.boot()
    at.server.start()
    plug(at.vm, at.server)
    tap.check_equal(disks.guest_sha256(at.vm, 1), at.digest, "content")
    at.vm.sh("dd if=/dev/urandom of=/tmp/data bs=64k count=32 && dd if=/tmp/data of=/dev/vdb bs=64k seek=8 conv=fsync")
    at.vm.sh("sync; blockdev --flushbufs /dev/vdb")
    tap.check_equal(images.sha256(at.image), disks.guest_sha256(at.vm, 1), "the file")
    plugins = {each["name"]: each for each in at.vm.qmp.execute("query-plugins")}
    tap.check("block-nbd" in plugins, f"plugins: {sorted(plugins)}")
    unplug(at.vm)


@tap.test("the server is killed and comes back under a working guest: no request fails")
def restart(at):
    plug(at.vm, at.server, **{"reconnect-delay": 60})
    load = at.vm.background(
        "i=0; while [ $i -lt 40 ]; do dd if=/tmp/data of=/dev/vdb bs=64k oflag=direct && "
        "dd if=/dev/vdb of=/tmp/back bs=64k count=32 iflag=direct && cmp /tmp/data /tmp/back || "
        "{ echo bad >>/tmp/failures; }; i=$((i+1)); done"
    )
    for _ in range(5):
        time.sleep(0.3)
        at.server.kill()
        at.server.start()
    at.vm.wait_ended([load])
    status, failures = at.vm.run("cat /tmp/failures")
    tap.check(status != 0, f"requests failed: {failures}")
    tap.check("I/O error" not in at.vm.sh("dmesg"), "the guest's kernel saw an I/O error")


@tap.test("the server goes and never comes back: QMP answers, unplugging ends")
def gone(at):
    at.server.kill()
    load = at.vm.background("dd if=/tmp/data of=/dev/vdb bs=64k oflag=direct")
    tap.check(at.vm.qmp.execute("query-status")["running"], "not running")
    unplug(at.vm)
    at.vm.wait_ended([load])
    tap.check_equal(at.vm.qmp.execute("query-named-block-nodes"), [], "nodes")


@tap.test("no server, no such file, an unknown option: refused in words, nothing left behind")
def refused(at):
    expect_error(at.vm.qmp.execute, "blockdev-add", node(at.server), names=["nbd.sock"])
    expect_error(at.vm.qmp.execute, "blockdev-add", node(at.server, bogus=1), names=["bogus"])
    at.server.start()
    plug(at.vm, at.server)
    tap.check_equal(len(at.vm.qmp.execute("query-named-block-nodes")), 1, "nodes")
    unplug(at.vm)


if __name__ == "__main__":
    tap.main(Fixture)
