#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A NIC with two queue pairs in a guest with two CPUs: both used at once, UDP in segments, exchanges under load."""

import contextlib
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import net, tap
from harness.qmp import expect_error
from harness.vm import VM

HOST, GUEST = "10.79.0.1", "10.79.0.2"
SIZE = 8 << 20
SEGMENT, SEGMENTS = 1400, 40
UDP_SEGMENT = 103
F_MQ, F_GUEST_USO4, F_HOST_USO = 22, 54, 56


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def two_queues():
    with net.Namespace() as namespace:
        namespace.add_tap("tap0", HOST + "/24", flags="multi_queue")
        options = ["-netdev", "tap,id=net-0,ifname=tap0,queues=2", "-device", "virtio-net-device,netdev=net-0,id=net-0"]
        with VM(*options, wrapper=namespace.wrapper, harts=2) as vm:
            vm.namespace = namespace
            yield vm


def negotiated(vm):
    bits = vm.sh("cat /sys/class/net/eth0/device/features").strip()
    return {number for number, bit in enumerate(bits) if bit == "1"}


def queues(vm):
    """Those of the guest's driver, and those that the tap has attached."""
    link = vm.namespace.ip("-d link show tap0").split()
    return vm.sh("ls /sys/class/net/eth0/queues").split(), int(link[link.index("numqueues") + 1])


@tap.test("the driver has two queue pairs, and the tap two queues")
def both(vm):
    vm.boot()
    net.configure(vm, "eth0", GUEST + "/24")
    net.wait_carrier(vm, "eth0", True)
    net.ping(vm, HOST)
    tap.check(F_MQ in negotiated(vm), negotiated(vm))
    tap.check_equal(queues(vm), (["rx-0", "rx-1", "tx-0", "tx-1"], 2), "queues")


@tap.test("several transfers at once, each way, arrive as they were sent")
def transfers(vm):
    vm.server = net.Server(vm.namespace)
    vm.uploads = net.Uploads(vm)
    wanted = net.pattern_md5(SIZE)
    vm.sh("".join(f"(taskset {1 + number % 2} wget -q -O - http://{HOST}:{net.PORT}/{SIZE} | md5sum >/tmp/{number}; touch /tmp/{number}.over) "
                  ">/dev/null 2>&1 & " for number in range(4)))
    vm.uploads.fetch(vm.namespace, GUEST, SIZE)
    for number in range(4):
        vm.sh(f"until [ -e /tmp/{number}.over ]; do sleep 0.05; done")
        tap.check_equal(vm.sh(f"cat /tmp/{number}").split()[0], wanted, f"MD5 of transfer {number}")


def udp_counters(vm):
    """Bytes and packets of the NIC; the datagrams that nobody waited for, and those with a wrong checksum."""
    received = [int(vm.sh(f"cat /sys/class/net/eth0/statistics/rx_{what}")) for what in ("bytes", "packets")]
    names, values = (line.split() for line in vm.sh("grep ^Udp: /proc/net/snmp").splitlines())
    counters = dict(zip(names, values))
    return [*received, int(counters["NoPorts"]), int(counters["InCsumErrors"])]


def send_segments(data):
    """One packet for the host's kernel, which whoever takes it may leave whole."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendmsg([data], [(socket.SOL_UDP, UDP_SEGMENT, struct.pack("H", SEGMENT))], 0, (GUEST, 6000))
    return True


@tap.test("UDP that the host's kernel leaves in one piece, where it can")
def segments(vm):
    features = negotiated(vm)
    tap.check_equal(F_GUEST_USO4 in features, F_HOST_USO in features, "USO both ways")
    before = udp_counters(vm)
    vm.namespace.run(lambda: send_segments(bytes(SEGMENT * SEGMENTS)))
    vm.sh(f"until [ $(cat /sys/class/net/eth0/statistics/rx_bytes) -ge {before[0] + SEGMENT * SEGMENTS} ]; do sleep 0.02; done")
    _, packets, datagrams, wrong = (now - then for now, then in zip(udp_counters(vm), before))
    tap.note(f"{SEGMENTS} datagrams in {packets} packets")
    tap.check_equal(wrong, 0, "wrong checksums")
    tap.check(datagrams <= packets, f"{datagrams} datagrams in {packets} packets")
    if F_GUEST_USO4 in features:
        tap.check(packets < SEGMENTS, f"{packets} packets")
    else:
        tap.note("the host's taps or the guest have no USO: segments came one by one")


@tap.test("unplugged and plugged under load, with as many queues or more; one does not replace two")
def exchange(vm):
    for turn in range(4):
        loads = [vm.background(f"wget -q -T 5 -O /dev/null http://{HOST}:{net.PORT}/{1 << 30}"),
                 vm.background(f"ping -q -A -s 1400 {HOST}")]
        net.unplug(vm.qmp, "net-0")
        net.wait_carrier(vm, "eth0", False)
        tap.check(not any("tun" in each for each in vm.descriptors()), "the tap is still open")
        vm.qmp.execute("netdev_add", {"id": "net-0", "type": "tap", "ifname": "tap0"})
        expect_error(vm.qmp.execute, "device_add", net.device("net-0", 0), names=["net-0"])
        vm.qmp.execute("netdev_del", {"id": "net-0"})
        net.plug(vm.qmp, "net-0", 0, type="tap", ifname="tap0", queues=2 + turn % 3)
        net.wait_carrier(vm, "eth0", True)
        vm.sh("ifconfig eth0 promisc && ifconfig eth0 -promisc")  # over the control queue, wherever that is
        vm.run(f"kill {' '.join(map(str, loads))}")
        vm.wait_ended(loads)
        net.ping(vm, HOST)
    tap.check_equal(queues(vm)[1], 2, "the tap's queues")
    net.download(vm, HOST, SIZE)


def flood():
    """Datagrams to the guest for as long as the test likes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(20000):
            with contextlib.suppress(OSError):
                sender.sendto(bytes(1000), (GUEST, 9))
    return True


@tap.test("a driver that does not refill its receive queues costs nothing, and is unplugged at once")
def never_refilled(vm):
    vm.namespace.ip(f"neigh replace {GUEST} lladdr {net.mac(vm, 'eth0')} dev tap0 nud permanent")
    vm.sh("ip link set eth0 down")
    vm.namespace.run(flood)
    before, started = cpu_seconds(vm.pid), time.monotonic()
    vm.namespace.run(flood)
    used, took = cpu_seconds(vm.pid) - before, time.monotonic() - started
    tap.note(f"{used:.2f} s of CPU in {took:.2f} s")
    tap.check(used < took / 2, f"{used:.2f} s of CPU in {took:.2f} s, for nothing")
    net.unplug(vm.qmp, "net-0")
    net.plug(vm.qmp, "net-0", 0, type="tap", ifname="tap0", queues=2)
    net.configure(vm, "eth0", GUEST + "/24")
    net.wait_carrier(vm, "eth0", True)
    net.ping(vm, HOST)


@tap.test("the driver bound anew to a NIC with one queue, and with two")
def anew(vm):
    for count in (1, 2):
        vm.sh("modprobe -r virtio_net")
        net.unplug(vm.qmp, "net-0")
        net.plug(vm.qmp, "net-0", 0, type="tap", ifname="tap0", queues=count)
        vm.sh("modprobe virtio_net")
        net.configure(vm, "eth0", GUEST + "/24")
        net.wait_carrier(vm, "eth0", True)
        net.ping(vm, HOST)
        tap.check_equal(len(queues(vm)[0]), 2 * count, "queues")
        net.download(vm, HOST, SIZE)
    tap.check_equal(vm.run("dmesg | grep -E 'BUG|Oops|Call Trace|NETDEV WATCHDOG'"), (1, ""), "kernel log")
    vm.server.close()


if __name__ == "__main__":
    tap.main(two_queues)
