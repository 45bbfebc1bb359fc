#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sockets between a stock guest and unix sockets outside: both ways, whole, half closed, many, refused, slow."""

import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.serial import TIMEOUT, connect
from harness.vsock import VsockVM, line, listen, rest, serve, to_guest

BULK = 2 << 20


@tap.test("a guest boots and has the address that it was given")
def boot(vm):
    vm.boot()
    vm.sh("modprobe vmw_vsock_virtio_transport; until [ -c /dev/vsock ]; do :; done")
    vm.sh(f"dd if=/dev/urandom of=/tmp/out bs=64k count={BULK >> 16} 2>/dev/null")


@tap.test("from outside to the guest: bulk data both ways at once, whole, each end closed by itself")
def into(vm):
    data = os.urandom(BULK)
    listen(vm, 1000, "{} </tmp/out >/tmp/in")
    with to_guest(vm, 1000) as client:
        def send():
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        received = rest(client)
        sender.join()
    tap.check_equal(images.digest(received), vm.sh("sha256sum /tmp/out").split()[0], "what came out")
    vm.sh("while pidof vsockcat; do sleep 0.1; done")
    tap.check_equal(vm.sh("sha256sum /tmp/in").split()[0], images.digest(data), "what the guest received")


@tap.test("from the guest to a port outside: the same")
def out(vm):
    data = os.urandom(BULK)
    with serve(vm, 70) as server:
        vm.sh("(vsockcat 2 70 </tmp/out >/tmp/in2; echo done >/tmp/done) &")
        client, _ = server.accept()
        client.settimeout(TIMEOUT)
        with client:
            received = rest(client)  # the guest has ended its half; ours goes on
            client.sendall(data)
    tap.check_equal(images.digest(received), vm.sh("sha256sum /tmp/out").split()[0], "what came out")
    vm.sh("until [ -s /tmp/done ]; do sleep 0.1; done")
    tap.check_equal(vm.sh("sha256sum /tmp/in2").split()[0], images.digest(data), "what the guest received")


@tap.test("a port that nobody listens on is refused, on either side; nonsense too")
def refused(vm):
    status, words = vm.run("vsockcat 2 4711 </dev/null 2>&1")
    tap.check(status == 1 and "reset" in words.lower(), f"{status} {words}")
    for greeting in (b"CONNECT 4711\n", b"HELLO\n", b"CONNECT -1\n", b"CONNECT " + b"9" * 100 + b"\n", b"CONNECT 1 2\n"):
        with connect(vm.path) as client:
            client.sendall(greeting)
            try:
                tap.check_equal(line(client), b"", f"answer to {greeting}")
            except ConnectionResetError:
                pass


@tap.test("who does not read holds the other up, and loses nothing")
def slow(vm):
    with serve(vm, 71) as server:
        writer = vm.background("vsockcat 2 71 </tmp/out")
        client, _ = server.accept()
        client.settimeout(TIMEOUT)
        for _ in range(3):
            vm.qmp.execute("stop")
            vm.qmp.execute("cont")
        with client:
            client.shutdown(socket.SHUT_WR)
            tap.check_equal(images.digest(rest(client)), vm.sh("sha256sum /tmp/out").split()[0], "what came out")
        vm.wait_ended([writer])


@tap.test("many connections at once, and none is left behind")
def many(vm):
    before = len(vm.descriptors())
    with serve(vm, 72) as server:
        vm.sh("for i in $(seq 20); do echo $i | vsockcat 2 72 >/dev/null & done")
        clients = [server.accept()[0] for _ in range(20)]
        numbers = []
        for client in clients:
            client.settimeout(TIMEOUT)
            with client:
                numbers.append(int(rest(client)))
        tap.check_equal(sorted(numbers), list(range(1, 21)), "what came out")
    vm.sh("while pidof vsockcat; do sleep 0.1; done")
    vm.sh("true")
    tap.check(len(vm.descriptors()) <= before, f"{len(vm.descriptors())} descriptors, {before} before")


@tap.test("unplugged: its socket is gone, connections end")
def unplugged(vm):
    listen(vm, 1001, "{} </dev/zero >/dev/null")
    with to_guest(vm, 1001) as client:
        client.recv(1)
        vm.qmp.execute("device_del", {"id": "vsock0"})
        try:
            rest(client)
        except ConnectionResetError:
            pass
    tap.check(not os.path.exists(vm.path), "the socket is still there")
    tap.check_equal(vm.run("dmesg | grep -E 'BUG|Oops|Call Trace'"), (1, ""), "kernel log")


if __name__ == "__main__":
    tap.main(VsockVM)
