#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A serial device in a stock guest: a shell on its console, channels for programs, plugged, unplugged, slow, deserted."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.qmp import expect_error
from harness.serial import TIMEOUT, add_channel, connect, port, receive, remove_channel, until
from harness.vm import VM

BULK = 4 << 20


class SerialVM(VM):
    """With a console as Kata Containers has it: the device first, the console's number given."""

    def __init__(self):
        super().__init__()
        self.console_path = self.file("console.sock")
        self.arguments += ["-device", "virtio-serial-device,id=serial0"]
        self.arguments += ["-chardev", f"socket,id=charconsole0,path={self.console_path},server,nowait"]
        self.arguments += ["-device", "virtconsole,chardev=charconsole0,id=console0,nr=0"]


@tap.test("a guest boots; a shell is on hvc0")
def console(vm):
    vm.boot()
    vm.sh("cat > /tmp/login <<'END'\n#!/bin/sh\nexec setsid sh -i </dev/hvc0 >/dev/hvc0 2>&1\nEND\nchmod +x /tmp/login; /tmp/login &")
    with connect(vm.console_path) as client:
        client.sendall(b"echo answer=$((6*7))\n")
        until(client, b"answer=42")


@tap.test("who leaves the console may come back; what nobody reads is lost, and nothing waits for it")
def deserted(vm):
    vm.sh("head -c 300000 /dev/zero > /dev/hvc0")
    with connect(vm.console_path) as client:
        client.sendall(b"echo back=$((5*5))\n")
        until(client, b"back=25")


@tap.test("the console takes over the size of the terminal outside")
def resize(vm):
    vm.qmp.execute("chardev-resize", {"id": "charconsole0", "cols": 132, "rows": 43})
    vm.sh("until [ \"$(stty size -F /dev/hvc0)\" = '43 132' ]; do :; done")
    expect_error(vm.qmp.execute, "chardev-resize", {"id": "charconsole0", "cols": 65536, "rows": 1}, names=["cols", "65536"])
    expect_error(vm.qmp.execute, "chardev-resize", {"id": "nobody", "cols": 1, "rows": 1}, names=["nobody"])


@tap.test("a channel is plugged; bulk data goes both ways at once, whole")
def bulk(vm):
    path = add_channel(vm, "org.test.0")
    node = port(vm, "org.test.0")
    data = os.urandom(BULK)
    vm.sh(f"dd if=/dev/urandom of=/tmp/out bs=64k count={BULK >> 16} 2>/dev/null")
    with connect(path) as client:
        # One descriptor: a port is opened once.
        vm.sh(f"(cat /tmp/out >&3 & head -c {BULK} <&3 | sha256sum > /tmp/in.sum; wait) 3<>{node} &")
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        received = receive(client, BULK)
        sender.join()
        vm.sh("until [ -s /tmp/in.sum ]; do sleep 0.1; done")
        tap.check_equal(vm.sh("cut -c1-64 /tmp/in.sum").strip(), images.digest(data), "what the guest received")
        tap.check_equal(images.digest(received), vm.sh("sha256sum /tmp/out").split()[0], "what came out")


@tap.test("it is told when the guest opens a channel, and when it closes it")
def changes(vm):
    def told():
        data = vm.qmp.event("VSERPORT_CHANGE")["data"]
        tap.check_equal(data["id"], "org.test.0", "port of the event")
        return data["open"]

    while told():
        pass  # of the test before; the latest of a second is told
    vm.sh(f"sleep 1 <>{port(vm, 'org.test.0')}")
    tap.check(told(), "not told of an open channel")
    tap.check(not told(), "not told of a closed channel")


@tap.test("a guest that does not read holds up the sender, and loses nothing")
def guest_is_slow(vm):
    data = os.urandom(BULK)
    with connect(vm.file("org.test.0.sock")) as client:
        client.setblocking(False)
        sent = 0
        try:
            while sent < BULK:
                sent += client.send(data[sent:sent + 65536])
        except BlockingIOError:
            pass
        tap.check(sent < BULK, "all of it was taken, though nobody reads")
        client.settimeout(TIMEOUT)
        sender = threading.Thread(target=client.sendall, args=(data[sent:],))
        sender.start()
        digest = vm.sh(f"head -c {BULK} {port(vm, 'org.test.0')} | sha256sum").split()[0]
        sender.join()
        tap.check_equal(digest, images.digest(data), "what the guest received")


@tap.test("a reader outside who does not read holds up the guest, and loses nothing; stop and cont do not either")
def host_is_slow(vm):
    with connect(vm.file("org.test.0.sock")) as client:
        writer = vm.background(f"cat /tmp/out > {port(vm, 'org.test.0')}")
        for _ in range(3):
            vm.qmp.execute("stop")
            vm.qmp.execute("cont")
        received = receive(client, BULK)
        vm.wait_ended([writer])
        tap.check_equal(images.digest(received), vm.sh("sha256sum /tmp/out").split()[0], "what came out")


@tap.test("the guest sees its peer leave and come")
def peer(vm):
    node = port(vm, "org.test.0")
    # Reading from a port without a peer is its end.
    tap.check_equal(vm.sh(f"head -c 1 {node} | wc -c").strip(), "0", "bytes read from nobody")
    with connect(vm.file("org.test.0.sock")) as client:
        client.sendall(b"x")
        vm.sh(f"until [ \"$(head -c 1 {node})\" = x ]; do :; done")


@tap.test("ports are refused that cannot be")
def refused(vm):
    def add(names, **options):
        expect_error(vm.qmp.execute, "device_add", {"id": "bad", "chardev": "spare", **options}, names=names)

    vm.qmp.execute("chardev-add", {"id": "spare", "backend": {"type": "null", "data": {}}})
    add(["'nr'", "0"], driver="virtserialport", nr=0)
    add(["'nr'", "another port"], driver="virtconsole", nr=0)
    add(["'nr'", "31", "30"], driver="virtserialport", nr=31)
    add(["Bus 'nowhere.0'"], driver="virtserialport", bus="nowhere.0")
    add(["Bus 'console0'", "virtio-serial"], driver="virtserialport", bus="console0")
    add(["'addr'"], driver="virtserialport", addr="0x1")
    expect_error(vm.qmp.execute, "device_add", {"driver": "virtserialport", "id": "bad"}, names=["'chardev' is missing"])
    expect_error(vm.qmp.execute, "device_add", {"driver": "virtserialport", "id": "bad", "chardev": "org.test.0"}, names=["in use"])
    expect_error(vm.qmp.execute, "chardev-remove", {"id": "org.test.0"}, names=["busy"])
    vm.qmp.execute("chardev-remove", {"id": "spare"})
    tap.check("org.test.0: driver virtserialport, on device serial0" in vm.qmp.execute(
        "human-monitor-command", {"command-line": "info devices"}), "info devices")


@tap.test("ports come and go; the guest's nodes with them, descriptors too")
def cycles(vm):
    before = len(vm.descriptors())
    for turn in range(10):
        path = add_channel(vm, "cycle", bus="serial0.0", nr=5 + turn)
        node = port(vm, "cycle")
        with connect(path) as client:
            client.sendall(b"ping\n")
            tap.check_equal(vm.sh(f"head -n 1 {node}").strip(), "ping", "what came in")
            remove_channel(vm, "cycle")
            vm.sh(f"while [ -c {node} ]; do :; done")
    tap.check_equal(len(vm.descriptors()), before, "descriptors")


@tap.test("the serial device is unplugged: its ports go before it, and come back with it")
def parent(vm):
    vm.qmp.execute("device_del", {"id": "serial0"})
    gone = [vm.qmp.event("DEVICE_DELETED")["data"]["device"] for _ in range(3)]
    tap.check_equal(gone, ["console0", "org.test.0", "serial0"], "order")
    expect_error(vm.qmp.execute, "device_add", {"driver": "virtserialport", "id": "p", "chardev": "org.test.0"}, names=["virtio-serial"])
    vm.qmp.execute("device_add", {"driver": "virtio-serial-device", "id": "serial1"})
    vm.qmp.execute("device_add", {"driver": "virtconsole", "id": "console1", "chardev": "charconsole0"})
    (plugin,) = vm.qmp.execute("query-plugins")
    tap.check_equal((plugin["name"], plugin["instances"]), ("virtio-serial", 2), "plugin")
    tap.check_equal(vm.run("dmesg | grep -E 'BUG|Oops|Call Trace|blocked for more'"), (1, ""), "kernel log")


if __name__ == "__main__":
    tap.main(SerialVM)
