# SPDX-License-Identifier: Apache-2.0
"""Network namespaces with taps for a VM to be plugged into, NICs, and transfers with checksums."""

import ctypes
import fcntl
import hashlib
import http.server
import itertools
import os
import shutil
import socket
import struct
import subprocess
import threading

from . import tap

BAY = 2  # slots for NICs: eth0 and eth1
PORT = 8000
CLONE_NEWNET = 0x40000000

_numbers = itertools.count()


class Namespace:
    """A network namespace of the test's own. As a context manager it is deleted at the end, with all that is in it."""

    def __init__(self):
        if os.geteuid() or not os.path.exists("/dev/net/tun") or not shutil.which("ip"):
            raise tap.Skip("taps need root, /dev/net/tun and iproute2")
        self.name = f"mortise-{os.getpid()}-{next(_numbers)}"
        if subprocess.run(["ip", "netns", "add", self.name], capture_output=True).returncode:
            raise tap.Skip("network namespaces cannot be made here")
        self.wrapper = ("ip", "netns", "exec", self.name)
        self.ip("link set lo up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def ip(self, words):
        """Runs `ip` inside; its output."""
        done = subprocess.run(["ip", "-n", self.name, *words.split()], capture_output=True, text=True)
        tap.check(done.returncode == 0, f"ip {words}: {done.stderr}")
        return done.stdout

    def add_tap(self, name, address, mtu=1500, flags=""):
        self.ip(f"tuntap add dev {name} mode tap {flags}")
        self.ip(f"addr add {address} dev {name}")
        self.ip(f"link set {name} mtu {mtu} up")

    def enter(self):
        """For the calling thread alone: what it opens from now on is inside."""
        with open(f"/run/netns/{self.name}", "rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def run(self, function):
        """Runs a function on a thread of its own inside; its value."""
        values = []

        def inside():
            self.enter()
            values.append(function())

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        tap.check(values, "what was to be done in the namespace failed")
        return values[0]


# --- the host's end of transfers ---


def pattern(size, seed=1):
    """That many bytes that compress badly, the same each time, in pieces."""
    block = hashlib.shake_128(str(seed).encode()).digest(1 << 20)
    for start in range(0, size, len(block)):
        yield block[: min(len(block), size - start)]


def pattern_md5(size, seed=1):
    digest = hashlib.md5()
    for piece in pattern(size, seed):
        digest.update(piece)
    return digest.hexdigest()


class Server:
    """Answers GET /SIZE with that much of the pattern, inside a namespace where one is given, until it is closed."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            size = int(self.path[1:])
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            try:
                for piece in pattern(size):
                    self.wfile.write(piece)
            except OSError:
                pass  # the guest has lost its NIC, say

        def log_message(self, *_):
            pass

    def __init__(self, namespace=None, address="0.0.0.0", port=PORT):
        make = lambda: http.server.ThreadingHTTPServer((address, port), self.Handler)
        self._server = namespace.run(make) if namespace else make()
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def fetch_md5(address, path, port=80, timeout=600):
    """Fetches a file over HTTP; length and MD5 of what came."""
    digest, length = hashlib.md5(), 0
    with socket.create_connection((address, port), timeout=timeout) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        with connection.makefile("rb") as reader:
            while reader.readline() not in (b"\r\n", b""):
                pass
            while piece := reader.read(1 << 20):
                digest.update(piece)
                length += len(piece)
    return length, digest.hexdigest()


def set_offload(namespace, name, on):
    """Has the host's kernel leave checksums and segmentation of what it sends through an interface undone, or not."""
    SIOCETHTOOL, STXCSUM, STSO, SGSO = 0x8946, 0x17, 0x1F, 0x24

    def inside():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for command in (STXCSUM, STSO, SGSO) if on else (SGSO, STSO, STXCSUM):
                value = ctypes.create_string_buffer(struct.pack("II", command, on), 8)
                fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sP16x", name.encode(), ctypes.addressof(value)))
        return True

    namespace.run(inside)


# --- the guest's end ---


def device(name, slot=None, **options):
    arguments = {"id": name, "driver": "virtio-net-mmio", **options}
    return arguments if slot is None else {**arguments, "addr": hex(slot)}


def plug(qmp, name, slot, **netdev):
    """The seed's two commands."""
    qmp.execute("netdev_add", {"id": name, **netdev})
    qmp.execute("device_add", device(name, slot))


def unplug(qmp, name):
    """Unplugs; DEVICE_DELETED has to have come before the answer. The netdev of the same name goes along."""
    qmp.events.clear()
    qmp.execute("device_del", {"id": name})
    gone = [event["data"] for event in qmp.events if event["event"] == "DEVICE_DELETED"]
    tap.check_equal(gone, [{"device": name, "path": name}], "events before device_del's answer")


def configure(vm, interface, address, mtu=1500):
    vm.sh(f"ip addr flush dev {interface}; ip link set {interface} mtu {mtu} up; ip addr add {address} dev {interface}")


def wait_carrier(vm, interface, up):
    """Waits until the guest's driver sees the link, or its loss."""
    vm.sh(f"until [ $(cat /sys/class/net/{interface}/carrier) = {int(up)} ]; do sleep 0.01; done")


def mac(vm, interface):
    return vm.sh(f"cat /sys/class/net/{interface}/address")


def ping(vm, address, size=56, count=3):
    """The first ones may be lost while addresses are asked for and links come up; the last ones may not."""
    vm.sh(f"for i in 1 2 3 4 5 6 7 8 9 10; do ping -c 1 -W 1 -s {size} {address} && break; done")
    vm.sh(f"ping -c {count} -i 0.1 -W 10 -s {size} {address}")


def download(vm, address, size, port=PORT, timeout=900):
    """The guest fetches that much of the pattern and sums it up."""
    got = vm.sh(f"wget -q -O - http://{address}:{port}/{size} | md5sum", timeout).split()[0]
    tap.check_equal(got, pattern_md5(size), "MD5 of what the guest received")


class Uploads:
    """A web server in the guest with a file of random bytes, which the host fetches as often as it takes."""

    FILE = 16 << 20

    def __init__(self, vm):
        vm.sh(f"mkdir -p /tmp/www && dd if=/dev/urandom of=/tmp/www/file bs=1M count={self.FILE >> 20}")
        self.md5 = vm.sh("md5sum /tmp/www/file", 600).split()[0]
        vm.sh("httpd -p 80 -h /tmp/www")

    def fetch(self, namespace, address, size, port=80):
        for _ in range(-(-size // self.FILE)):
            fetch = lambda: fetch_md5(address, "/file", port)
            came = namespace.run(fetch) if namespace else fetch()
            tap.check_equal(came, (self.FILE, self.md5), "length and MD5 of what the guest sent")
