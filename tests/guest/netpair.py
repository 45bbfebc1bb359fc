#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two VMs connected over unix sockets, without privileges: stream and datagrams, and what becomes of one without the other."""

import contextlib
import os
import shutil
import socket
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


PEER_MAC, PEER = bytes.fromhex("525400000009"), "10.77.0.9"
LIMIT = 65536 + 64  # the longest frame there is
# No frame has so few bytes, or so many.
TOO_SHORT, TOO_LONG = [bytes(size) for size in (0, 1, 13)], [bytes(size) for size in (LIMIT + 1, 100000)]
# Frames, with nothing in them that makes sense.
GARBAGE = [bytes([0xFF] * 14), b"\xff" * LIMIT, bytes(60), os.urandom(1514), bytes.fromhex("ffffffffffff525400000009810000")]
GARBAGE += [b"\xff" * 6 + PEER_MAC + bytes([8, 0, 0x45]) + bytes([byte] * 40) for byte in (0, 0x7F, 0xFF)]


def arp_request():
    return (b"\xff" * 6 + PEER_MAC + bytes.fromhex("08060001080006040001") + PEER_MAC + socket.inet_aton(PEER) + bytes(6)
            + socket.inet_aton(ADDRESSES[0]))


def is_arp_reply(frame):
    return frame[:6] == PEER_MAC and frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\2"


def dropped(vm):
    (netdev,) = vm.qmp.execute("query-netdev")
    return netdev["dropped"]


def goes_on(vm, send, receive):
    """The guest's network still answers, and its kernel has nothing to complain of."""
    send(arp_request())
    while not is_arp_reply(receive()):
        pass
    tap.check_equal(vm.sh("cat /sys/class/net/eth0/carrier"), "1", "carrier")
    tap.check_equal(vm.run("dmesg | grep -E 'BUG|Oops|Call Trace'"), (1, ""), "kernel log")


@tap.test("a peer that sends what is no frame, and frames of garbage: counted or passed on, and the network goes on")
def hostile_datagrams(two):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        peer.bind(two.path("b"))
        peer.settimeout(60)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        net.plug(two.first.qmp, "net-0", 0, **datagrams(two, "a", "b"))
        net.wait_carrier(two.first, "eth0", True)
        peer.connect(two.path("a"))
        before = dropped(two.first)
        for frame in (TOO_SHORT + TOO_LONG + GARBAGE) * 20:
            peer.send(frame)
        goes_on(two.first, peer.send, lambda: peer.recv(1 << 17))
        tap.check_equal(dropped(two.first) - before, 20 * len(TOO_SHORT + TOO_LONG), "frames that were counted as dropped")
        net.unplug(two.first.qmp, "net-0")
    os.unlink(two.path("b"))


@tap.test("the same over a stream, where a length that no frame has ends the connection, and the next one is served")
def hostile_stream(two):
    net.plug(two.first.qmp, "net-0", 0, type="stream", server=True, addr={"type": "unix", "path": two.path("stream")})
    before = dropped(two.first)
    framed = lambda frame: len(frame).to_bytes(4, "big") + frame
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(60)
            peer.connect(two.path("stream"))
            net.wait_carrier(two.first, "eth0", True)
            for frame in TOO_SHORT + GARBAGE:
                peer.sendall(framed(frame))
            with peer.makefile("rb") as reader:
                goes_on(two.first, lambda frame: peer.sendall(framed(frame)), lambda: reader.read(int.from_bytes(reader.read(4), "big")))
            peer.sendall((LIMIT + 1).to_bytes(4, "big") + bytes(100))
            net.wait_carrier(two.first, "eth0", False)
    tap.check_equal(dropped(two.first) - before, 3 * len(TOO_SHORT), "frames that were counted as dropped")
    net.unplug(two.first.qmp, "net-0")


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
