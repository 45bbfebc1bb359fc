#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mortise-plugin-new: each kind of project builds against an installed tree, passes its own test, and can be plugged."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.vm import VM
from workshop import workshop

# Types with what their devices need: a backend's QMP command with its arguments, and how the device names it.
TYPES = {
    "block": ("blockdev-add", {"driver": "null-co", "node-name": "backend"}, "drive"),
    "net": ("netdev_add", {"type": "user", "id": "backend"}, "netdev"),
    "rng": None,
    "custom": None,
}


def make_project(shop, kind, build="make"):
    """Its folder, which is named after its driver."""
    name = f"acme-{kind}" if build == "make" else f"acme-{kind}-{build}"
    shop.sh(f"mortise-plugin-new {name} --type {kind} --build {build}")
    return name


def plug(shop, folder, name, kind):
    """Plugs it into a running VM and takes it out again."""
    with VM(idle=True, plugin_dir=os.path.join(shop.folder, folder)) as vm:
        device = {"driver": name, "id": "d0"}
        if TYPES[kind]:
            command, arguments, key = TYPES[kind]
            vm.qmp.execute(command, arguments)
            device[key] = "backend"
        vm.qmp.execute("device_add", device)
        (plugin,) = [each for each in vm.qmp.execute("query-plugins") if each["name"] == name]
        tap.check_equal(plugin["instances"], 1, "instances")
        vm.qmp.execute("device_del", {"id": "d0"})
        tap.check_equal(vm.qmp.event("DEVICE_DELETED")["data"]["device"], "d0", "device")


def register(kind):
    @tap.test(f"a {kind} project builds, passes its test and is plugged")
    def project(shop):
        name = make_project(shop, kind)
        shop.sh(f"make -C {name} CC='cc -Werror' && make -C {name} check CHECK_OPTIONS=--quick")
        plug(shop, name, name, kind)


for each in TYPES:
    register(each)


@tap.test("an autotools project of several files builds, passes its test, installs one file and is plugged")
def autotools(shop):
    if not shutil.which("autoreconf") or not shutil.which("libtoolize"):
        raise tap.Skip("no autotools")
    name = make_project(shop, "block", "autotools")
    shop.sh(f"cd {name} && autoreconf -i -I {shop.prefix}/share/aclocal && ./configure --quiet && make && make check CHECK_OPTIONS=--quick")
    shop.sh(f"make -C {name} install DESTDIR={shop.folder}/staged plugindir=/plugins")
    tap.check_equal(os.listdir(f"{shop.folder}/staged/plugins"), [f"{name}.so"], "installed files")
    plug(shop, "staged/plugins", name, "block")


@tap.test("a Debian package is made of a project, with the plugin where Mortise looks")
def debian(shop):
    if not shutil.which("dh") or not shutil.which("dpkg-buildpackage"):
        raise tap.Skip("no debhelper")
    name = "acme-packaged"
    shop.sh(f"mortise-plugin-new {name} --type rng && cd {name} && CHECK_OPTIONS=--quick dpkg-buildpackage -b -us -uc")
    shop.sh(f"dpkg-deb -x mortise-plugin-{name}_0.1.0_*.deb unpacked")
    shop.sh(f"test -f unpacked$(pkg-config --variable=plugindir mortise-plugin)/{name}.so")


@tap.test("wrong words are refused and write nothing")
def refused(shop):
    for words, wanted in {
        "Acme --type rng": "is no driver's name",
        "acme-mmio --type rng": "transport's suffix",
        "acme --type sound": "unknown type 'sound'",
        "acme --type custom --id none": "is no virtio device type",
        "acme --type rng --build cmake": "unknown build 'cmake'",
        "acme --type rng --hurry": "unknown option '--hurry'",
        "acme --type": "wants a value",
        "acme --type rng --directory occupied": "not empty",
    }.items():
        shop.sh("mkdir -p occupied && touch occupied/file")
        output = shop.sh(f"if mortise-plugin-new {words} 2>&1; then false; fi")
        tap.check(wanted in output, f"{words}: {output}")
        tap.check(not os.path.exists(os.path.join(shop.folder, "acme")), "a folder was made")


if __name__ == "__main__":
    tap.main(workshop)
