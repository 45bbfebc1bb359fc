#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what a guest's CPU does (cpu.c, and the boot) on the software hart, on Debian's qemu-system-riscv64 and on the host
itself, all in the same run: medians, and ratios to ours that are above 1 where ours is better."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import newc
import vmms
from harness import tap, vm
from measure import number

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cpu.c")
# Rows: what they are called, and whether more is better.
ROWS = {
    "boot": ("userland reached, guest s", False),
    "wall": ("userland reached, host wall s", False),
    "crc": ("bitwise CRC-32 of 4 MiB, s", False),
    "sieve": ("sieve of 5 M x3, s", False),
    "qsort": ("qsort of 1 M u32, s", False),
    "matmul": ("matmul of doubles, s", False),
    "libm": ("libm, 300 k calls, s", False),
    "fib": ("fib(32), s", False),
    "sha256": ("SHA-256 of 32 MiB, s", False),
    "mixture": ("lists, matrices, states, k/s", True),
    "records": ("records, strings, calls, k/s", True),
    "gzip": ("busybox gzip of 32 MiB, s", False),
    "syscalls": ("system calls, k/s", True),
    "forkexec": ("fork and exec, 1/s", True),
    "faults": ("page faults, k/s", True),
    "pipe": ("pipe round trips, k/s", True),
    "memcpy": ("memcpy of 1 MiB, GB/s", True),
    "shell": ("shell loop of 200 k, s", False),
    "oversleep": ("2 ms sleep too long, busy hart, ms", False),
    "harts": ("speed-up of CRC by 2 harts", True),
}
SHELL = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
TEXT = 32
TIMEOUT = 300


class Interpreted(vmms.Mortise):
    name = "interpreted"

    def __init__(self, *options):
        super().__init__("-accel", "soft,jit=off", *options)


def peer(path):
    """Another qemu-system-riscv64."""

    class Peer(vmms.Qemu):
        name = "peer"

        def start(self):
            with mock.patch.object(vmms, "QEMU", path):
                return super().start()

    return Peer


def build(directory):
    """The program for the host, and the guest's initrd with it."""
    flags = ["-O2", "-static", "-pthread", SOURCE, "-lm", "-o"]
    native, guest, initrd = (os.path.join(directory, name) for name in ("native", "guest", "initrd"))
    subprocess.run(["gcc", *flags, native], check=True)
    subprocess.run(["riscv64-linux-gnu-gcc", *flags, guest], check=True)
    with open(vm.guest_image("initrd"), "rb") as base, open(guest, "rb") as file, open(initrd, "wb") as out:
        shutil.copyfileobj(base, out)
        out.write(newc.archive({"bin/cpu": file.read()}))
    return native, initrd


def parse(output):
    return {name: float(value) for name, value in (line.split() for line in output.splitlines())}


def in_guest(kind, rows, harts):
    values = {}
    started = time.monotonic()
    with kind("-smp", str(harts)) as machine:
        values["boot"] = float(machine.console.wait(r"userland at ([\d.]+) s", vm.BOOT_TIMEOUT)[1])
        values["wall"] = time.monotonic() - started
        machine.boot()
        programs = [row for row in rows if row not in ("boot", "wall", "gzip", "shell")]
        if programs:
            values.update(parse(machine.sh(f"cpu {' '.join(programs)}", TIMEOUT)))
        if "gzip" in rows:
            machine.sh(f"cpu text {TEXT} >/tmp/text", TIMEOUT)
            started = time.monotonic()
            machine.sh("gzip -c /tmp/text >/dev/null && rm /tmp/text", TIMEOUT)
            values["gzip"] = time.monotonic() - started
        if "shell" in rows:
            machine.sh(":")
            started = time.monotonic()
            machine.sh(SHELL, TIMEOUT)
            values["shell"] = time.monotonic() - started
    return {row: value for row, value in values.items() if row in rows}


def in_guests(kind, rows, harts):
    """What two harts do together is measured in a machine of its own."""
    single = [row for row in rows if row != "harts"]
    values = in_guest(kind, single, harts) if single else {}
    return values | (in_guest(kind, ["harts"], 2) if "harts" in rows else {})


def on_host(native, rows):
    values = parse(subprocess.run([native, *rows], check=True, capture_output=True, text=True).stdout)
    if "gzip" in rows and shutil.which("busybox"):
        text = subprocess.run([native, "text", str(TEXT)], check=True, capture_output=True).stdout
        started = time.monotonic()
        subprocess.run(["busybox", "gzip", "-c"], check=True, input=text, stdout=subprocess.DEVNULL)
        values["gzip"] = time.monotonic() - started
    if "shell" in rows and shutil.which("busybox"):
        started = time.monotonic()
        subprocess.run(["busybox", "sh", "-c", SHELL], check=True)
        values["shell"] = time.monotonic() - started
    return values


def show(results, columns):
    lines = [("", *columns, *(f"{column}/{columns[0]}" for column in columns[1:]))]
    for row, (words, more) in ROWS.items():
        medians = [statistics.median(values) if (values := results[column].get(row)) else None for column in columns]
        if not any(medians):
            continue
        ratios = []
        for other in medians[1:]:
            good = medians[0] and other
            ratios.append(f"{medians[0] / other if more else other / medians[0]:.2f}" if good else "-")
        lines.append((words, *("-" if value is None else number(value) for value in medians), *ratios))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print(line[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(line[1:], widths[1:])), sep="  ")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often each figure is taken; medians are shown (3)")
    parser.add_argument("--harts", type=int, default=1, help="the guests' CPUs, save for the row of two (1)")
    parser.add_argument("--interpreter", action="store_true", help="also with jit=off")
    parser.add_argument("--peer", metavar="QEMU", help="another qemu-system-riscv64 to compare")
    parser.add_argument("row", nargs="*", choices=[[], *ROWS], help=", ".join(ROWS) + "; all")
    arguments = parser.parse_args()
    rows = arguments.row or list(ROWS)

    vmms.describe()
    kinds = list(vmms.present())
    kinds += [Interpreted] if arguments.interpreter else []
    kinds += [peer(arguments.peer)] if arguments.peer else []
    results = {name: {} for name in [*(kind.name for kind in kinds), "native"]}
    try:
        with tempfile.TemporaryDirectory(prefix="mortise-bench.") as directory:
            native, initrd = build(directory)
            with mock.patch.dict(os.environ, MORTISE_INITRD=initrd):
                for _ in range(arguments.runs):
                    taken = {kind.name: in_guests(kind, rows, arguments.harts) for kind in kinds}
                    taken["native"] = on_host(native, rows)
                    for name, values in taken.items():
                        for row, value in values.items():
                            results[name].setdefault(row, []).append(value)
    except tap.Skip as reason:
        sys.exit(f"bench-cpu: {reason}")
    show(results, list(results))


if __name__ == "__main__":
    main()
