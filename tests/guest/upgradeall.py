#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugins of a serial device with its ports, a balloon, entropy and sockets, upgraded under a guest at work."""

import contextlib
import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, plugins, serial, tap, vsock

MIB = 1 << 20
BULK = 16 * MIB
STALL_US = 100_000
PLUGINS = ("virtio-serial", "virtio-balloon", "virtio-rng", "virtio-vsock")


class BusyVM(vsock.VsockVM):
    """With a device of each."""

    def __init__(self, directory):
        super().__init__()
        self.plugins, self.builds = directory, 0
        for name in PLUGINS:
            plugins.put(self.plugins, name, plugins.built(name))
        for name in ("virtconsole", "virtserialport"):
            os.symlink("virtio-serial.so", os.path.join(self.plugins, f"{name}.so"))
        self.arguments += ["-plugin-dir", self.plugins, "-device", "virtio-serial-device,id=serial0"]
        self.arguments += ["-chardev", f"socket,id=tty,path={self.file('tty.sock')},server,nowait"]
        self.arguments += ["-device", "virtconsole,chardev=tty,id=console0,nr=0"]
        self.arguments += ["-device", "virtio-balloon-device,id=balloon0,guest-stats-polling-interval=1"]
        self.arguments += ["-device", "virtio-rng-device,id=rng0"]


@contextlib.contextmanager
def fixture():
    with tempfile.TemporaryDirectory(prefix="mortise-plugins.") as directory, BusyVM(directory) as vm:
        yield vm


def upgrade(vm, name, qmp=None):
    """Upgrades to another build of the same source; the pause in microseconds."""
    vm.builds += 1
    with open(plugins.built(name), "rb") as file:
        plugins.put(vm.plugins, name, file.read() + b"build %d" % vm.builds)
    answer = (qmp or vm.qmp).execute("plugin-upgrade", {"name": name})
    tap.check_equal(answer["status"], "completed", f"upgrade of {name}")
    return answer["pause-us"]


def upgrade_during(vm, name, work, least):
    """Runs the work and upgrades the plugin all the while, so many times at least."""
    pauses, done = [], threading.Event()

    def ask():
        with vm.new_qmp() as qmp:
            while not done.is_set() or len(pauses) < least:
                pauses.append(upgrade(vm, name, qmp))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        work()
    finally:
        done.set()
        asking.join()
    pauses.sort()
    median = pauses[len(pauses) // 2]
    tap.note(f"{name}: {len(pauses)} upgrades; pauses: median {median} us, longest {pauses[-1]} us")
    tap.check(median < STALL_US, f"half of the pauses are longer than {median} us")


def echo_console(vm):
    with serial.connect(vm.file("tty.sock")) as client:
        client.sendall(b"echo answer=$((6*7))\n")
        serial.until(client, b"answer=42")


def echo_socket(vm, port):
    vsock.listen(vm, port, "echo hello | {} >/dev/null")
    with vsock.to_guest(vm, port) as client:
        tap.check_equal(vsock.rest(client), b"hello\n", "what came out of a socket")


@tap.test("a guest boots, and uses all of them")
def boot(vm):
    vm.boot()
    vm.sh("modprobe -a virtio_balloon vmw_vsock_virtio_transport; until [ -c /dev/vsock ]; do :; done")
    vm.sh("setsid sh -i </dev/hvc0 >/dev/hvc0 2>&1 &")
    vm.sh("until grep virtio_rng /sys/class/misc/hw_random/rng_current; do sleep 0.05; done")
    echo_console(vm)
    echo_socket(vm, 1000)


@tap.test("a serial device with two ports: streams both ways through one open descriptor lose no byte")
def streams(vm):
    serial.add_channel(vm, "org.test.9")
    path = serial.add_channel(vm, "org.test.0")
    serial.remove_channel(vm, "org.test.9")  # a new device would give the other its number
    node = serial.port(vm, "org.test.0")
    data = os.urandom(BULK)
    vm.sh(f"dd if=/dev/urandom of=/tmp/out bs=64k count={BULK >> 16} 2>/dev/null")
    with serial.connect(path) as client:

        def work():
            vm.sh(f"(cat /tmp/out >&3 & head -c {BULK} <&3 | sha256sum > /tmp/in.sum; wait) 3<>{node} &")
            sender = threading.Thread(target=client.sendall, args=(data,))
            sender.start()
            received = serial.receive(client, BULK)
            sender.join()
            vm.sh("until [ -s /tmp/in.sum ]; do sleep 0.1; done")
            tap.check_equal(vm.sh("cut -c1-64 /tmp/in.sum").strip(), images.digest(data), "what the guest received")
            tap.check_equal(images.digest(received), vm.sh("sha256sum /tmp/out").split()[0], "what came out")

        upgrade_during(vm, "virtio-serial", work, 10)
    echo_console(vm)
    # Its children are known to the new one.
    serial.remove_channel(vm, "org.test.0")
    vm.sh(f"while [ -c {node} ]; do sleep 0.05; done")


@tap.test("a balloon keeps its size, and follows what is wished")
def balloon(vm):
    def actual():
        return vm.qmp.execute("query-balloon")["actual"]

    def wait(size):
        vm.qmp.execute("balloon", {"value": size})
        while vm.qmp.event("BALLOON_CHANGE")["data"]["actual"] != size:
            pass

    wait(192 * MIB)
    free = int(vm.sh("awk '/^MemFree/ { print $2 }' /proc/meminfo"))
    upgrade_during(vm, "virtio-balloon", lambda: vm.sh("sleep 1"), 10)
    tap.check_equal(actual(), 192 * MIB, "actual")
    tap.check(abs(int(vm.sh("awk '/^MemFree/ { print $2 }' /proc/meminfo")) - free) < 20 << 10, "the guest's memory has changed")
    upgrade_during(vm, "virtio-balloon", lambda: wait(160 * MIB), 3)
    wait(256 * MIB)


@tap.test("an entropy device answers whatever it was asked")
def entropy(vm):
    upgrade_during(vm, "virtio-rng", lambda: tap.check_equal(vm.sh("head -c 3000000 /dev/hwrng | wc -c").strip(), "3000000", "bytes"), 10)


@tap.test("connections of sockets are ended with the old instance, as both ends are told; the next ones are served")
def sockets(vm):
    vsock.listen(vm, 1001, "({} </dev/zero >/dev/null; echo over >/tmp/over)")
    with vsock.to_guest(vm, 1001) as client:
        client.recv(1)
        upgrade(vm, "virtio-vsock")
        with contextlib.suppress(ConnectionResetError):
            vsock.rest(client)
    vm.sh("until [ -e /tmp/over ]; do sleep 0.05; done")
    for number in range(5):
        upgrade(vm, "virtio-vsock")
        echo_socket(vm, 1002 + number)


@tap.test("all of them while the VM is stopped; nothing of it is in the guest's log")
def stopped(vm):
    vm.qmp.execute("stop")
    for name in PLUGINS:
        upgrade(vm, name)
    vm.qmp.execute("cont")
    echo_console(vm)
    echo_socket(vm, 1010)
    tap.check_equal(vm.sh("head -c 1000 /dev/hwrng | wc -c").strip(), "1000", "bytes")
    tap.check_equal(vm.run("dmesg | grep -iE 'BUG|Oops|Call Trace|reset|timed out'"), (1, ""), "kernel log")


if __name__ == "__main__":
    tap.main(fixture)
