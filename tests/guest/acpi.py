#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stock x86-64 guest, booted by PVH, finds by itself what is plugged; devices of any type; one that hangs; the button."""

import base64
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, net, tap
from harness.vm import BUILD, VM, guest_image

SIZE = 1 << 20
DISKS = 37
GENERIC = DISKS + 2  # the first slot for any type
PINS = 18  # that slots share
READS = 1500
TABLES = ("DSDT", "FACP", "APIC")
DRIVER = "/sys/bus/platform/drivers/virtio-mmio"


@contextlib.contextmanager
def fixture():
    with tempfile.TemporaryDirectory(prefix="mortise-test.") as directory:
        for built in ("plugins/.libs/virtio-blk", "plugins/.libs/virtio-net", "tests/guest/plugins/.libs/echo", "tests/guest/plugins/.libs/gate"):
            shutil.copy(os.path.join(BUILD, f"{built}.so"), directory)
        kernel = images.elf_kernel(guest_image("kernel", "x86_64"), os.path.join(directory, "vmlinux"))
        with VM(harts=2, plugin_dir=directory, kernel=kernel, machine=f"blk-slots={DISKS},any-slots=9") as vm:
            yield vm


@tap.test("an ELF kernel boots, and knows that it is by PVH")
def boot(vm):
    vm.boot()
    tap.check_equal(vm.sh("nproc; ls /sys/bus/platform/devices | grep -c PRP0001; true"), "2\n0", "CPUs and devices")
    tap.check_equal(vm.run("dmesg | grep -E 'ACPI.*(Error|Warning|BIOS)'"), (1, ""), "the kernel's complaints about the tables")


@tap.test("it knows that it runs under KVM, on two cores of one package, and what time it is")
def machine(vm):
    tap.check("kvm-clock" in vm.sh("cat /sys/devices/system/clocksource/clocksource0/available_clocksource").split(), "no kvm-clock")
    tap.check_equal(vm.sh("grep -c '^flags.* hypervisor' /proc/cpuinfo"), "2", "CPUs with the hypervisor's bit")
    topology = vm.sh("cd /sys/devices/system/cpu; cat cpu?/topology/physical_package_id cpu?/topology/core_id cpu?/topology/thread_siblings_list")
    tap.check_equal(topology.split(), ["0", "0", "0", "1", "0", "1"], "packages, cores, threads of a core")
    off = int(vm.sh("date +%s")) - time.time()
    tap.check(abs(off) < 60, f"the clock is off by {off:.0f} s")
    tap.check("rtc_cmos" in vm.sh("cat /sys/class/rtc/rtc0/name"), "no clock on the board")


@tap.test("the tables that the guest has are taken apart by iasl without complaint")
def tables(vm):
    for name in TABLES:
        with open(vm.file(name), "wb") as file:
            file.write(base64.b64decode(vm.sh(f"base64 /sys/firmware/acpi/tables/{name}")))
        done = subprocess.run(["iasl", "-d", name], cwd=vm.directory, capture_output=True, text=True)
        said = done.stdout + done.stderr
        tap.check(done.returncode == 0 and "rror" not in said and "arning" not in said, said)
        tap.check(os.path.getsize(vm.file(f"{name}.dsl")) > 1000, f"{name} has nothing in it")


@tap.test("a read-only disk in a slot never used is negotiated as one, also in one beyond the six")
def read_only(vm):
    for slot in (0, DISKS - 2):
        digest = images.filled(vm.file(f"disk{slot}.img"), SIZE, slot)
        disks.plug(vm.qmp, f"drive-{slot}", vm.file(f"disk{slot}.img"), slot, read_only=True)
        disks.wait_sectors(vm, slot, SIZE // images.SECTOR)
        tap.check_equal(vm.sh(f"cat {disks.sysfs(vm, slot)}/ro"), "1", "read-only")
        tap.check_equal(disks.guest_sha256(vm, slot), digest, "content")


@tap.test("a device of a type that was not there at boot is found and used")
def other_type(vm):
    vm.qmp.execute("device_add", {"driver": "echo", "id": "echo0"})
    # A terminal forgets that it is raw when it is closed.
    there = "until stty -F /dev/hvc0 >/dev/null 2>&1; do sleep 0.05; done"
    answer = vm.sh(f"{there}; exec 3<>/dev/hvc0; stty raw -echo <&3; echo are you there >&3; head -n 1 <&3")
    tap.check_equal(answer, "are you there", "the answer")


@tap.test("disks that share a pin lose no interrupt under load")
def shared(vm):
    for slot in (PINS, 2 * PINS):
        disks.plug(vm.qmp, f"drive-{slot}", images.sparse(vm.file(f"disk{slot}.img"), SIZE), slot)
        disks.wait_sectors(vm, slot, SIZE // images.SECTOR)
    names = [disks.guest_name(vm, slot) for slot in (0, PINS, 2 * PINS)]
    # Each reader waits for one read after the other: one that is not told of the end of one reads no more.
    reads = [vm.background(f"for i in $(seq {READS // 150}); do dd if=/dev/{name} of=/dev/null bs=4k count=150 iflag=direct || exit; done; touch /tmp/{name}")
             for name in names]
    vm.wait_ended(reads, 300)
    vm.sh(" && ".join(f"[ -e /tmp/{name} ]" for name in names))
    line, = [line for line in vm.sh("cat /proc/interrupts").splitlines() if line.count("virtio") == 3]
    tap.check("edge" in line, line)
    tap.note(line)


@tap.test("a slot whose driver was unbound takes a device of another type")
def reuse(vm):
    slot = vm.slot(GENERIC)
    vm.qmp.execute("device_del", {"id": "echo0"})
    vm.sh(f"echo {slot} >{DRIVER}/unbind; until [ $(cat /sys/bus/acpi/devices/{slot}/status) = 0 ]; do sleep 0.05; done")
    os.mkfifo(vm.file("fifo"))
    vm.qmp.execute("device_add", {"driver": "gate", "id": "gate0", "fifo": vm.file("fifo"), "addr": "0x0"})
    vm.sh(f"echo {slot} >{DRIVER}/bind; until grep virtio_rng /sys/class/misc/hw_random/rng_available; do sleep 0.05; done")


@tap.test("while its plugin hangs in a callback QMP, the guest and the other devices go on")
def hang(vm):
    reader = vm.background("head -c 16 /dev/hwrng >/tmp/random")
    for number in range(5):
        tap.check_equal(vm.qmp.execute("query-status")["running"], True, "running")
        vm.qmp.execute("blockdev-add", disks.node("other", images.sparse(vm.file("other.img"), SIZE)))
        vm.qmp.execute("device_add", disks.device("other", 1))
        disks.wait_sectors(vm, 1, SIZE // images.SECTOR)
        vm.sh(f"echo {number} | dd of=/dev/$(basename {disks.sysfs(vm, 1)}) bs=512 conv=sync,fsync; dd if=/dev/vda of=/dev/null iflag=direct bs=64k")
        disks.unplug(vm.qmp, "other")
        disks.wait_sectors(vm, 1, 0)
    vm.sh(f"kill -0 {reader}")
    # From now on it hangs no more.
    vm.gate = open(vm.file("fifo"), "r+b", buffering=0)
    vm.wait_ended([reader])


@tap.test("a NIC appears, with the address and the carrier that it has")
def nic(vm):
    vm.qmp.execute("netdev_add", {"id": "net-0", "type": "user"})
    vm.qmp.execute("device_add", net.device("net-0", 1, mac="52:54:00:00:00:42"))
    vm.sh("until ip link set eth0 up 2>/dev/null; do sleep 0.05; done")
    net.wait_carrier(vm, "eth0", True)
    tap.check_equal(net.mac(vm, "eth0"), "52:54:00:00:00:42", "address")


@tap.test("the power button reaches the guest as a key, at which it shuts down in good order")
def power_button(vm):
    # The first event is the key's going down.
    vm.background("head -c 24 /dev/input/event0 && poweroff")
    vm.sh("until ls -l /proc/[0-9]*/fd | grep -q input/event0; do sleep 0.05; done")  # who listens later misses it
    mark = vm.console.mark()
    vm.qmp.execute("system_powerdown")
    vm.qmp.event("POWERDOWN")
    tap.check_equal(vm.qmp.event("SHUTDOWN")["data"], {"guest": True, "reason": "guest-shutdown"}, "SHUTDOWN")
    tap.check_equal(vm.wait(), 0, "exit status")
    tap.check("The system is going down" in vm.console.text[mark:], "init did not end the guest")


if __name__ == "__main__":
    tap.main(fixture)
