# SPDX-License-Identifier: Apache-2.0
"""Builds RISC-V programs and runs them: as a process under QEMU's user mode emulation, and on mortise's bare machine."""

import os
import shutil
import subprocess

from harness import tap, vm

BARE = os.path.join(vm.SOURCE, "tests/hart/bare")
COMPILER = "riscv64-linux-gnu-gcc"
EMULATOR = next((name for name in ("qemu-riscv64", "qemu-riscv64-static") if shutil.which(name)), None)

# The C parts leave floating point to what they run; all is linked as if there were none.
C_FLAGS = ["-march=rv64imac_zicsr_zifencei", "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-strict-aliasing"]
C_FLAGS += ["-mcmodel=medany", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"]
ASSEMBLER_FLAGS = ["-march=rv64gc_zba_zbb_zbs"]
COMMON_FLAGS = ["-mabi=lp64", "-fno-pic", f"-I{BARE}"]
LINK_FLAGS = ["-no-pie", "-nostdlib", "-static", "-Wl,--build-id=none", "-Wl,--no-relax", f"-Wl,-T,{BARE}/link.lds"]

# The hart's extensions and no others: what is illegal on one must be on the other.
EMULATED = "rv64,zba=true,zbb=true,zbc=false,zbs=true"

# The ways in which the hart runs the same program, as -accel says them.
ACCELS = {"translated": "soft,jit-cache=256K", "interpreted": "soft,jit=off"}

# Only ends what hangs.
RUN_TIMEOUT = 300


def need(*tools):
    """Skips the test where one of these is missing."""
    for tool in tools:
        if not tool or not shutil.which(tool):
            raise tap.Skip(f"no {tool or 'qemu-riscv64'}: run scripts/deps --for check")


def _run(command, **options):
    done = subprocess.run(command, capture_output=True, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr.decode(errors='replace')}")
    return done


def compile_object(source, output, *flags):
    language = C_FLAGS if source.endswith(".c") else ASSEMBLER_FLAGS
    _run([COMPILER, *language, *COMMON_FLAGS, *flags, "-c", "-o", output, source])
    return output


def link(objects, output):
    _run([COMPILER, *ASSEMBLER_FLAGS, *COMMON_FLAGS, *LINK_FLAGS, "-o", output, *objects])
    return output


def bare_objects(directory, *names, flags=()):
    """Compiles files of tests/hart/bare; their objects."""
    return [compile_object(os.path.join(BARE, name), os.path.join(directory, f"{name}.o"), *flags) for name in names]


def run_process(program):
    """What the program writes to its standard output, as a Linux process."""
    return _run([EMULATOR, "-cpu", EMULATED, program], timeout=RUN_TIMEOUT).stdout


def run_machine(program, serial, harts=1, accel="soft"):
    """What the program writes to the serial line until it powers the machine off; `serial` is a file for that."""
    command = [os.path.join(vm.SOURCE, "run"), "-machine", "microvm", "-accel", accel, "-m", "256M", "-smp", str(harts)]
    done = _run([*command, "-serial", f"file:{serial}", "-kernel", program], timeout=RUN_TIMEOUT)
    errors = done.stderr.decode(errors="replace")
    if any(report in errors for report in vm.SANITIZER_REPORTS):
        raise AssertionError(f"a sanitizer reported:\n{errors}")
    with open(serial, "rb") as file:
        return file.read()
