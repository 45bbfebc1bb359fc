# SPDX-License-Identifier: Apache-2.0
"""The two VMMs that are compared, both driven by the tests' harness, with the same guest."""

import contextlib
import datetime
import json
import os
import re
import shutil
import subprocess
import time

from harness import net
from harness.console import Console
from harness.vm import ARCH, BUILD, KVM, VM

QEMU = f"qemu-system-{ARCH}"
QEMU_MACHINE = ["-machine", ("microvm" if ARCH == "x86_64" else "virt") + (",accel=kvm" if KVM else "")] + (["-cpu", "host"] if KVM else [])
MEMORY = 256 << 20
KVM_RUN = "type 0xae80"


class Measured(VM):
    """A VMM that is started as directly as can be; `began` is when. With log=True steps() tells how its start went."""

    def start(self):
        with open(self.file("stderr"), "wb") as errors:
            self.began = time.time()
            self.process = subprocess.Popen(
                [*self.wrapper, *self.command, *self.arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0
            )
        self.console = Console(self.process.stdout, self.process.stdin)
        return self

    def steps(self):
        """The steps of the start, each with the time at which it was done."""
        with open(self.file("log"), encoding="utf-8") as file:
            return list(self.read_log(file))


class Mortise(Measured):
    name = "mortise"
    command = [os.path.join(BUILD, "mortise"), "-plugin-dir", os.path.join(BUILD, "plugins/.libs")]

    def __init__(self, *options, wrapper=(), log=False):
        super().__init__(*options, memory=f"{MEMORY >> 20}M", wrapper=wrapper)
        if log:
            self.arguments += ["-log-level", "info", "-D", self.file("log")]

    @staticmethod
    def read_log(file):
        for match in re.finditer(r"^(\S+)Z mortise: info: start: (.*) after", file.read(), re.M):
            yield match[2], datetime.datetime.fromisoformat(match[1] + "+00:00").timestamp()

    @classmethod
    @contextlib.contextmanager
    def with_disks(cls, backends):
        """A booted guest with disks of these names and blockdev-add arguments."""
        with cls() as machine:
            machine.boot()
            for slot, (name, backend) in enumerate(backends.items()):
                machine.qmp.execute("blockdev-add", {"node-name": name, **backend})
                machine.qmp.execute("device_add", {"id": name, "driver": "virtio-blk-mmio", "addr": hex(slot)})
            yield machine

    @classmethod
    @contextlib.contextmanager
    def with_tap(cls, namespace, ifname):
        """A booted guest with a NIC on the tap."""
        with cls(wrapper=namespace.wrapper) as machine:
            machine.boot()
            # Both commands in one write: whoever plugs need not wait for the first answer.
            plug = [{"execute": "netdev_add", "arguments": {"id": "net-0", "ifname": ifname}},
                    {"execute": "device_add", "arguments": net.device("net-0", 0)}]
            machine.net_up = lambda: [machine.qmp.value(reply) for reply in machine.qmp.pipeline(plug)]
            machine.net_down = lambda: net.unplug(machine.qmp, "net-0")
            machine.net_up()
            yield machine


class Qemu(Measured):
    """Debian's QEMU, the same guest and as little else as it can have."""

    name = "qemu"
    command = [QEMU]

    def __init__(self, *options, wrapper=(), log=False):
        super().__init__(memory=f"{MEMORY >> 20}M", wrapper=wrapper)
        boot = self.arguments[self.arguments.index("-kernel") :]
        self.arguments = [*QEMU_MACHINE, "-m", f"{MEMORY >> 20}M", "-smp", "1", "-nodefaults", "-display", "none"]
        self.arguments += [*boot, *options]
        if log:
            self.arguments += ["-trace", "kvm_vcpu_ioctl", "-msg", "timestamp=on", "-D", self.file("log")]

    @staticmethod
    def read_log(file):
        entered = re.search(rf"^\d+@([\d.]+):kvm_vcpu_ioctl .*{KVM_RUN}", file.read(), re.M)
        if entered:
            yield "guest entered", float(entered[1])

    @classmethod
    @contextlib.contextmanager
    def with_disks(cls, backends):
        """The same; but QEMU plugs nothing into virtio-mmio, so they are there from the start."""
        machine = cls()
        for name, backend in backends.items():
            machine.arguments += ["-blockdev", json.dumps({"node-name": name, **backend})]
            machine.arguments += ["-device", f"virtio-blk-device,drive={name}"]
        with machine:
            machine.boot()
            yield machine

    @classmethod
    @contextlib.contextmanager
    def with_tap(cls, namespace, ifname):
        """The same, there from the start; its link can be taken down and up."""
        machine = cls("-netdev", f"tap,id=net-0,ifname={ifname},script=no,downscript=no", "-device", "virtio-net-device,netdev=net-0",
                      wrapper=namespace.wrapper)
        with machine:
            machine.boot()
            machine.net_up = lambda: machine.qmp.execute("set_link", {"name": "net-0", "up": True})
            machine.net_down = lambda: machine.qmp.execute("set_link", {"name": "net-0", "up": False})
            yield machine


def present():
    """Those that this machine has."""
    if shutil.which(QEMU):
        return (Mortise, Qemu)
    print(f"{QEMU} is not installed: figures of mortise alone")
    return (Mortise,)


def describe():
    """What is compared, and on what."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown processor")
    print(f"host:    {model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if KVM and "QEMU TCG" in model:
        print("         emulated, with its KVM: ratios count, figures do not")
    elif os.getloadavg()[0] > 0.5:
        print("         the machine is busy: compare ratios, not figures")
    for command in ([os.path.join(os.environ["MORTISE_BUILD"], "mortise"), "-version"], [QEMU, "-version"]):
        if shutil.which(command[0]):
            print(f"{os.path.basename(command[0])}:", subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0])
