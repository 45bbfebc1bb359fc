#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The user-mode network, without privileges: DHCP, the host through its alias, forwarded ports, restriction."""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import net, tap
from harness.qmp import QMPError
from harness.vm import VM

SIZE = 16 << 20
ALIAS = "10.0.2.2"  # the host's loopback, as the guest sees it

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
    vm.server.close()


if __name__ == "__main__":
    tap.main(VM)
