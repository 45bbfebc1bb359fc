# SPDX-License-Identifier: Apache-2.0
"""The network's figures: TCP each way, small packets, round trips over a tap, and how fast a NIC is noticed."""

import contextlib
import os
import re
import subprocess
import tempfile
import time
from unittest import mock

import vmms
from measure import Table
from tools import compiled, guest_tools

from harness import net, vm

HOST, GUEST, PORT = "10.78.0.1", "10.78.0.2", 5001
SECONDS = 3
PINGS = 1000
SMALL = 18  # bytes of a datagram in the smallest frame
NOTICES = 20


class Host:
    """The host's end: a namespace with the tap, and netload in it."""

    def __init__(self, namespace, tool):
        self.namespace = namespace
        self.tool = tool

    def start(self, *words):
        return subprocess.Popen([*self.namespace.wrapper, self.tool, *map(str, words)], stdout=subprocess.PIPE, text=True)

    def run(self, *words):
        return float(self.start(*words).communicate(timeout=60)[0])

    @contextlib.contextmanager
    def running(self, *words):
        process = self.start(*words)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _tcp(machine, host, table):
    with host.running("sink", PORT):
        time.sleep(0.2)
        table.add("TCP, guest to host, MB/s", machine.name, float(machine.sh(f"netload stream {HOST} {PORT} {SECONDS}")) / 1e6)
    sink = machine.background(f"netload sink {PORT}")
    time.sleep(0.2)
    table.add("TCP, host to guest, MB/s", machine.name, host.run("stream", GUEST, PORT, SECONDS) / 1e6)
    machine.sh(f"kill {sink}")


def _packets(machine, host, table):
    counter = host.start("count", PORT, SECONDS)
    machine.sh(f"netload blast {HOST} {PORT} {SECONDS + 1} {SMALL}")
    table.add("small packets, guest to host, thousands a second", machine.name, float(counter.communicate(timeout=60)[0]) / 1e3)
    with host.running("blast", GUEST, PORT, SECONDS + 2, SMALL):
        rate = float(machine.sh(f"netload count {PORT} {SECONDS}"))
    table.add("small packets, host to guest, thousands a second", machine.name, rate / 1e3)


def _round_trips(machine, table):
    out = machine.sh(f"ping -A -q -c {PINGS} {HOST}")
    table.add("ping, average round trip, microseconds", machine.name, 1000 * float(re.search(r"= [\d.]+/([\d.]+)/", out)[1]))


def _notice(machine, table, row, act):
    start = machine.console.mark()
    began = time.monotonic()
    act()
    machine.console.wait(r"carrier", vm.COMMAND_TIMEOUT, start)
    table.add(row, machine.name, 1000 * (time.monotonic() - began))


def _notices(machine, table):
    """What brings the carrier up: plugging; for QEMU, which plugs nothing into virtio-mmio, set_link alone."""
    machine.sh("netload carrier eth0 & echo started")
    for _ in range(NOTICES):
        machine.net_down()
        net.wait_carrier(machine, "eth0", False)
        _notice(machine, table, "NIC to carrier in the guest, milliseconds", machine.net_up)
    machine.sh("killall netload")


def network(kinds, runs):
    more, less = Table("Network on a tap", "more"), Table("Network on a tap, times", "less")
    with tempfile.TemporaryDirectory(prefix="mortise-bench.", dir=".") as directory:
        directory = os.path.abspath(directory)
        initrd = guest_tools(directory, "netload")
        if not initrd:
            return
        tool = compiled(directory, "netload", "gcc")
        with mock.patch.dict(os.environ, MORTISE_INITRD=initrd):
            for kind in kinds:
                with net.Namespace() as namespace:
                    namespace.add_tap("tap0", f"{HOST}/24")
                    host = Host(namespace, tool)
                    with kind.with_tap(namespace, "tap0") as machine:
                        net.configure(machine, "eth0", f"{GUEST}/24")
                        net.wait_carrier(machine, "eth0", True)
                        net.ping(machine, HOST)
                        for _ in range(runs):
                            _tcp(machine, host, more)
                            _packets(machine, host, more)
                            _round_trips(machine, less)
                        _notices(machine, less)
    more.show()
    less.show()
