# SPDX-License-Identifier: Apache-2.0
"""A QMP client that can also misbehave: raw bytes, pipelining, descriptors."""

import array
import json
import socket
import time

TIMEOUT = 60


class QMPError(Exception):
    """An error reply: .kind is its class, .description its words."""

    def __init__(self, error):
        super().__init__(f"{error['class']}: {error['desc']}")
        self.kind = error["class"]
        self.description = error["desc"]


class QMP:
    """One connection. Events that arrive between replies are kept in .events until event() asks for them."""

    def __init__(self, path, negotiate=True, timeout=TIMEOUT, alive=lambda: True):
        self.events = []
        self.timeout = timeout
        self._pending = b""
        self._socket = self._connect(path, timeout, alive)
        self.greeting = self.receive()
        if negotiate:
            self.execute("qmp_capabilities")

    @staticmethod
    def _connect(path, timeout, alive):
        """Connects as soon as the VMM listens: its socket appears some time after its start. `path` may be a pair of host
        and port."""
        deadline = time.monotonic() + timeout
        while True:
            client = socket.socket(socket.AF_UNIX if isinstance(path, str) else socket.AF_INET, socket.SOCK_STREAM)
            try:
                client.connect(path)
                return client
            except (FileNotFoundError, ConnectionRefusedError):
                client.close()
                if not alive():
                    raise EOFError("mortise has ended") from None
                if time.monotonic() > deadline:
                    raise TimeoutError(f"nobody listens on {path}") from None
                time.sleep(0.02)

    def send(self, message, descriptors=()):
        """Sends bytes as they are, a text encoded, anything else as JSON."""
        if isinstance(message, str):
            message = message.encode()
        elif not isinstance(message, bytes):
            message = json.dumps(message).encode()
        if descriptors:
            rights = array.array("i", descriptors)
            sent = self._socket.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            message = message[sent:]
        self._socket.sendall(message)

    def receive_line(self, timeout=None):
        """The next line as bytes, without its end; EOFError when the VMM has closed the connection."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while b"\n" not in self._pending:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                piece = self._socket.recv(1 << 16)
            except TimeoutError:
                raise TimeoutError("no QMP message came") from None
            if not piece:
                raise EOFError("the QMP connection was closed")
            self._pending += piece
        line, self._pending = self._pending.split(b"\n", 1)
        return line.rstrip(b"\r")

    def receive(self, timeout=None):
        """The next message, whatever it is."""
        return json.loads(self.receive_line(timeout))

    def reply(self, timeout=None):
        """The next message that is no event."""
        while True:
            message = self.receive(timeout)
            if "event" not in message:
                return message
            self.events.append(message)

    def command(self, message, timeout=None):
        """Sends one command as it is given; the reply's value, or QMPError."""
        self.send(message)
        return self.value(self.reply(timeout))

    @staticmethod
    def value(reply):
        if "error" in reply:
            raise QMPError(reply["error"])
        return reply["return"]

    def execute(self, name, arguments=None, timeout=None):
        message = {"execute": name}
        if arguments is not None:
            message["arguments"] = arguments
        return self.command(message, timeout)

    def value_or_error(self, name, arguments=None):
        """The reply's value, or the words of its error."""
        try:
            return self.execute(name, arguments)
        except QMPError as error:
            return error.description

    def pipeline(self, messages):
        """Sends all of them in one write; their replies, in order."""
        self.send(b"".join(json.dumps(message).encode() for message in messages))
        return [self.reply() for _ in messages]

    def event(self, name, timeout=None):
        """The next event of that name, and forgets it; others stay."""
        deadline = time.monotonic() + (timeout or self.timeout)
        seen = 0
        while True:
            for position in range(seen, len(self.events)):
                if self.events[position]["event"] == name:
                    return self.events.pop(position)
            seen = len(self.events)
            message = self.receive(max(deadline - time.monotonic(), 0.001))
            if "event" not in message:
                raise AssertionError(f"a reply that nobody waits for: {message}")
            self.events.append(message)

    def half_close(self):
        self._socket.shutdown(socket.SHUT_WR)

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def expect_error(function, *arguments, kind="GenericError", names=()):
    """Calls it, demands that class of error, and that its words name each of the given things; returns the words."""
    try:
        value = function(*arguments)
    except QMPError as error:
        assert error.kind == kind, f"class {error.kind} instead of {kind}: {error.description}"
        for name in names:
            assert name in error.description, f"the error does not name {name!r}: {error.description}"
        return error.description
    raise AssertionError(f"accepted, with {value!r}: {arguments}")
