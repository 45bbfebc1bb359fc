#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A vendor's device that nobody here has heard of is dropped in while the guest runs: its commands, events and counters come
with it, live through an upgrade, and go with its last instance."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import plugins, tap
from harness.qmp import expect_error

SLOT = "10018000.virtio_mmio"  # the first generic slot, as docs/writing-a-plugin.md has it
BOUND = "/sys/bus/platform/drivers/virtio-mmio"
SET, QUERY, WAIT = ("x-acme-gauge-" + verb for verb in ("set", "query", "wait"))


def fixture():
    return plugins.vm_with()


def commands(vm):
    return {each["name"] for each in vm.qmp.execute("query-commands")} & {SET, QUERY, WAIT}


def level_read(vm):
    """The byte that the guest reads from it, in decimal. What its driver had asked for before is read first."""
    vm.sh("head -c 4096 /dev/hwrng >/dev/null")
    return vm.sh("head -c 1 /dev/hwrng | hexdump -e '1/1 \"%d\"'").strip()


def counters(vm, device="g0"):
    (result,) = [each for each in vm.qmp.execute("query-stats", {"target": "device", "providers": [{"provider": "plugin"}]})
                 if each["qom-path"] == device]
    return {each["name"]: each["value"] for each in result["stats"]}


@tap.test("a guest boots; nobody knows the vendor's driver or its commands")
def boot(vm):
    vm.boot()
    expect_error(vm.qmp.execute, "device_add", {"driver": "acme-gauge", "id": "g0"}, names=["acme-gauge"])
    expect_error(vm.qmp.execute, QUERY, kind="CommandNotFound")
    tap.check_equal(commands(vm), set(), "commands")


@tap.test("dropped in, it is plugged and the guest's stock driver uses it")
def dropped(vm):
    plugins.put(vm.plugins, "acme-gauge", plugins.built("acme-gauge"))
    vm.qmp.execute("device_add", {"driver": "acme-gauge", "id": "g0", "level": 65})
    vm.sh(f"echo {SLOT} > {BOUND}/bind")
    tap.check_equal(level_read(vm), "65", "byte")


@tap.test("its commands are there, described like all others, and their arguments are checked")
def described(vm):
    tap.check_equal(commands(vm), {SET, QUERY, WAIT}, "commands")
    schema = {each["name"]: each for each in vm.qmp.execute("query-qmp-schema")}
    members = {each["name"]: each for each in schema[schema[SET]["arg-type"]]["members"]}
    tap.check_equal(set(members), {"level", "mode", "label", "id"}, "arguments")
    tap.check("default" in members["mode"] and "default" not in members["level"], "what may be left out")
    tap.check_equal([each["name"] for each in schema[members["mode"]["type"]]["members"]], ["steady", "count"], "enum")
    tap.check_equal(schema["X_ACME_GAUGE_CHANGED"]["meta-type"], "event", "event")
    events = {each["name"] for each in vm.qmp.execute("query-events")}
    tap.check({"X_ACME_GAUGE_CHANGED", "X_ACME_GAUGE_READ"} <= events, "events")
    expect_error(vm.qmp.execute, SET, names=["'level' is missing"])
    expect_error(vm.qmp.execute, SET, {"level": "1"}, names=["'level'", "integer"])
    expect_error(vm.qmp.execute, SET, {"level": -1}, names=["'level'"])
    expect_error(vm.qmp.execute, SET, {"level": 256}, names=["'level' is 256", "0 to 255"])
    expect_error(vm.qmp.execute, SET, {"level": 1, "mode": "fast"}, names=["'mode'", "'fast'"])
    expect_error(vm.qmp.execute, SET, {"level": 1, "label": "x" * 16}, names=["'label'", "15"])
    expect_error(vm.qmp.execute, SET, {"level": 1, "extra": 1}, names=["'extra' is unexpected"])
    expect_error(vm.qmp.execute, SET, {"level": 1, "id": "g1"}, kind="DeviceNotFound", names=["'g1'"])
    expect_error(vm.qmp.execute, SET, {"level": 13}, names=["bad luck"])


@tap.test("they work: answers at once and later, events, and what the guest sees of it")
def used(vm):
    vm.qmp.events.clear()
    tap.check_equal(vm.qmp.execute(SET, {"level": 66, "label": "h\u00f6he"}), {"level": 65, "mode": "steady"}, "answer")
    tap.check_equal(vm.qmp.event("X_ACME_GAUGE_CHANGED")["data"], {"level": 66, "device": "g0"}, "event")
    state = vm.qmp.execute(QUERY, {"id": "g0"})
    tap.check_equal(state, {"level": 66, "mode": "steady", "label": "h\u00f6he"}, "state")
    tap.check_equal(level_read(vm), "66", "byte")
    with vm.new_qmp() as other:
        other.send({"execute": WAIT})
        while isinstance(vm.qmp.value_or_error(WAIT), dict):
            pass  # the first of the two to arrive waits; that one was ours
        vm.qmp.execute(SET, {"level": 67})
        tap.check_equal(other.value(other.reply())["level"], 67, "the answer that came later")
    vm.qmp.events.clear()
    vm.sh("head -c 100000 /dev/hwrng >/dev/null")
    tap.check_equal(vm.qmp.event("X_ACME_GAUGE_READ")["data"], {"level": 67, "device": "g0"}, "event by the guest")
    reads = [each for each in vm.qmp.events if each["event"] == "X_ACME_GAUGE_READ"]
    tap.check(len(reads) < 5, f"{len(reads) + 1} events of one that tells the latest state")


@tap.test("while the VM is stopped the operator can still ask")
def stopped(vm):
    vm.qmp.execute("stop")
    tap.check_equal(vm.qmp.execute(QUERY)["level"], 67, "level")
    vm.qmp.execute("cont")


@tap.test("its counters are in query-stats, beside those of slots and backends")
def stats(vm):
    (schema,) = vm.qmp.execute("query-stats-schemas", {"provider": "plugin"})
    tap.check_equal((schema["driver"], schema["target"]), ("acme-gauge", "device"), "schema")
    units = {each["name"]: (each["type"], each.get("unit")) for each in schema["stats"]}
    tap.check_equal(units["bytes"], ("cumulative", "bytes"), "bytes")
    tap.check_equal(units["most"], ("peak", "bytes"), "most")
    before = counters(vm)
    tap.check_equal(before["level"], 67, "level")
    vm.sh("head -c 5000 /dev/hwrng >/dev/null")
    after = counters(vm)
    tap.check(after["bytes"] - before["bytes"] >= 4096 and after["requests"] > before["requests"], f"{before} {after}")
    bus = vm.qmp.execute("query-stats", {"target": "device", "providers": [{"provider": "bus", "names": ["kicks"]}]})
    tap.check_equal([(each["qom-path"], [stat["name"] for stat in each["stats"]]) for each in bus], [("g0", ["kicks"])], "bus")
    tap.check_equal(vm.qmp.execute("query-stats", {"target": "vcpu"}), [], "vCPUs")
    expect_error(vm.qmp.execute, "query-stats", {"target": "cpu"}, names=["'target'"])


@tap.test("its new version takes over with its state, an open command being told")
def upgraded(vm):
    before, state = counters(vm), vm.qmp.execute(QUERY)
    with vm.new_qmp() as other:
        other.send({"execute": WAIT})
        while isinstance(vm.qmp.value_or_error(WAIT), dict):
            pass
        plugins.put(vm.plugins, "acme-gauge", plugins.built("acme-gauge-2"))
        answer = vm.qmp.execute("plugin-upgrade", {"name": "acme-gauge"})
        tap.check_equal((answer["from"], answer["to"], answer["devices"]), ("1.0.0", "2.0.0", 1), "upgrade")
        tap.check("g0" in other.reply()["error"]["desc"], "what the open command was told")
    tap.check_equal(vm.qmp.execute(QUERY), state, "state")
    tap.check(counters(vm)["bytes"] >= before["bytes"], "counters")
    tap.check_equal(level_read(vm), "67", "byte")
    (plugin,) = vm.qmp.execute("query-plugins")
    tap.check_equal((plugin["version"], plugin["license"], plugin["devices"]), ("2.0.0", "LicenseRef-Acme", ["g0"]), "plugin")


@tap.test("with two of them a command names its device; with the last one the commands go")
def gone(vm):
    vm.qmp.execute("device_add", {"driver": "acme-gauge", "id": "g1", "level": 1})
    expect_error(vm.qmp.execute, QUERY, names=["'id' is missing"])
    tap.check_equal(vm.qmp.execute(QUERY, {"id": "g1"})["level"], 1, "level")
    vm.qmp.execute("device_del", {"id": "g0"})
    tap.check_equal(vm.qmp.execute(QUERY)["level"], 1, "level")
    vm.qmp.execute("device_del", {"id": "g1"})
    tap.check_equal(commands(vm), set(), "commands")
    expect_error(vm.qmp.execute, QUERY, kind="CommandNotFound")
    tap.check_equal(vm.qmp.execute("query-stats-schemas", {"provider": "plugin"}), [], "schemas")
    vm.sh("true")


if __name__ == "__main__":
    tap.main(fixture)
