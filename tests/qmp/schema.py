#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command's arguments and answers, made from the schema that the program tells: a new command is covered at once."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import disks, images, tap
from harness.qmp import expect_error
from harness.vm import VM

VALUES = {"string": "text", "int": 7, "number": 1.5, "boolean": True, "null": None}


class Schema:
    def __init__(self, entries):
        self.commands = {each["name"]: each for each in entries if each["meta-type"] == "command"}
        self.events = {each["name"]: each for each in entries if each["meta-type"] == "event"}
        self.types = {each["name"]: each for each in entries if each["meta-type"] not in ("command", "event")}

    def arguments(self, command):
        return self.types[self.commands[command]["arg-type"]]

    def json_types(self, name):
        """The JSON types that a value of this type may have."""
        kind = self.types[name]
        if kind["meta-type"] == "builtin":
            return {"value": set(VALUES) | {"object", "array"}, "number": {"number", "int"}}.get(
                kind["json-type"], {kind["json-type"]})
        if kind["meta-type"] == "alternate":
            return set().union(*(self.json_types(member["type"]) for member in kind["members"]))
        return {{"enum": "string", "object": "object", "array": "array"}[kind["meta-type"]]}

    def sample(self, name):
        """A value that the type's form allows."""
        kind = self.types[name]
        if kind["meta-type"] == "enum":
            return kind["members"][0]["name"]
        if kind["meta-type"] == "array":
            return []
        if kind["meta-type"] == "object":
            return self.object(kind)
        if kind["meta-type"] == "alternate":
            return self.sample(kind["members"][0]["type"])
        return VALUES.get(kind["json-type"], "text")

    def object(self, kind):
        """The object's required members, of its variant too."""
        made = {each["name"]: self.sample(each["type"]) for each in kind["members"] if "default" not in each}
        if "tag" in kind:
            made.setdefault(kind["tag"], kind["variants"][0]["case"])
            for variant in kind["variants"]:
                if variant["case"] == made[kind["tag"]]:
                    made.update(self.object(self.types[variant["type"]]))
        return made

    def members(self, kind, made):
        """All members that an object with this tag may have."""
        members = {each["name"]: each for each in kind["members"]}
        for variant in kind.get("variants", []):
            if variant["case"] == made.get(kind["tag"]):
                members.update({each["name"]: each for each in self.types[variant["type"]]["members"]})
        return members

    def check(self, name, value, path):
        """Demands that a value, as it was returned, is of the type."""
        kind = self.types[name]
        meta = kind["meta-type"]
        if meta == "builtin":
            wanted = {"string": str, "int": int, "number": (int, float), "boolean": bool, "value": object, "null": type(None)}
            tap.check(isinstance(value, wanted[kind["json-type"]]), f"{path} is {value!r}, not {kind['json-type']}")
        elif meta == "enum":
            tap.check(value in [each["name"] for each in kind["members"]], f"{path} is {value!r}, not in {name}")
        elif meta == "array":
            tap.check(isinstance(value, list), f"{path} is no array")
            for number, element in enumerate(value):
                self.check(kind["element-type"], element, f"{path}[{number}]")
        elif meta == "object":
            tap.check(isinstance(value, dict), f"{path} is no object")
            members = self.members(kind, value)
            for member in members.values():
                if member["name"] in value:
                    self.check(member["type"], value[member["name"]], f"{path}.{member['name']}")
                else:
                    tap.check("default" in member, f"{path}.{member['name']} is missing")
            if name != "SchemaInfo":  # whose further members depend on its meta-type
                tap.check_equal(sorted(set(value) - set(members)), [], f"{path}: members that the schema does not have")


class Fixture(VM):
    """A VM with a disk and a node of its own, so that lists are not empty."""

    def __enter__(self):
        super().__enter__()
        self.schema = Schema(self.qmp.execute("query-qmp-schema"))
        for name in ("used", "free"):
            images.sparse(self.file(f"{name}.img"), 1 << 20)
        disks.plug(self.qmp, "used", self.file("used.img"), 1)
        self.qmp.execute("blockdev-add", disks.node("free", self.file("free.img")))
        return self


def state(vm):
    return [vm.qmp.execute(name) for name in ("query-status", "query-block", "query-named-block-nodes")]


def refused(vm, command, arguments, name):
    words = expect_error(vm.qmp.execute, command, arguments)
    tap.check(name in words, f"{command} {arguments}: '{words}' does not name {name}")


def each_command(vm):
    """Every command with arguments of the right form, for tests that then break one thing."""
    for name in sorted(vm.schema.commands):
        if name != "qmp_capabilities":  # which is not found once negotiation is over
            yield name, vm.schema.arguments(name), vm.schema.object(vm.schema.arguments(name))


@tap.test("the schema has the commands and events that the lists have")
def lists(vm):
    for query, known in (("query-commands", vm.schema.commands), ("query-events", vm.schema.events)):
        tap.check_equal(sorted(each["name"] for each in vm.qmp.execute(query)), sorted(known), query)


@tap.test("an argument that no command has is refused, before any effect")
def unknown(vm):
    before = state(vm)
    for name, _, arguments in each_command(vm):
        if name not in ("device_add", "netdev_add"):  # theirs are their drivers' properties, looked at later
            refused(vm, name, {**arguments, "b-o-g-u-s": 1}, "b-o-g-u-s")
    tap.check_equal(state(vm), before, "state")


@tap.test("each required argument is missed by its name")
def missing(vm):
    before = state(vm)
    for name, kind, arguments in each_command(vm):
        for member in kind["members"]:
            if "default" not in member:
                refused(vm, name, {key: value for key, value in arguments.items() if key != member["name"]}, member["name"])
    tap.check_equal(state(vm), before, "state")


@tap.test("each argument of each wrong type is refused")
def wrong_type(vm):
    before = state(vm)
    samples = {**VALUES, "object": {}, "array": []}
    for name, kind, arguments in each_command(vm):
        for member in vm.schema.members(kind, arguments).values():
            allowed = vm.schema.json_types(member["type"])
            for json_type, sample in samples.items():
                if json_type not in allowed:
                    refused(vm, name, {**arguments, member["name"]: sample}, member["name"])
            if allowed == {"int"}:
                for number in (1e30, 2.5, 10**30):
                    refused(vm, name, {**arguments, member["name"]: number}, member["name"])
            if vm.schema.types[member["type"]]["meta-type"] == "enum":
                refused(vm, name, {**arguments, member["name"]: "b-o-g-u-s"}, "b-o-g-u-s")
    tap.check_equal(state(vm), before, "state")


@tap.test("each query that needs no arguments answers what its type says")
def answers(vm):
    queries = [name for name, _, arguments in each_command(vm) if name.startswith("query-") and not arguments]
    tap.check(len(queries) > 10, queries)
    for name in queries:
        vm.schema.check(vm.schema.commands[name]["ret-type"], vm.qmp.execute(name), name)
    vm.schema.check("BlockInfo" in vm.schema.types and "[BlockInfo]", vm.qmp.execute("query-block"), "query-block")
    tap.check_equal(len(vm.qmp.execute("query-block")), 1, "disks")


@tap.test("events have the data that their types say")
def events(vm):
    vm.qmp.events.clear()
    for command in ("stop", "cont", "system_powerdown", "system_reset"):
        vm.qmp.execute(command)
    vm.qmp.execute("device_del", {"id": "used"})
    seen = {event["event"]: event for event in vm.qmp.events}
    tap.check_equal(sorted(seen), ["DEVICE_DELETED", "POWERDOWN", "RESET", "RESUME", "STOP"], "events")
    for name, event in seen.items():
        vm.schema.check(vm.schema.events[name]["arg-type"], event.get("data", {}), name)


if __name__ == "__main__":
    tap.main(lambda: Fixture(idle=True))
