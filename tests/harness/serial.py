# SPDX-License-Identifier: Apache-2.0
"""Ports of a serial device: their chardevs' sockets outside, their nodes in the guest."""

import socket

from . import tap

TIMEOUT = 60
PORT = "/dev/$(grep -lx {} /sys/class/virtio-ports/*/name 2>/dev/null | cut -d/ -f5)"


def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(TIMEOUT)
    client.connect(path)
    return client


def receive(client, size):
    pieces = []
    while size:
        piece = client.recv(min(size, 1 << 16))
        tap.check(piece, "the connection was closed")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def until(client, word):
    seen = b""
    while word not in seen:
        piece = client.recv(4096)
        tap.check(piece, f"closed after {seen}")
        seen += piece
    return seen


def add_channel(vm, name, **options):
    path = vm.file(f"{name}.sock")
    data = {"addr": {"type": "unix", "data": {"path": path}}, "server": True, "wait": False}
    vm.qmp.execute("chardev-add", {"id": name, "backend": {"type": "socket", "data": data}})
    vm.qmp.execute("device_add", {"driver": "virtserialport", "id": name, "chardev": name, "name": name, **options})
    return path


def remove_channel(vm, name):
    vm.qmp.execute("device_del", {"id": name})
    tap.check_equal(vm.qmp.event("DEVICE_DELETED")["data"]["device"], name, "device of the event")
    vm.qmp.execute("chardev-remove", {"id": name})


def port(vm, name):
    """The device node of the port of that name, once the guest has it; a stock system's udev links it by its name."""
    vm.sh(f"until [ -c {PORT.format(name)} ]; do :; done")
    return vm.sh(f"echo {PORT.format(name)}").strip()
