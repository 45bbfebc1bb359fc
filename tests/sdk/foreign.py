#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The plugin ABI from outside C: headers that other compilers take, and devices in C++ and Rust that a guest uses."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.vm import SOURCE, VM
from workshop import workshop

FOREIGN = os.path.join(SOURCE, "tests/sdk/foreign")


def need(program):
    if not shutil.which(program):
        raise tap.Skip(f"no {program}")


def use(shop, driver, **properties):
    """Boots a guest with the device and reads from it; the bytes."""
    shop.sh(f"chmod go-w . {driver}.so")
    words = "".join(f",{name}={value}" for name, value in properties.items())
    with VM("-device", f"{driver},id=d0{words}", plugin_dir=shop.folder) as vm:
        vm.boot()
        text = vm.sh("modprobe virtio_rng; head -c 512 /dev/hwrng | od -An -v -tu1")
        vm.qmp.execute("device_del", {"id": "d0"})
    return [int(word) for word in text.split()]


@tap.test("the headers compile as C90, C99, C++11 and C++20, each alone, without a warning")
def headers(shop):
    need("g++")
    for name in sorted(os.listdir(f"{shop.prefix}/include/mortise")):
        for compiler in ("cc -std=gnu90 -x c", "cc -std=c99 -x c", "g++ -std=c++11 -x c++", "g++ -std=c++20 -x c++"):
            shop.sh(
                f"echo '#include <mortise/{name}>' | {compiler} -pedantic -Wall -Wextra -Wshadow -Werror -fsyntax-only"
                " $(pkg-config --cflags mortise-plugin) -"
            )


@tap.test("a plugin in C++ passes the checker, and a guest uses it")
def cxx(shop):
    need("g++")
    shop.sh(
        "g++ -std=c++17 -O2 -Wall -Wextra -Werror -Wno-unused-parameter $(pkg-config --cflags mortise-plugin)"
        f" -o dice.so {FOREIGN}/dice.cc $(pkg-config --libs mortise-plugin)"
    )
    shop.sh("mortise-plugin-check --quick dice.so")
    tap.check_equal(set(use(shop, "dice", sides=4)), {1, 2, 3, 4}, "faces")


@tap.test("a plugin in Rust passes the checker, and a guest uses it")
def rust(shop):
    need("cargo")
    shop.sh(f"cargo build --release --offline --quiet --manifest-path {FOREIGN}/rust/Cargo.toml --target-dir target")
    shop.sh("cp target/release/libcounter.so counter.so")
    shop.sh("mortise-plugin-check --quick counter.so")
    seen = use(shop, "counter", step=3)
    # The kernel's own thread may take some in between.
    steps = [(after - before) % 256 for before, after in zip(seen, seen[1:])]
    tap.check(steps.count(3) > 0.9 * len(steps), f"steps: {steps}")


if __name__ == "__main__":
    tap.main(workshop)
