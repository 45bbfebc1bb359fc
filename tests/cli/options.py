#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line, run for real: help, refusals that name what is wrong, files that it writes."""

import os
import re
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.vm import SOURCE, VM


def run(*options):
    done = subprocess.run([os.path.join(SOURCE, "run"), *options], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return done.returncode, done.stdout, done.stderr


def refused(names, *options):
    status, _, errors = run(*options)
    tap.check_equal(status, 1, f"exit status of {options}")
    tap.check_equal(len(errors.splitlines()), 1, f"lines of {errors!r}")
    tap.check(names in errors, f"{names!r} is not in {errors!r}")


@tap.test("help and version are printed")
def helps(vm):
    for options, words in (
        (["-help"], "-kernel FILE"),
        (["-version"], "mortise "),
        (["-machine", "help"], "riscv64"),
        (["-netdev", "help"], "ifname"),
        (["-device", "help"], "virtio-blk "),
        (["-device", "virtio-blk-device,help"], "logical_block_size"),
    ):
        status, out, errors = run(*options)
        tap.check_equal((status, errors), (0, ""), options)
        tap.check(words in out, f"{words!r} is not in what {options} prints")


@tap.test("every option of the help is in the manual page")
def manual(vm):
    with open(os.path.join(SOURCE, "docs/mortise.1"), encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    options = re.findall(r"^  (-[a-zA-Z-]+)", run("-help")[1], re.MULTILINE)
    tap.check(len(options) > 20, "too few options")
    tap.check_equal([each for each in options if each not in page], [], "options that are not in mortise(1)")


@tap.test("the keys of the options are told as QEMU tells them")
def keys(vm):
    told = {each["option"]: {key["name"]: key for key in each["parameters"]}
            for each in vm.qmp.execute("query-command-line-options")}
    options = re.findall(r"^  -([a-zA-Z-]+)", run("-help")[1], re.MULTILINE)
    names = [{"m": "memory", "smp": "smp-opts"}.get(each, each) for each in options]
    tap.check_equal(sorted(told), sorted(names), "options")
    netdevs = re.findall(r"^  ([a-z0-9-]+)=", run("-netdev", "help")[1], re.MULTILINE)
    tap.check(len(netdevs) > 10 and set(netdevs) <= set(told["netdev"]), netdevs)
    for option, key, wanted in (("machine", "mem-share", ("boolean", "off")), ("memory", "size", ("size", "256M")),
                                ("smp-opts", "cpus", ("number", "1")), ("drive", "file", ("string", None))):
        found = told[option][key]
        tap.check_equal((found["type"], found.get("default")), wanted, f"{key} of {option}")
        tap.check(found["help"], key)
    tap.check_equal(told["kernel"], {}, "keys of -kernel")
    only, = vm.qmp.execute("query-command-line-options", {"option": "mon"})
    tap.check_equal(sorted(each["name"] for each in only["parameters"]), ["chardev", "id", "mode", "pretty"], "keys of -mon")


# What may stand before a key that an option does not have.
BEGINNINGS = {
    "machine": "microvm", "accel": "soft", "m": "256M", "smp": "1", "name": "n", "drive": "id=d,driver=null-co",
    "blockdev": "null-co,node-name=d", "netdev": "user,id=n", "device": "virtio-rng", "chardev": "null,id=c",
    "mon": "chardev=c,mode=control", "qmp": "unix:/nowhere,server=on,wait=off", "object": "iothread,id=i",
}


@tap.test("every option that wants a value is refused without one, and every one with keys with another key")
def every(vm):
    told = {each["option"]: each["parameters"] for each in vm.qmp.execute("query-command-line-options")}
    with_value = re.findall(r"^  (-[a-zA-Z-]+) [^\s[]", run("-help")[1], re.MULTILINE)
    tap.check(len(with_value) > 18, with_value)
    for option in with_value:
        refused(f"'{option}'", option)
    with_keys = {{"memory": "m", "smp-opts": "smp"}.get(option, option) for option, keys in told.items() if keys}
    tap.check_equal(sorted(BEGINNINGS), sorted(with_keys), "options with keys")
    for option, beginning in BEGINNINGS.items():
        refused("'nonesuch'", f"-{option}", f"{beginning},nonesuch=1", "-kernel", vm.file("idle-kernel"))


@tap.test("what is wrong is named, in one line")
def wrong(vm):
    kernel = vm.file("idle-kernel")
    refused("'-kernel'", "-kernal", kernel)
    refused("No kernel", "-m", "256M")
    refused("No such file", "-kernel", vm.file("absent"))
    refused("not a regular file", "-kernel", "/dev/null")
    refused("'pc'", "-machine", "pc", "-kernel", kernel)
    refused("did you mean 'maxcpus'", "-smp", "cpus=1,maxcpu=1", "-kernel", kernel)
    refused("cannot be grouped", "-smp", "4,sockets=3", "-kernel", kernel)
    refused("'-uuid xyz'", "-uuid", "xyz", "-kernel", kernel)
    refused("'-uuid", "-uuid", "00000000-0000-0000-0000-0000000000001", "-kernel", kernel)
    refused("loud", "-log-level", "loud", "-kernel", kernel)
    refused("'nonesuch'", "-netdev", "nonesuch,id=n", "-kernel", kernel)
    refused("'restrct'", "-netdev", "user,id=n,restrct=on", "-kernel", kernel)
    refused("'node-name'", "-blockdev", "file,filename=/x", "-kernel", kernel)
    refused("'pty'", "-chardev", "pty,id=c", "-kernel", kernel)
    refused("'mode'", "-mon", "c", "-kernel", kernel)
    refused("server=on", "-qmp", f"unix:{vm.file('other.sock')}", "-kernel", kernel)
    refused("tcp:HOST:PORT", "-qmp", "tcp:host,server", "-kernel", kernel)
    refused("did you mean 'readonly'", "-drive", f"id=d,file={kernel},readnly=on", "-kernel", kernel)
    refused("did you mean 'net-slots'", "-machine", "microvm,net-slot=2", "-kernel", kernel)
    refused("did you mean 'jit-cache'", "-accel", "soft,jit-cash=1M", "-kernel", kernel)
    refused("did you mean 'dhcpstart'", "-netdev", "user,id=n,dhcp-start=10.0.2.9", "-kernel", kernel)
    refused("did you mean 'read-only'", "-blockdev", "null-co,node-name=d,read-onyl=on", "-kernel", kernel)
    refused("did you mean 'serial'", "-blockdev", "null-co,node-name=d", "-device", "virtio-blk,drive=d,seriel=x", "-kernel", kernel)
    refused("did you mean 'server'", "-chardev", "socket,id=c,path=/nowhere,sever=on,reconnect=1", "-kernel", kernel)
    refused("did you mean 'filename'", "-object", "rng-random,id=r,filenam=/dev/zero", "-kernel", kernel)
    refused("did you mean 'wait'", "-qmp", "unix:/nowhere,server=on,waite=off", "-kernel", kernel)
    refused("'colour'", "-machine", "microvm,colour=red", "-kernel", kernel)
    refused("blk-slots", "-machine", "microvm,blk-slots=100", "-kernel", kernel)
    refused("mac0", "-machine", "microvm,mac0=ff:ff:ff:ff:ff:ff", "-kernel", kernel)
    refused("warp", "-accel", "warp", "-kernel", kernel)
    refused("1 to 8", "-smp", "9", "-kernel", kernel)
    refused("128M", "-m", "64M", "-kernel", kernel)
    refused("stdio", "-serial", "vt100", "-kernel", kernel)
    refused("absent", "-serial", f"file:{vm.file('absent/x')}", "-kernel", kernel)
    refused("absent", "-D", vm.file("absent/log"), "-kernel", kernel)
    refused("absent", "-plugin-dir", vm.file("absent"), "-device", "virtio-blk", "-kernel", kernel)
    refused("absent", "-qmp", f"unix:{vm.file('absent/qmp')},server,nowait", "-kernel", kernel)
    refused("in use", "-qmp", f"unix:{vm.qmp_path},server,nowait", "-kernel", kernel)
    refused("c0", "-mon", "c0,mode=control", "-kernel", kernel)
    refused("qom-type", "-object", "warp,id=w", "-kernel", kernel)
    refused("nonesuch", "-device", "nonesuch", "-kernel", kernel)
    refused("absent", "-drive", f"id=d,file={vm.file('absent')},rerror=report,werror=report", "-kernel", kernel)
    refused("'werror'", "-drive", f"id=d,file={kernel},werror=stop", "-kernel", kernel)
    refused("only raw images", "-drive", f"id=d,file={kernel},format=qcow2", "-kernel", kernel)
    refused("a -device", "-drive", f"id=d,file={kernel},if=virtio", "-kernel", kernel)


@tap.test("the device tree is written, and dtc finds nothing amiss")
def dumpdtb(vm):
    path = vm.file("board.dtb")
    status, _, errors = run("-machine", f"microvm,dumpdtb={path},blk-slots=12", "-smp", "2", "-m", "1G")
    tap.check_equal((status, errors), (0, ""), "dumpdtb")
    done = subprocess.run(["dtc", "-I", "dtb", "-O", "dts", path], capture_output=True, text=True, check=True)
    tap.check_equal(done.stderr, "", "warnings")
    tap.check_equal(len(re.findall(r"virtio_mmio@", done.stdout)), 12 + 2 + 16, "slots")


@tap.test("a pidfile is locked while the VM lives, and removed at its end")
def pidfile(vm):
    path = vm.file("pid")
    with VM("-pidfile", path, "-name", "first", "-D", vm.file("log"), "-log-level", "info", idle=True) as first:
        first.qmp.execute("query-status")
        with open(path, encoding="ascii") as file:
            tap.check_equal(int(file.read()), first.pid, "number in the pidfile")
        refused("held by another", "-pidfile", path, "-kernel", vm.file("idle-kernel"))
    tap.check(not os.path.exists(path), "the pidfile is still there")
    with open(vm.file("log"), encoding="utf-8") as file:
        tap.check("info: machine 'riscv64'" in file.read(), "the log lacks its first line")
    tap.check_equal(stat.S_IMODE(os.stat(vm.file("log")).st_mode) & 0o7, 0, "others' rights on the log")


@tap.test("-S waits for cont")
def stopped(vm):
    with VM("-S", idle=True) as other:
        tap.check_equal(other.qmp.execute("query-status")["status"], "prelaunch", "status")
        other.qmp.execute("cont")
        tap.check_equal(other.qmp.execute("query-status")["status"], "running", "status")


if __name__ == "__main__":
    tap.main(lambda: VM(idle=True))
