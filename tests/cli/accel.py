#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which accelerator is taken, and what is said where /dev/kvm is missing, not permitted, or something else."""

import contextlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.vm import SOURCE

# A /dev of its own with a /dev/kvm that $1 makes, and the rest of the words run without any privilege.
OWN_DEV = """
dev=$1/dev; kvm=$dev/kvm; mkdir -p $dev; mount -t tmpfs dev $dev || exit
for each in null zero random urandom; do : >$dev/$each; mount --bind /dev/$each $dev/$each || exit; done
eval "$2"; mount --rbind $dev /dev || exit
shift 2; exec setpriv --bounding-set=-all --inh-caps=-all "$@"
"""
MISSING, FORBIDDEN = ":", ": >$kvm; chmod 0 $kvm"
NO_DEVICE = "python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('$kvm')\""  # which open() refuses with ENXIO
OTHER = ": >$kvm; mount --bind /dev/null $kvm"
SPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]


@contextlib.contextmanager
def fixture():
    if subprocess.run([*SPACE, "mount", "-t", "tmpfs", "dev", "/mnt"], capture_output=True).returncode:
        raise tap.Skip("no name space for mounts can be made here")
    with tempfile.TemporaryDirectory(prefix="mortise-test.") as directory:
        images.idle_kernel(os.path.join(directory, "kernel"))
        yield directory


def run(directory, kvm, machine, *options):
    command = [os.path.join(SOURCE, "run"), "-machine", machine, "-kernel", os.path.join(directory, "kernel")]
    command = [*SPACE, "sh", "-c", OWN_DEV, "sh", directory, kvm, *command, *options]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def refused(directory, kvm, *names):
    process = run(directory, kvm, "x86_64,accel=kvm")
    _, errors = process.communicate(timeout=60)
    tap.check_equal(process.returncode, 1, f"exit status, with {errors!r}")
    tap.check_equal(len(errors.splitlines()), 1, f"lines of {errors!r}")
    for each in names:
        tap.check(each in errors, f"{each!r} is not in {errors!r}")


@tap.test("without /dev/kvm it says what the CPU has and what to do")
def missing(directory):
    for kvm, why in ((MISSING, "No such file"), (NO_DEVICE, "No such device")):
        refused(directory, kvm, "KVM is not there", why)
        with open("/proc/cpuinfo", encoding="ascii") as file:
            flags = file.read().split()
        if "vmx" in flags or "svm" in flags:
            refused(directory, kvm, "modprobe kvm_")
        elif "hypervisor" in flags:
            refused(directory, kvm, "switch on nested virtualisation")


@tap.test("a /dev/kvm that the user may not open: who may")
def forbidden(directory):
    refused(directory, FORBIDDEN, "KVM is not permitted", "Permission denied", "group 'kvm'")


@tap.test("a /dev/kvm that is something else is not taken for KVM")
def other(directory):
    refused(directory, OTHER, "/dev/kvm is not KVM's")


@tap.test("the next accelerator is taken, also of those that nobody named, and the log says which")
def next_one(directory):
    for machine in ("microvm,accel=kvm:soft", "microvm"):
        process = run(directory, FORBIDDEN, machine, "-log-level", "info")
        try:
            line = next((line for line in process.stderr if "accelerator" in line), "nothing")
            tap.check("accelerator 'soft'" in line, f"{line!r}")
        finally:
            process.kill()
            process.communicate()


if __name__ == "__main__":
    tap.main(fixture)
