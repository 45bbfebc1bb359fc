#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The QMP protocol as clients, good and bad ones, drive it: negotiation, ids, broken input, several clients and monitors."""

import json
import os
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import images, tap
from harness.qmp import QMP, expect_error
from harness.vm import VM

LINE_MAX = 64 * 1024  # what Go clients read lines into


def fixture():
    return VM(idle=True)


def raw_answers(client, request, count=1):
    """Sends bytes; the next lines as bytes."""
    client.send(request)
    return [client.receive_line() for _ in range(count)]


def error_class(line):
    error = json.loads(line)["error"]
    tap.check_equal(sorted(error), ["class", "desc"], "members of an error")
    tap.check(error["desc"], "an empty desc")
    return error["class"]


def works(client):
    tap.check_equal(client.execute("query-status")["running"], True, "query-status")


@tap.test("the greeting comes first and tells the version")
def greeting(vm):
    with vm.new_qmp(negotiate=False) as client:
        version = client.greeting["QMP"]["version"]
        tap.check(version["qemu"]["major"] >= 5, version)
        tap.check(version["package"].startswith("mortise-"), version)
        tap.check_equal(client.greeting["QMP"]["capabilities"], ["oob"], "capabilities")


@tap.test("each connection negotiates for itself; before that, commands are not found and events not sent")
def negotiation(vm):
    with vm.new_qmp(negotiate=False) as client:
        words = expect_error(client.execute, "query-status", kind="CommandNotFound")
        tap.check_equal(words, "Expecting capabilities negotiation with 'qmp_capabilities'", "desc")
        expect_error(client.execute, "nonesuch", kind="CommandNotFound")
        expect_error(client.execute, "qmp_capabilities", {"enable": ["nonesuch"]}, names=["nonesuch"])
        vm.qmp.execute("stop")
        vm.qmp.execute("cont")
        expect_error(client.execute, "query-status", kind="CommandNotFound")
        tap.check_equal(client.events, [], "events before negotiation")
        client.execute("qmp_capabilities")
        works(client)
        expect_error(client.execute, "qmp_capabilities", kind="CommandNotFound")


@tap.test("any JSON value is an id and comes back unchanged, on errors too")
def ids(vm):
    for text in ("1", "1.10", "1e400", "-0", "18446744073709551616", "null", "true", '"x"', '""', "[1, [], {}]",
                 '{"a": {"b": 1.0}}', '"\\u00E9\\uD83D\\uDE00\\u0000\\u007F"'):
        line, = raw_answers(vm.qmp, '{"execute": "query-name", "id": %s}' % text)
        tap.check(line.endswith(f', "id": {text}}}'.encode()), f"{line!r} for the id {text}")
        line, = raw_answers(vm.qmp, '{"execute": "nonesuch", "id": %s}' % text)
        tap.check(line.endswith(f', "id": {text}}}'.encode()), f"{line!r} for the id {text}")


@tap.test("lines are ASCII, end in CRLF, and are short enough for clients")
def lines(vm):
    commands = [each["name"] for each in vm.qmp.execute("query-commands")]
    for name in ("query-qmp-schema", "query-commands", "query-events"):
        tap.check(name in commands, f"no {name}")
        line, = raw_answers(vm.qmp, json.dumps({"execute": name}))
        tap.check(line.isascii() and len(line) < LINE_MAX, f"{name}: {len(line)} bytes")
    line, = raw_answers(vm.qmp, '{"execute":"h\u00e9 \U0001f600"}')
    tap.check_equal(line, b'{"error": {"class": "CommandNotFound", "desc": '
                    b'"The command h\\u00E9 \\uD83D\\uDE00 has not been found"}}', "answer")
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(vm.qmp_path)
        tap.check(raw.recv(4096).endswith(b"}\r\n"), "the greeting's end")


@tap.test("the form of a request is checked before its name")
def forms(vm):
    for request, words in (
        ('{"execute": "nonesuch", "bogus": 1}', "QMP input member 'bogus' is unexpected"),
        ('{"execute": "nonesuch", "arguments": []}', "QMP input member 'arguments' must be an object"),
        ('{"execute": 1}', "QMP input member 'execute' must be a string"),
        ('{"arguments": {}}', "QMP input lacks member 'execute'"),
        ('{"exec-oob": "query-status"}', "QMP input member 'exec-oob' is unexpected"),
        ("[]", "QMP input must be a JSON object"),
        ('"x"', "QMP input must be a JSON object"),
    ):
        line, = raw_answers(vm.qmp, request)
        tap.check_equal(json.loads(line), {"error": {"class": "GenericError", "desc": words}}, request)


@tap.test("a command ends at its brace: several in one write, or a byte at a time")
def pieces(vm):
    replies = vm.qmp.pipeline([{"execute": "query-name", "id": number} for number in range(500)])
    tap.check_equal([reply["id"] for reply in replies], list(range(500)), "ids")
    for byte in b"{'execute': 'query-name', 'id': 'it\\'s'}":
        vm.qmp.send(bytes([byte]))
    tap.check_equal(vm.qmp.receive(), {"return": {}, "id": "it's"}, "answer")


@tap.test("broken input is answered and survived")
def broken(vm):
    for request, errors in (
        (b"}}]", 3),
        (b'{"a": ]', 1),
        (b'{"a": 1, "a": 2}', 1),
        (b'"abc\n', 1),
        (b'{"execute": "query-\xff', 1),
        (b"[[[{\x00", 1),
        (b"xyz ", 1),
        (b'{"execute": "\\ud800"}', 1),
        (b'{"execute": "\xc0\xaf"}', 1),
        (b'{"execute": "\xed\xa0\x80"}', 1),
        (b'{"execute": "stop", "arguments": {"x": NaN}}\n', 3),
    ):
        with vm.new_qmp() as client:
            for line in raw_answers(client, request, errors):
                tap.check_equal(error_class(line), "GenericError", request)
            works(client)


@tap.test("nesting 10,000 deep is refused, and a megabyte string is taken")
def large(vm):
    client = vm.new_qmp()
    line, = raw_answers(client, b"[" * 10000 + b"]" * 10000)
    tap.check_equal(error_class(line), "GenericError", "nesting")
    works(client)
    line, = raw_answers(client, b'{"a":' * 10000 + b"\n")
    tap.check_equal(error_class(line), "GenericError", "nesting without an end")
    works(client)
    reply = client.command({"execute": "query-name", "id": "x" * (1 << 20)})
    tap.check_equal(reply, {}, "answer")
    words = expect_error(client.execute, "blockdev-del", {"node-name": "x" * (1 << 20)})
    tap.check(len(words) < 1024, f"a desc of {len(words)} bytes")
    expect_error(client.execute, "x" * (5 << 20), kind="GenericError")
    works(client)
    client.close()


@tap.test("ten clients at once get their own answers and the same events")
def ten(vm):
    clients = [vm.new_qmp() for _ in range(10)]
    for number, client in enumerate(clients):
        client.send(json.dumps({"execute": "query-name", "id": number}) * 20)
    for number, client in enumerate(clients):
        tap.check_equal([client.reply()["id"] for _ in range(20)], [number] * 20, "ids")
    clients[0].execute("stop")
    clients[1].execute("cont")
    for client in clients:
        for name in ("STOP", "RESUME"):
            stamp = client.event(name)["timestamp"]
            tap.check(abs(stamp["seconds"] - time.time()) < 60 and 0 <= stamp["microseconds"] < 1000000, stamp)
        client.close()


@tap.test("STOP, RESUME and POWERDOWN come before the return; nothing comes when nothing changes")
def order(vm):
    with vm.new_qmp() as client:
        for command, event in (("stop", "STOP"), ("stop", None), ("cont", "RESUME"), ("cont", None),
                               ("system_powerdown", "POWERDOWN"), ("system_reset", "RESET")):
            client.send({"execute": command})
            if event:
                tap.check_equal(client.receive()["event"], event, f"first after {command}")
            tap.check_equal(client.receive(), {"return": {}}, f"answer to {command}")


@tap.test("a refused stop does not stop")
def refused(vm):
    expect_error(vm.qmp.execute, "stop", {"now": True}, names=["now"])
    works(vm.qmp)


@tap.test("half-closed clients get their answers, those that vanish leave nothing behind")
def leaving(vm):
    works(vm.qmp)
    before = vm.descriptors()
    with vm.new_qmp() as client:
        client.send(json.dumps({"execute": "query-name"}) * 3)
        client.half_close()
        tap.check_equal([client.reply() for _ in range(3)], [{"return": {}}] * 3, "answers")
        try:
            client.receive()
            raise AssertionError("the connection stays open")
        except EOFError:
            pass
    for request in (b'{"execute": "query-', b'{"execute": "stop"}{"execute": "cont"}' * 20, b""):
        client = vm.new_qmp(negotiate=request != b"")
        client.send(request)
        client.close()
    deadline = time.monotonic() + 30
    while len(vm.descriptors()) > len(before) and time.monotonic() < deadline:
        time.sleep(0.02)
    tap.check_equal(vm.descriptors(), before, "open files")
    vm.qmp.execute("cont")
    vm.qmp.events.clear()


@tap.test("a client that never reads holds up nobody")
def deaf(vm):
    with vm.new_qmp() as client:
        client._socket.setblocking(False)
        request = json.dumps({"execute": "query-qmp-schema"}).encode()
        sent = 0
        try:
            while sent < 64 << 20:
                sent += client._socket.send(request * 100)
                vm.qmp.execute("query-name")
        except BlockingIOError:
            pass
        tap.check(sent < 64 << 20, "everything was read, and nothing of the answers")
        for _ in range(200):
            vm.qmp.execute("stop")
            vm.qmp.execute("cont")
        vm.qmp.events.clear()
    works(vm.qmp)


@tap.test("execution out of band, of the commands that allow it")
def out_of_band(vm):
    with vm.new_qmp(negotiate=False) as client:
        client.execute("qmp_capabilities", {"enable": ["oob"]})
        tap.check_equal(client.command({"exec-oob": "query-status", "id": 1})["running"], True, "answer")
        expect_error(client.command, {"exec-oob": "stop"}, names=["stop", "OOB"])
        expect_error(client.command, {"exec-oob": "query-name", "execute": "query-name"}, names=["clashes"])
        schema = {each["name"]: each for each in client.execute("query-qmp-schema") if each["meta-type"] == "command"}
        for name, command in schema.items():
            if not command.get("allow-oob") and name != "qmp_capabilities":
                expect_error(client.command, {"exec-oob": name}, names=[name])


@tap.test("descriptors come with a command or ahead of it, and are closed when nobody claims them")
def descriptors(vm):
    with vm.new_qmp() as client:
        works(client)
        before = vm.descriptors()
        expect_error(client.execute, "getfd", {"fdname": "nothing"}, names=["SCM_RIGHTS"])
        reader, writer = os.pipe()
        client.send({"execute": "getfd", "arguments": {"fdname": "one"}}, [reader])
        client.value(client.reply())
        client.send(" ", [writer])
        client.execute("getfd", {"fdname": "two"})
        tap.check_equal(len(vm.descriptors()), len(before) + 2, "open files with two descriptors")
        client.send({"execute": "query-name"}, [reader])
        client.value(client.reply())
        client.send(" ", [writer])
        for name in ("one", "two"):
            client.execute("closefd", {"fdname": name})
        expect_error(client.execute, "closefd", {"fdname": "one"}, names=["one"])
        expect_error(client.execute, "getfd", {"fdname": "1"}, names=["digit"])
        os.close(reader)
        os.close(writer)
        tap.check_equal(vm.descriptors(), before, "open files")


@tap.test("a set of descriptors is opened by its path, with the access that they have")
def sets(vm):
    with vm.new_qmp() as client:
        path = images.sparse(vm.file("passed.img"), 1 << 20)
        os.chmod(path, 0)
        before = vm.descriptors()
        with open(path, "rb") as readable:
            client.send({"execute": "add-fd", "arguments": {"opaque": "to read"}}, [readable.fileno()])
            added = client.value(client.reply())
        name = f"/dev/fdset/{added['fdset-id']}"
        node = {"node-name": "passed", "driver": "file", "filename": name, "locking": "off"}
        expect_error(client.execute, "blockdev-add", node, names=[name, "Permission denied"])
        expect_error(client.execute, "blockdev-add", {**node, "filename": "/dev/fdset/77"}, names=["/dev/fdset/77"])
        client.execute("blockdev-add", {**node, "read-only": True})
        tap.check_equal(client.execute("query-fdsets"),
                        [{"fdset-id": added["fdset-id"], "fds": [{"fd": added["fd"], "opaque": "to read"}]}], "sets")
        expect_error(client.execute, "remove-fd", {"fdset-id": added["fdset-id"], "fd": 1000}, names=["1000"])
        client.execute("remove-fd", {"fdset-id": added["fdset-id"]})
        tap.check_equal(client.execute("query-fdsets"), [], "sets")
        expect_error(client.execute, "remove-fd", {"fdset-id": 0}, names=["fdset-id:0"])
        client.execute("blockdev-del", {"node-name": "passed"})
        expect_error(client.execute, "add-fd", {"fdset-id": -1}, names=["SCM_RIGHTS"])
        tap.check_equal(vm.descriptors(), before, "open files")


@tap.test("the socket is the owner's alone, and a second VM does not take it")
def sockets(vm):
    tap.check_equal(stat.S_IMODE(os.stat(vm.qmp_path).st_mode), 0o600, "mode")
    second = subprocess.run([os.path.join(os.environ["MORTISE_SOURCE"], "run"), *vm.arguments], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True)
    tap.check(second.returncode != 0 and "in use" in second.stderr, f"{second.returncode}: {second.stderr}")
    works(vm.qmp)


@tap.test("several monitors, over TCP too; a socket left behind by a dead VM is taken over")
def monitors(vm):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with VM("-qmp", f"tcp:127.0.0.1:{port},server,nowait", idle=True) as other:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(other.file("second.sock"))
        other.kill()
        other.arguments += ["-mon", "chardev=m,mode=control"]
        other.arguments += ["-chardev", f"socket,id=m,path={other.file('second.sock')},server=on,wait=off"]
        other.start()
        works(other.qmp)
        with QMP(other.file("second.sock")) as second, QMP(("127.0.0.1", port)) as third:
            works(second)
            works(third)
            labels = {each["label"]: each["filename"] for each in third.execute("query-chardev")}
            tap.check_equal(labels.get("m"), f"unix:{other.file('second.sock')},server=on", f"{labels}")
            second.execute("stop")
            third.event("STOP")
            other.qmp.event("STOP")


@tap.test("commands for people print what they are asked for")
def people(vm):
    def ask(line):
        return vm.qmp.execute("human-monitor-command", {"command-line": line})

    topics = [line.split()[1] for line in ask("help").splitlines()]
    tap.check("status" in topics and "block" in topics, topics)
    for topic in topics:
        tap.check("unknown command" not in ask(f"info {topic}"), topic)
    tap.check_equal(ask("info status"), "VM status: running\r\n", "info status")
    tap.check("compat_monitor0" in ask("info chardev"), "info chardev")
    tap.check_equal(ask(""), "", "nothing")
    for line in ("nonesuch", "info nonesuch", "info status more", "x" * 1000):
        tap.check("unknown command" in ask(line), line)


@tap.test("quit is answered, then SHUTDOWN is told, then the connection ends and the socket is gone")
def end(_):
    with VM(idle=True) as vm:
        client = vm.qmp
        client.send({"execute": "quit"})
        tap.check_equal(client.receive(), {"return": {}}, "answer")
        event = client.receive()
        tap.check_equal((event["event"], event["data"]), ("SHUTDOWN", {"guest": False, "reason": "host-qmp-quit"}), "event")
        tap.check_equal(vm.wait(), 0, "exit status")
        tap.check(not os.path.exists(vm.qmp_path), "the socket is still there")


if __name__ == "__main__":
    tap.main(fixture)
