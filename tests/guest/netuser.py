#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The user-mode network, without privileges: DHCP, the host through its alias, forwarded ports, restriction."""

import os
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import net, tap
from harness.qmp import QMPError
from harness.vm import VM

SIZE, SMALL = 200 << 20, 16 << 20
ALIAS = "10.0.2.2"  # the host's loopback, as the guest sees it
PASST_GATEWAY = "10.9.0.1"  # the same, through passt

# busybox's DHCP client leaves what it learns to a script.
LEASE = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add $ip/$mask dev $interface
ip route add default via $router
echo "$ip $router $dns" >/tmp/lease
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@tap.test("plugged, the guest gets an address by DHCP")
def dhcp(vm):
    vm.boot()
    vm.port = free_port()
    forward = [{"str": f"tcp:127.0.0.1:{vm.port}-:80"}]
    net.plug(vm.qmp, "net-0", 0, type="user", hostfwd=forward)
    vm.sh("ip link set lo up; ip link set eth0 up")
    net.wait_carrier(vm, "eth0", True)
    vm.sh("cat >/tmp/script <<'END'\n" + LEASE + "END\nchmod +x /tmp/script")
    vm.sh("udhcpc -q -n -t 10 -i eth0 -s /tmp/script")
    tap.check_equal(vm.sh("cat /tmp/lease").split(), ["10.0.2.15", "10.0.2.2", "10.0.2.3"], "address, router, DNS")


@tap.test("the guest reaches a server of the host's, and the host one of the guest's")
def transfers(vm):
    vm.server = net.Server(address="127.0.0.1", port=0)
    net.ping(vm, ALIAS)
    net.download(vm, ALIAS, SIZE, vm.server.port)
    vm.uploads = net.Uploads(vm)
    vm.uploads.fetch(None, "127.0.0.1", SIZE, vm.port)


@tap.test("a port that is in use is refused by name, and is free again after unplugging")
def ports(vm):
    options = {"id": "net-1", "type": "user", "hostfwd": [{"str": f"tcp:127.0.0.1:{vm.port}-:80"}]}
    try:
        vm.qmp.execute("netdev_add", options)
        raise AssertionError("the port was forwarded twice")
    except QMPError as error:
        tap.check(str(vm.port) in error.description, error.description)
    net.unplug(vm.qmp, "net-0")
    net.wait_carrier(vm, "eth0", False)
    vm.qmp.execute("netdev_add", options)
    vm.qmp.execute("netdev_del", {"id": "net-1"})


@tap.test("restricted, the guest reaches nothing, yet is reached")
def restricted(vm):
    net.plug(vm.qmp, "net-0", 0, type="user", restrict=True, hostfwd=[{"str": f"tcp:127.0.0.1:{vm.port}-:80"}])
    net.wait_carrier(vm, "eth0", True)
    status, _ = vm.run(f"wget -q -T 5 -O /dev/null http://{ALIAS}:{vm.server.port}/1")
    tap.check(status, "the guest reached the host")
    vm.uploads.fetch(None, "127.0.0.1", 1, vm.port)
    net.unplug(vm.qmp, "net-0")


def passt(vm):
    """Starts passt, which takes one connection and ends with it. As root it becomes another user, whose socket it is."""
    if not shutil.which("passt"):
        raise tap.Skip("passt is not installed")
    directory = vm.file("passt")
    os.mkdir(directory)
    os.chmod(directory, 0o777)
    path = os.path.join(directory, "socket")
    network = ("-4", "-a", "10.9.0.2", "-n", "24", "-g", PASST_GATEWAY, "-t", f"127.0.0.1/{vm.port}:80", "-u", "none")
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "passt", "-f", "-e", "-1", "-s", path, *network],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    words = []
    while not words or (words[-1] and "start qemu" not in words[-1]):
        words.append(process.stderr.readline())
    tap.check(words[-1], "".join(words))
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return process, path


@tap.test("through passt the guest and the host reach each other, and its end takes the carrier away")
def through_passt(vm):
    os.chmod(vm.directory, 0o711)
    process, path = passt(vm)
    try:
        net.plug(vm.qmp, "net-0", 0, type="stream", addr={"type": "unix", "path": path})
        net.wait_carrier(vm, "eth0", True)
        vm.sh("ip addr flush dev eth0; udhcpc -q -n -t 10 -i eth0 -s /tmp/script")
        tap.check_equal(vm.sh("cat /tmp/lease").split()[:2], ["10.9.0.2", PASST_GATEWAY], "address, router")
        net.download(vm, PASST_GATEWAY, SMALL, vm.server.port)
        vm.uploads.fetch(None, "127.0.0.1", SMALL, vm.port)
    finally:
        process.kill()
        process.wait()
    net.wait_carrier(vm, "eth0", False)
    net.unplug(vm.qmp, "net-0")


@tap.test("a connected socket passed in with getfd is a stream's peer")
def passed_in(vm):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        vm.qmp.send({"execute": "getfd", "arguments": {"fdname": "peer"}}, [theirs.fileno()])
        tap.check_equal(vm.qmp.receive(), {"return": {}}, "getfd's answer")
        theirs.close()
        net.plug(vm.qmp, "net-0", 0, type="stream", addr={"type": "fd", "str": "peer"})
        net.wait_carrier(vm, "eth0", True)
        vm.run("ping -c 1 -W 1 10.9.0.1")
        ours.settimeout(10)
        tap.check(int.from_bytes(ours.recv(4, socket.MSG_WAITALL), "big") >= 14, "no frame came")
    net.wait_carrier(vm, "eth0", False)
    vm.server.close()


if __name__ == "__main__":
    tap.main(VM)
