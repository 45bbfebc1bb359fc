# SPDX-License-Identifier: Apache-2.0
"""A guest with sockets to the outside, and the program in it that uses them."""

import os
import shutil
import socket
import subprocess

from bench import newc

from . import tap
from .serial import TIMEOUT, connect
from .vm import ARCH, SOURCE, VM, guest_image


class VsockVM(VM):
    """With vsockcat in its initrd, for which a compiler for the guest's architecture is needed."""

    def __init__(self):
        compiler = shutil.which(f"{ARCH}-linux-gnu-gcc")
        if not compiler:
            raise tap.Skip(f"no {ARCH}-linux-gnu-gcc: scripts/deps --for check")
        super().__init__()
        source = os.path.join(SOURCE, "tests/guest/vsockcat.c")
        subprocess.run([compiler, "-static", "-O1", "-o", self.file("vsockcat"), source], check=True)
        with open(self.file("initrd"), "wb") as out:
            with open(guest_image("initrd", ARCH), "rb") as file:
                shutil.copyfileobj(file, out)
            with open(self.file("vsockcat"), "rb") as file:
                out.write(newc.archive({"bin/vsockcat": file.read()}))
        self.arguments[self.arguments.index("-initrd") + 1] = self.file("initrd")
        self.path = self.file("vsock")
        self.arguments += ["-device", f"virtio-vsock-device,id=vsock0,guest-cid=3,path={self.path}"]


def line(client):
    seen = b""
    while not seen.endswith(b"\n"):
        piece = client.recv(1)
        if not piece:
            break
        seen += piece
    return seen


def to_guest(vm, port):
    client = connect(vm.path)
    client.sendall(b"CONNECT %d\n" % port)
    answer = line(client)
    tap.check(answer.startswith(b"OK "), f"answered {answer}")
    return client


def rest(client):
    pieces = []
    while piece := client.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def serve(vm, port):
    server = socket.socket(socket.AF_UNIX)
    server.settimeout(TIMEOUT)
    server.bind(f"{vm.path}_{port}")
    server.listen(32)
    return server


def listen(vm, port, command, number=0):
    """Has the guest listen on the port and run the command with the connection at its ends."""
    log = f"/tmp/log{port}.{number}"
    vm.sh(f"rm -f {log}; {command.format(f'vsockcat {port} 2>{log}')} & until grep -q listening {log}; do :; done")
