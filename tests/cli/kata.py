#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line and the QMP of Kata Containers' driver for StratoVirt, in its order, with descriptors that it passes."""

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.qmp import QMP
from harness.vm import SOURCE, VM

# linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_MULTI_QUEUE, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x0100, 0x1000, 0x4000


@contextlib.contextmanager
def tap_queues(count):
    """Descriptors of a new tap's queues; with them it goes away."""
    flags = IFF_TAP | IFF_MULTI_QUEUE | IFF_NO_PI | IFF_VNET_HDR
    name = f"kata{os.getpid() % 1000000}".encode()
    with contextlib.ExitStack() as stack:
        files = []
        for _ in range(count):
            try:
                files.append(stack.enter_context(open("/dev/net/tun", "r+b", buffering=0)))
                fcntl.ioctl(files[-1], TUNSETIFF, struct.pack("16sH22x", name, flags))
            except OSError as error:
                raise tap.Skip(f"taps cannot be made here: {error}") from None
        yield [file.fileno() for file in files]


class Sandbox(VM):
    """A VM's directory and kernel, with the process started as Kata does it; `extra` stands before the disk."""

    def start_with(self, fds, *extra):
        root = images.sparse(self.file("root.img"), 1 << 20)
        arguments = ["-name", "sandbox-0815", "-uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "-smp", "2", "-m", "256"]
        arguments += ["-kernel", self.file("idle-kernel"), "-append", "panic=1 quiet"]
        arguments += ["-qmp", f"unix:{self.qmp_path},server,nowait", "-D", "-disable-seccomp"]
        arguments += ["-machine", "type=microvm,dump-guest-core=off,mem-share=on"]
        arguments += ["-object", "rng-random,id=objrng0,filename=/dev/urandom", "-device", "virtio-rng-device,rng=objrng0,id=rng0"]
        arguments += ["-device", "virtio-serial-device,id=virtio-serial0"]
        arguments += ["-chardev", f"socket,id=charconsole0,path={self.file('console.sock')},server,nowait"]
        arguments += ["-device", "virtconsole,chardev=charconsole0,id=console0,nr=0"]
        arguments += extra
        arguments += ["-drive", f"id=rootfs,file={root},readonly=on,direct=off"]
        arguments += ["-device", "virtio-blk-device,drive=rootfs,id=blk0"]
        arguments += ["-netdev", f"tap,id=net0,fds={fds[0]}:{fds[1]}"]
        arguments += ["-device", "virtio-net-device,netdev=net0,id=net0,mac=02:00:ca:fe:00:01"]
        self.process = subprocess.Popen([os.path.join(SOURCE, "run"), *arguments], pass_fds=fds, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        return self.process

    def connect(self):
        return QMP(self.qmp_path, True, alive=lambda: self.process.poll() is None)

    def clean(self):
        self.kill()
        if self.process:
            self.process.stderr.close()
        self.process = None
        self._clean()


@contextlib.contextmanager
def fixture():
    sandbox = Sandbox(idle=True)
    try:
        with tap_queues(2) as fds:
            yield sandbox, fds
    finally:
        sandbox.clean()


@tap.test("a sandbox starts; query-cpus tells each vCPU's thread at once")
def start(given):
    sandbox, fds = given
    sandbox.start_with(fds)
    with sandbox.connect() as client:
        cpus = client.execute("query-cpus")
        tap.check_equal([each["CPU"] for each in cpus], [0, 1], "vCPUs")
        for each in cpus:
            tap.check(os.path.isdir(f"/proc/{sandbox.pid}/task/{each['thread_id']}"), f"no such thread: {each}")


@tap.test("its devices are there; who wants the console connects to its socket")
def devices(given):
    sandbox, _ = given
    with sandbox.connect() as client, socket.socket(socket.AF_UNIX) as console:
        console.connect(sandbox.file("console.sock"))
        drivers = {each["driver"] for plugin in client.execute("query-plugins") for each in plugin["classes"]}
        tap.check(drivers >= {"virtio-rng", "virtio-serial", "virtconsole", "virtio-blk", "virtio-net"}, drivers)
        (chardev,) = [each for each in client.execute("query-chardev") if each["label"] == "charconsole0"]
        tap.check(chardev["frontend-open"], chardev)


@tap.test("a disk is plugged over a second connection, and unplugged")
def disk(given):
    sandbox, _ = given
    path = images.sparse(sandbox.file("volume.img"), 1 << 20)
    with sandbox.connect() as client:
        tap.check_equal(client.execute("query-name"), {"name": "sandbox-0815"}, "name")
        file = {"driver": "file", "filename": path, "aio": "native"}
        client.execute("blockdev-add", {"driver": "raw", "node-name": "d1", "read-only": False, "cache": {"direct": True}, "file": file})
        client.execute("device_add", {"id": "d1", "drive": "d1", "driver": "virtio-blk-mmio", "addr": "1", "romfile": ""})
        client.execute("device_del", {"id": "d1"})
        tap.check_equal(client.event("DEVICE_DELETED")["data"]["device"], "d1", "device of the event")
        client.execute("quit")
    tap.check_equal(sandbox.wait(), 0, "exit status")
    tap.check_equal(sandbox.process.stderr.read(), "", "what it wrote")


@tap.test("devices whose plugin is not installed are refused, by name")
def missing(given):
    sandbox, fds = given
    for driver in ("virtio-absent-device,id=s0", "vhost-absent-device,id=v0,guest-cid=3,vhostfd=9"):
        process = sandbox.start_with(fds, "-device", driver)
        tap.check_equal(sandbox.wait(), 1, "exit status")
        words = process.stderr.read()
        tap.check(driver.split("-device")[0] in words and "no plugin" in words, words)
        process.stderr.close()
        sandbox.process = None


if __name__ == "__main__":
    tap.main(fixture)
