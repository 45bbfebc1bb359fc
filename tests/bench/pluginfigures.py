# SPDX-License-Identifier: Apache-2.0
"""What it costs that devices and backends are plugins: at each request, at an upgrade, and when one is first loaded."""

import os
import tempfile
import time
from unittest import mock

from measure import side
from tools import guest_tools

from harness import images, plugins, vm

NULL_SIZE, DISK_SIZE = 1 << 30, 256 << 20
LOAD, LOAD_SECONDS = "read random 4096 32", 3
UPGRADES, FIRST_LOADS = 30, 20


def _show(rows):
    """Rows of what was measured, in what, and the aim."""
    print("\nPlugins\n")
    for words, figure, aim in rows:
        print(f"  {words.ljust(64)}  {figure.rjust(28)}   aim: {aim}")
    print(flush=True)


def _disk(machine, size):
    found = machine.sh(f"until grep -l '^{size // images.SECTOR}$' /sys/block/vd*/size; do sleep 0.1; done")
    return found.split("/")[3]


def _cost(rows, runs):
    """The null driver that is linked in beside the same code in a plugin, by turns, through guest, device and back."""
    rates = {"null-co": [], "null-plugin": []}
    with plugins.vm_with("virtio-blk", "block-null-plugin") as machine:
        machine.boot()
        for slot, driver in enumerate(rates):
            machine.qmp.execute("blockdev-add", {"node-name": driver, "driver": driver, "size": NULL_SIZE << slot})
            machine.qmp.execute("device_add", {"id": driver, "driver": "virtio-blk-mmio", "drive": driver, "addr": hex(slot)})
        for _ in range(runs):
            for slot, driver in enumerate(rates):
                rate = machine.sh(f"diskload /dev/{_disk(machine, NULL_SIZE << slot)} {LOAD} {LOAD_SECONDS}")
                rates[driver].append(float(rate))
    best = {driver: max(values) for driver, values in rates.items()}
    rows.append(("null driver linked in, requests/s", side(rates["null-co"]), "-"))
    rows.append(("the same code in a plugin, requests/s", side(rates["null-plugin"]), "-"))
    cost = 100 * (1 - best["null-plugin"] / best["null-co"])
    rows.append(("cost of the ABI, % (the best runs of each)", f"{cost:.1f}", "within 2"))


def _pause(rows):
    """For how long a disk with 32 requests in flight does not serve its guest while its plugin is exchanged."""
    pauses = []
    with plugins.vm_with("virtio-blk") as machine:
        images.filled(machine.file("disk"), DISK_SIZE, "bench")
        machine.boot()
        node = {"node-name": "d0", "driver": "file", "filename": machine.file("disk"), "cache": {"direct": True}}
        machine.qmp.execute("blockdev-add", node)
        machine.qmp.execute("device_add", {"id": "d0", "driver": "virtio-blk-mmio", "addr": "0x0"})
        load = machine.background(f"diskload /dev/{_disk(machine, DISK_SIZE)} {LOAD} 600")
        for turn in range(UPGRADES):
            plugins.put(machine.plugins, "virtio-blk", plugins.built("blk-2-1" if turn % 2 else "blk-2"))
            machine.qmp.execute("plugin-upgrade", {"name": "virtio-blk"})
            pauses.append(machine.qmp.event("DEVICE_UPGRADED")["data"]["pause-us"] / 1000)
            time.sleep(0.1)
        machine.sh(f"kill {load}")
    rows.append(("upgrade's pause with 32 requests in flight, ms", side(pauses), "under 10"))


def _first_load(rows):
    """From sending device_add to its answer, the plugin's file having been looked at by nobody before."""
    times = []
    for _ in range(FIRST_LOADS):
        with plugins.vm_with("virtio-rng", idle=True) as machine:
            machine.qmp.execute("query-status")
            sent = time.monotonic()
            machine.qmp.execute("device_add", {"id": "r0", "driver": "virtio-rng-mmio"})
            times.append(1000 * (time.monotonic() - sent))
    rows.append(("device_add with a plugin that is loaded for it, ms", side(times), "under 10"))


def plugin_figures(kinds, runs):
    rows = []
    _first_load(rows)
    with tempfile.TemporaryDirectory(prefix="mortise-bench.", dir=".") as directory:
        initrd = guest_tools(os.path.abspath(directory), "diskload")
        if initrd:
            with mock.patch.dict(os.environ, MORTISE_INITRD=initrd):
                _cost(rows, runs)
                _pause(rows)
    _show(rows)
