#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Queues served by the host's kernel under KVM: a NIC by vhost-net, with its queues handed to and fro, and vsock both ways."""

import contextlib
import hashlib
import os
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, net, tap
from harness.qmp import expect_error
from harness.vm import BUILD, VM

HOST, GUEST = "10.77.0.1", "10.77.0.2"
FIRST_HOST, FIRST_GUEST = "10.77.1.1", "10.77.1.2"
# As whoever starts a sandbox does it: the VMM inherits open descriptors.
INHERIT = ("sh", "-c", 'exec 7<>/dev/vhost-net 8<>/dev/vhost-net; exec "$@"', "sh")
SIZE = 16 << 20
CID, PORT = 77, 5000
PIECE = 64 << 10
TOOL = os.path.join(BUILD, "tests/guest/vsock")


@contextlib.contextmanager
def fixture():
    for device in ("/dev/kvm", "/dev/vhost-net", "/dev/vhost-vsock"):
        if not os.access(device, os.R_OK | os.W_OK):
            raise tap.Skip(f"no {device} here: scripts/with-kvm")
    if not os.path.exists(TOOL):
        raise tap.Skip("no tests/guest/vsock: make check builds it, but not with sanitizers")
    with net.Namespace() as namespace:
        namespace.add_tap("tap0", f"{HOST}/24")
        namespace.add_tap("tap1", f"{FIRST_HOST}/24", flags="multi_queue")
        with tempfile.NamedTemporaryFile() as disk, open(TOOL, "rb") as tool:
            disk.write(tool.read() + bytes(images.SECTOR))
            disk.truncate(disk.tell() // images.SECTOR * images.SECTOR)
            options = ["-drive", f"file={disk.name},id=tool,if=none,format=raw,readonly=on"]
            options += ["-device", "virtio-blk-device,drive=tool"]
            options += ["-netdev", "tap,id=first,ifname=tap1,queues=2,vhostfds=7:8", "-device", "virtio-net-device,netdev=first"]
            with VM(*options, wrapper=(*namespace.wrapper, *INHERIT), arch="x86_64", harts=2) as vm:
                vm.namespace = namespace
                yield vm


def in_kernel(vm):
    """Whether a vhost worker lives in the VMM's process."""
    return any(each.startswith("vhost-") for each in vm.threads())


def transfer(vm):
    net.download(vm, HOST, SIZE)
    vm.uploads.fetch(vm.namespace, GUEST, SIZE)


@tap.test("a NIC with two queue pairs, on descriptors of vhost-net that were inherited")
def inherited(vm):
    vm.boot()
    net.configure(vm, "eth0", f"{FIRST_GUEST}/24")
    net.wait_carrier(vm, "eth0", True)
    net.ping(vm, FIRST_HOST)
    tap.check(in_kernel(vm), f"no vhost worker among {vm.threads()}")
    link = vm.namespace.ip("-d link show tap1").split()
    tap.check_equal(link[link.index("numqueues") + 1], "2", "the tap's queues")
    vm.server, vm.uploads = net.Server(vm.namespace), net.Uploads(vm)
    loads = [vm.background(f"taskset {1 + cpu} wget -q -O /tmp/{cpu} http://{FIRST_HOST}:{net.PORT}/{SIZE}") for cpu in range(2)]
    vm.uploads.fetch(vm.namespace, FIRST_GUEST, SIZE)
    vm.wait_ended(loads)
    for cpu in range(2):
        tap.check_equal(vm.sh(f"md5sum /tmp/{cpu}; rm /tmp/{cpu}").split()[0], net.pattern_md5(SIZE), f"MD5 of what CPU {cpu} received")


@tap.test("a NIC on a tap with vhost=on is plugged into a running guest, and moves frames without the VMM's help")
def plug(vm):
    net.plug(vm.qmp, "net-0", 1, type="tap", ifname="tap0", vhost=True)
    vm.sh("until [ -e /sys/class/net/eth1 ]; do sleep 0.05; done")
    net.configure(vm, "eth1", f"{GUEST}/24")
    net.wait_carrier(vm, "eth1", True)
    net.ping(vm, HOST)
    transfer(vm)
    sent = [each["sent"] for each in vm.qmp.execute("query-netdev") if each["id"] == "net-0"]
    tap.check(sent[0] < 100, f"{sent[0]} frames went through the VMM")


@tap.test("stop and cont under load")
def stop(vm):
    load = vm.background(f"ping -q -A -c 2000 -s 1400 {HOST}")
    for _ in range(10):
        vm.qmp.execute("stop")
        vm.qmp.execute("cont")
    net.ping(vm, HOST)
    vm.run(f"kill {load}")
    transfer(vm)


@tap.test("set_link down takes the queues back, up gives them again")
def link(vm):
    vm.qmp.execute("set_link", {"name": "net-0", "up": False})
    net.wait_carrier(vm, "eth1", False)
    vm.qmp.execute("set_link", {"name": "net-0", "up": True})
    net.wait_carrier(vm, "eth1", True)
    net.ping(vm, HOST)


@tap.test("the driver goes on with a card that has no vhost, and with one that has it again")
def exchange(vm):
    for vhost in (False, True):
        net.unplug(vm.qmp, "net-0")
        net.wait_carrier(vm, "eth1", False)
        net.plug(vm.qmp, "net-0", 1, type="tap", ifname="tap0", vhost=vhost)
        net.wait_carrier(vm, "eth1", True)
        net.ping(vm, HOST)
        transfer(vm)
    tap.check_equal(sum("vhost-net" in each for each in vm.descriptors()), 3, "open /dev/vhost-net")


@tap.test("a tap deleted under vhost takes the carrier along, and brings it back; the same of one with two queues")
def deleted(vm):
    for name, interface, host, flags in (("tap0", "eth1", HOST, ""), ("tap1", "eth0", FIRST_HOST, "multi_queue")):
        vm.namespace.ip(f"link del {name}")
        net.wait_carrier(vm, interface, False)
        vm.namespace.add_tap(name, f"{host}/24", flags=flags)
        net.wait_carrier(vm, interface, True)
        net.ping(vm, host)
    transfer(vm)


@tap.test("a vsock device on a descriptor that was passed in by name")
def vsock(vm):
    with open("/dev/vhost-vsock", "r+b", buffering=0) as file:
        vm.qmp.send({"execute": "getfd", "arguments": {"fdname": "vsock"}}, [file.fileno()])
        vm.qmp.value(vm.qmp.reply())
    expect_error(vm.qmp.execute, "device_add", {"driver": "vhost-vsock-device", "id": "v", "guest-cid": 2, "vhostfd": "vsock"}, names=["guest-cid"])
    vm.qmp.execute("device_add", {"driver": "vhost-vsock-device", "id": "v", "guest-cid": CID, "vhostfd": "vsock"})
    expect_error(vm.qmp.execute, "closefd", {"fdname": "vsock"}, names=["not found"])  # it is the device's now
    expect_error(vm.qmp.execute, "device_add", {"driver": "vhost-vsock", "id": "w", "guest-cid": CID}, names=[f"id {CID} is in use"])
    vm.sh(f"modprobe vmw_vsock_virtio_transport; head -c {os.path.getsize(TOOL)} /dev/vda >/tmp/vsock; chmod +x /tmp/vsock")
    vm.sh("until ls /sys/bus/virtio/drivers/vmw_vsock_virtio_transport | grep -q virtio; do sleep 0.05; done")


def echoed(connection, size=4 << 20):
    """Sends that much and gets it back, no more at a time than sockets hold: the guest reads no further until it is rid of it."""
    sent, got = hashlib.md5(), hashlib.md5()
    for piece in net.pattern(size):
        for start in range(0, len(piece), PIECE):
            part = piece[start : start + PIECE]
            sent.update(part)
            connection.sendall(part)
            left = len(part)
            while left:
                back = connection.recv(left)
                tap.check(back, "the guest has closed the connection")
                got.update(back)
                left -= len(back)
    tap.check_equal(got.hexdigest(), sent.hexdigest(), "MD5 of what came back")


def guest_listens(vm):
    guest = vm.background(f"/tmp/vsock {PORT} >/tmp/listening")
    vm.sh("until grep -q listening /tmp/listening; do sleep 0.05; done")
    return guest


@tap.test("the host connects to the guest, and the guest to the host")
def both_ways(vm):
    guest_listens(vm)
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect((CID, PORT))
        echoed(connection)
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as server:
        server.settimeout(60)
        server.bind((socket.VMADDR_CID_ANY, PORT))
        server.listen(1)
        vm.background(f"/tmp/vsock {PORT} 2")
        connection, (cid, _) = server.accept()
        with connection:
            connection.settimeout(60)
            tap.check_equal(cid, CID, "who connects")
            vm.qmp.execute("stop")
            vm.qmp.execute("cont")
            echoed(connection)


@tap.test("unplugged, it gives the context id back at once")
def unplugged(vm):
    vm.qmp.execute("device_del", {"id": "v"})
    vm.qmp.execute("device_add", {"driver": "vhost-vsock-device", "id": "w", "guest-cid": CID})
    guest_listens(vm)
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect((CID, PORT))
        echoed(connection, 1 << 20)


@tap.test("a guest's reset is survived")
def reset(vm):
    start = vm.console.mark()
    vm.qmp.execute("system_reset")
    vm.boot(start)
    net.configure(vm, "eth1", f"{GUEST}/24")
    net.ping(vm, HOST)
    vm.server.close()


if __name__ == "__main__":
    tap.main(fixture)
