#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two VMs connected over unix sockets, without privileges: stream and datagrams, and what becomes of one without the other."""

import contextlib
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import net, tap
from harness.vm import VM

ADDRESSES = ("10.77.0.1", "10.77.0.2")


class Pair:
    def __init__(self, directory, first, second):
        self.directory, self.first, self.second = directory, first, second
        self.both = (first, second)

    def path(self, name):
        return os.path.join(self.directory, name)


# The slots' addresses come from the VMs' names, which therefore differ.
OPTIONS = (("-name", "first"), ("-name", "second"))


@contextlib.contextmanager
def pair():
    directory = tempfile.mkdtemp(prefix="mortise-pair.")
    try:
        with VM(*OPTIONS[0]) as first, VM(*OPTIONS[1]) as second:
            yield Pair(directory, first, second)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def transfers(two):
    """Each fetches the other's random bytes; sums at both ends."""
    for vm, peer, address in zip(two.both, reversed(two.both), reversed(ADDRESSES)):
        got = vm.sh(f"wget -q -O - http://{address}/file | md5sum", 600).split()[0]
        tap.check_equal(got, peer.uploads.md5, "MD5 of what arrived")


def connected(two):
    for vm in two.both:
        net.wait_carrier(vm, "eth0", True)
    for vm, peer in zip(two.both, reversed(ADDRESSES)):
        net.ping(vm, peer)
        net.ping(vm, peer, size=1472)


@tap.test("both are up")
def boot(two):
    for vm, address in zip(two.both, ADDRESSES):
        vm.boot()
        net.configure(vm, "eth0", address + "/24")
        vm.uploads = net.Uploads(vm)


@tap.test("over a stream: ping, and a transfer each way")
def stream(two):
    address = {"type": "unix", "path": two.path("stream")}
    net.plug(two.first.qmp, "net-0", 0, type="stream", server=True, addr=address)
    net.wait_carrier(two.first, "eth0", False)
    net.plug(two.second.qmp, "net-0", 0, type="stream", addr=address)
    connected(two)
    transfers(two)


@tap.test("jumbo frames over it")
def jumbo(two):
    for vm, address in zip(two.both, ADDRESSES):
        net.configure(vm, "eth0", address + "/24", mtu=9000)
    net.ping(two.first, ADDRESSES[1], size=8972)
    transfers(two)
    for vm, address in zip(two.both, ADDRESSES):
        net.configure(vm, "eth0", address + "/24")


@tap.test("the server's end is unplugged: the client loses its carrier, and has it back with the next server")
def server_goes(two):
    net.unplug(two.first.qmp, "net-0")
    net.wait_carrier(two.second, "eth0", False)
    address = {"type": "unix", "path": two.path("stream")}
    net.plug(two.first.qmp, "net-0", 0, type="stream", server=True, addr=address)
    connected(two)


@tap.test("the client's end is unplugged: the same the other way round")
def client_goes(two):
    net.unplug(two.second.qmp, "net-0")
    net.wait_carrier(two.first, "eth0", False)
    net.plug(two.second.qmp, "net-0", 0, type="stream", addr={"type": "unix", "path": two.path("stream")})
    connected(two)
    for vm in two.both:
        net.unplug(vm.qmp, "net-0")
    tap.check(not os.path.exists(two.path("stream")), "the socket is still there")


def datagrams(two, own, other):
    return {
        "type": "dgram",
        "local": {"type": "unix", "path": two.path(own)},
        "remote": {"type": "unix", "path": two.path(other)},
    }


@tap.test("over datagrams: ping, and a transfer each way")
def dgram(two):
    net.plug(two.first.qmp, "net-0", 0, **datagrams(two, "a", "b"))
    net.plug(two.second.qmp, "net-0", 0, **datagrams(two, "b", "a"))
    connected(two)
    transfers(two)


@tap.test("one VM ends: the other loses its carrier and goes on")
def one_ends(two):
    two.first.quit()
    net.wait_carrier(two.second, "eth0", False)
    net.unplug(two.second.qmp, "net-0")


if __name__ == "__main__":
    tap.main(pair)
