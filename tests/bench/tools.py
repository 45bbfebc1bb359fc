# SPDX-License-Identifier: Apache-2.0
"""Small C programs of this folder, built for the host or for the guest's initrd."""

import os
import platform
import shutil
import subprocess

import newc

from harness import vm

GUEST_COMPILER = "gcc" if vm.ARCH == platform.machine() else f"{vm.ARCH}-linux-gnu-gcc"


def compiled(directory, name, compiler):
    """The path of a statically linked program of that name, built in the folder."""
    program = os.path.join(directory, f"{name}.{compiler}")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.c")
    subprocess.run([compiler, "-O2", "-static", "-o", program, source], check=True)
    return program


def guest_tools(directory, *names):
    """The guest's initrd with these programs in it; None without a cross compiler."""
    if not shutil.which(GUEST_COMPILER):
        print(f"{GUEST_COMPILER} is not installed: no figures that need {', '.join(names)}")
        return None
    initrd = os.path.join(directory, "initrd")
    with open(vm.guest_image("initrd", vm.ARCH), "rb") as base, open(initrd, "wb") as out:
        shutil.copyfileobj(base, out)
        for name in names:
            with open(compiled(directory, name, GUEST_COMPILER), "rb") as file:
                out.write(newc.archive({f"bin/{name}": file.read()}))
    return initrd
