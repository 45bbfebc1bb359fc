#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two NICs plugged into a running guest on taps: carrier, addresses, transfers, unplugging under load, a tap that goes."""

import contextlib
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import net, tap
from harness.qmp import QMPError
from harness.vm import KVM, VM

# Each way; less where the KVM is itself emulated.
SIZE = int(os.environ.get("MORTISE_TRANSFER_MIB", "32" if KVM else "200")) << 20
SMALL = min(16 << 20, SIZE // 8)
HOST, GUEST = ("10.77.0.1", "10.77.1.1"), ("10.77.0.2", "10.77.1.2")
NETMASK = "/24"
OTHER_MAC = "52:54:00:00:00:77"


@contextlib.contextmanager
def two_taps():
    """A VM in a namespace with two taps, and servers at the host's end."""
    with net.Namespace() as namespace:
        for slot in range(net.BAY):
            namespace.add_tap(f"tap{slot}", HOST[slot] + NETMASK)
        with VM(wrapper=namespace.wrapper) as vm:
            vm.namespace = namespace
            yield vm


def refused(vm, words, name, arguments):
    try:
        vm.qmp.execute(name, arguments)
    except QMPError as error:
        tap.note(error.description)
        tap.check(words in error.description, f"'{words}' is not in: {error.description}")
        return
    raise AssertionError(f"{name} {arguments} was accepted")


def learn_macs(vm):
    vm.macs = [net.mac(vm, f"eth{slot}") for slot in range(net.BAY)]
    tap.check(vm.macs[0] != vm.macs[1], f"both have {vm.macs[0]}")
    for slot in range(net.BAY):
        net.configure(vm, f"eth{slot}", GUEST[slot] + NETMASK)


@tap.test("empty slots are NICs without carrier, each with an address of its own; with ACPI there is none")
def empty(vm):
    vm.boot()
    if vm.finds_devices:
        tap.check_equal(vm.sh("ls /sys/class/net"), "lo", "interfaces")
        return
    learn_macs(vm)
    for slot in range(net.BAY):
        net.wait_carrier(vm, f"eth{slot}", False)


@tap.test("plugging both brings their carriers up")
def plug(vm):
    for slot in range(net.BAY):
        started = time.monotonic()
        net.plug(vm.qmp, f"net-{slot}", slot, ifname=f"tap{slot}")
        answered = time.monotonic()
        if vm.finds_devices:
            vm.sh(f"until ip link set eth{slot} up 2>/dev/null; do sleep 0.01; done")
        net.wait_carrier(vm, f"eth{slot}", True)
        seen = time.monotonic()
        tap.note(f"answered after {(answered - started) * 1000:.1f} ms, seen by {(seen - started) * 1000:.1f} ms")
    if vm.finds_devices:
        learn_macs(vm)
    for slot in range(net.BAY):
        tap.check_equal(net.mac(vm, f"eth{slot}"), vm.macs[slot], "the guest's address")


@tap.test("the host answers on both")
def ping(vm):
    for slot in range(net.BAY):
        net.ping(vm, HOST[slot])
        net.ping(vm, HOST[slot], size=1472)
        net.ping(vm, HOST[slot], size=20000)  # in fragments


@tap.test("what cannot be is refused with its reason, and changes nothing")
def refusals(vm):
    refused(vm, "slots for a NIC are occupied", "device_add", net.device("net-2", netdev="net-0"))
    refused(vm, "tap9", "netdev_add", {"id": "net-2", "ifname": "tap9"})
    refused(vm, "'tap0' is in use", "netdev_add", {"id": "net-2", "ifname": "tap0"})
    refused(vm, "net-0", "netdev_add", {"id": "net-0", "type": "user"})
    refused(vm, "in use by device 'net-0'", "netdev_del", {"id": "net-0"})
    for slot in range(net.BAY):
        net.ping(vm, HOST[slot], count=1)


def transfers(vm, size, slot=0):
    started = time.monotonic()
    net.download(vm, HOST[slot], size)
    middle = time.monotonic()
    vm.uploads.fetch(vm.namespace, GUEST[slot], size)
    ended = time.monotonic()
    tap.note(f"host to guest, summed up there: {size / (middle - started) / 1e6:.1f} MB/s")
    tap.note(f"guest to host: {size / (ended - middle) / 1e6:.1f} MB/s")


@tap.test(f"{SIZE >> 20} MiB through TCP each way arrive as they were sent")
def tcp(vm):
    vm.server = net.Server(vm.namespace)
    vm.uploads = net.Uploads(vm)
    transfers(vm, SIZE)
    transfers(vm, SMALL, 1)


@tap.test("jumbo frames")
def jumbo(vm):
    vm.namespace.ip("link set tap0 mtu 9000")
    net.configure(vm, "eth0", GUEST[0] + NETMASK, mtu=9000)
    net.ping(vm, HOST[0], size=8972)
    net.set_offload(vm.namespace, "tap0", False)  # so that they are not cut on their way
    transfers(vm, SMALL)
    net.set_offload(vm.namespace, "tap0", True)
    vm.namespace.ip("link set tap0 mtu 1500")
    net.configure(vm, "eth0", GUEST[0] + NETMASK)


@tap.test("without the host's offloads")
def host_offloads(vm):
    net.set_offload(vm.namespace, "tap0", False)
    transfers(vm, SMALL)
    net.set_offload(vm.namespace, "tap0", True)


@tap.test("the driver unloaded and loaded again without its offloads, and with them")
def guest_offloads(vm):
    for parameters in ("csum=0 gso=0", ""):
        vm.sh(f"modprobe -r virtio_net && modprobe virtio_net {parameters}")
        for slot in range(net.BAY):
            net.configure(vm, f"eth{slot}", GUEST[slot] + NETMASK)
            net.wait_carrier(vm, f"eth{slot}", True)
            tap.check_equal(net.mac(vm, f"eth{slot}"), vm.macs[slot], "the guest's address")
        net.ping(vm, HOST[0])
        transfers(vm, SMALL)


@tap.test("filters: every multicast group, another address, everything, and neither any more")
def filters(vm):
    for change in ("allmulti", "-allmulti", f"down hw ether {OTHER_MAC}", f"down hw ether {vm.macs[0]}", "promisc", "-promisc"):
        vm.sh(f"ifconfig eth0 {change}")
        net.configure(vm, "eth0", GUEST[0] + NETMASK)
        net.ping(vm, HOST[0])


@tap.test("set_link takes the carrier away and gives it back")
def set_link(vm):
    vm.qmp.execute("set_link", {"name": "net-0", "up": False})
    net.wait_carrier(vm, "eth0", False)
    vm.qmp.execute("set_link", {"name": "net-0", "up": True})
    net.wait_carrier(vm, "eth0", True)
    net.ping(vm, HOST[0])


@tap.test("unplugging under load: carrier gone, tap free at once, and all well after plugging again")
def unplug(vm):
    for round in range(5):
        load = vm.background(f"wget -q -T 5 -O /dev/null http://{HOST[0]}:{net.PORT}/{1 << 30}")
        flood = vm.background(f"ping -q -A -s 1400 {HOST[0]}")
        before = int(vm.sh("cat /sys/class/net/eth0/statistics/rx_bytes"))
        vm.sh(f"until [ $(cat /sys/class/net/eth0/statistics/rx_bytes) -gt {before + 1000000} ]; do sleep 0.05; done")
        started = time.monotonic()
        net.unplug(vm.qmp, "net-0")
        took = time.monotonic() - started
        tap.check(took < 10, f"device_del took {took:.1f} s")
        tap.check_equal(sum("tun" in each for each in vm.descriptors()), 1, "open taps")
        net.wait_carrier(vm, "eth0", False)
        net.plug(vm.qmp, "net-0", 0, ifname="tap0")
        net.wait_carrier(vm, "eth0", True)
        vm.run(f"kill {load} {flood}")
        vm.wait_ended([load, flood])
        net.ping(vm, HOST[0])
    transfers(vm, SMALL)


@tap.test("an address that the guest can no longer learn is refused; its own is not")
def address(vm):
    net.unplug(vm.qmp, "net-0")
    vm.qmp.execute("netdev_add", {"id": "net-0", "ifname": "tap0"})
    refused(vm, "will not look again", "device_add", net.device("net-0", 0, mac=OTHER_MAC))
    vm.qmp.execute("device_add", net.device("net-0", 0, mac=vm.macs[0]))
    net.wait_carrier(vm, "eth0", True)
    net.ping(vm, HOST[0])


@tap.test("a tap deleted under the VM takes the carrier along, and brings it back")
def deleted(vm):
    lines = vm.errors().count("\n")
    vm.namespace.ip("link del tap0")
    net.wait_carrier(vm, "eth0", False)
    net.ping(vm, HOST[1])
    vm.run(f"ping -c 3 -i 0.2 -W 1 {HOST[0]}")
    tap.check(vm.errors().count("\n") - lines <= 2, "an error storm")
    vm.namespace.add_tap("tap0", HOST[0] + NETMASK)
    net.wait_carrier(vm, "eth0", True)
    net.ping(vm, HOST[0])
    transfers(vm, SMALL)


@tap.test("a guest's reset is survived")
def reset(vm):
    start = vm.console.mark()
    vm.qmp.execute("system_reset")
    vm.boot(start)
    for slot in range(net.BAY):
        tap.check_equal(net.mac(vm, f"eth{slot}"), vm.macs[slot], "the guest's address")
        net.configure(vm, f"eth{slot}", GUEST[slot] + NETMASK)
        net.wait_carrier(vm, f"eth{slot}", True)
        net.ping(vm, HOST[slot])
    vm.server.close()


if __name__ == "__main__":
    tap.main(two_taps)
