#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugin policies of the command line: what they allow, refuse and say in the log, and lockdown after the start."""

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plugins, tap
from harness.qmp import expect_error
from harness.vm import SOURCE


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@contextlib.contextmanager
def vm_under(policy):
    with plugins.vm_with("virtio-blk", "virtio-net", "virtio-rng", options=["-S", "-log-level", "info", "-plugin-policy", policy],
                         idle=True) as vm:
        yield vm


@tap.test("names and contents are allowed one by one, and every decision is in the log")
def rules():
    good = sha256(plugins.built("virtio-blk"))
    with tempfile.NamedTemporaryFile("w", suffix=".policy") as file:
        file.write(f"# what this host may run\nallow virtio-blk {good}\nallow virtio-net {'0' * 64}\n")
        file.flush()
        with vm_under(file.name) as vm:
            tap.check_equal(vm.qmp.execute("plugin-load", {"name": "virtio-blk"})["sha256"], good, "sum")
            expect_error(vm.qmp.execute, "plugin-load", {"name": "virtio-net"}, names=["other contents", "virtio-net"])
            expect_error(vm.qmp.execute, "device_add", {"driver": "virtio-rng", "id": "r"}, names=["no plugin of that name"])
            plugins.put(vm.plugins, "virtio-blk", plugins.built("blk-2"))
            expect_error(vm.qmp.execute, "plugin-upgrade", {"name": "virtio-blk"}, names=["other contents"])
            log = vm.errors()
        for words in (f"{good}, is allowed", f"'{file.name}', line 2", "'virtio-net', SHA-256", "'virtio-rng', SHA-256"):
            tap.check(words in log, f"the log does not say {words!r}:\n{log}")


@tap.test("after lockdown nothing is loaded or upgraded any more; what was loaded at the start serves")
def lockdown():
    with vm_under("inline:load virtio-rng; allow *; lockdown") as vm:
        tap.check_equal([each["name"] for each in vm.qmp.execute("query-plugins")], ["virtio-rng"], "loaded")
        vm.qmp.execute("device_add", {"driver": "virtio-rng", "id": "r"})
        expect_error(vm.qmp.execute, "plugin-load", {"name": "virtio-blk"}, names=["lockdown"])
        expect_error(vm.qmp.execute, "plugin-upgrade", {"name": "virtio-rng"}, names=["lockdown"])
        tap.check("lockdown" in vm.errors(), "the log does not tell")


@tap.test("a policy with a mistake ends the start, with the line")
def mistakes():
    for policy, words in (("inline:allow virtio-blk;allwo x", "statement 2: 'allwo'"), ("/nowhere/policy", "'/nowhere/policy'")):
        done = subprocess.run([os.path.join(SOURCE, "run"), "-plugin-policy", policy, "-kernel", "/dev/null"],
                              capture_output=True, text=True, timeout=60)
        tap.check(done.returncode != 0 and words in done.stderr, f"{policy}: {done.returncode}, {done.stderr}")


if __name__ == "__main__":
    tap.main()
