# SPDX-License-Identifier: Apache-2.0
"""Processes that serve a VM's device over vhost-user."""

import os
import shutil
import signal
import subprocess
import time

from . import tap

VIRTIOFSD = next((each for each in ("/usr/lib/qemu/virtiofsd", "/usr/libexec/virtiofsd") if os.access(each, os.X_OK)), None)


class Server:
    """A process that listens at `path`. As a context manager it is ended with what it has started."""

    def __init__(self, path, command, log):
        self.path, self.command, self.log = path, command, log
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not os.path.exists(self.path):
            with open(self.log, encoding="utf-8", errors="replace") as log:
                tap.check(self.process.poll() is None, f"{self.command[0]} ended: {log.read()}")
            tap.check(time.monotonic() < deadline, f"{self.command[0]} does not listen")
            time.sleep(0.02)
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """At once, and with the socket, as if the machine's service manager had cleaned up."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def virtiofsd(folder, directory):
    """Serves `folder`; socket and log are made in `directory`."""
    if not VIRTIOFSD or not shutil.which("setpriv"):
        raise tap.Skip("no virtiofsd: scripts/deps --for check")
    path = os.path.join(directory, "fs.sock")
    command = [VIRTIOFSD, "-o", f"source={folder}", "-o", "sandbox=chroot", "-f", f"--socket-path={path}"]
    if os.geteuid():
        command = ["unshare", "--user", "--map-root-user", "--mount", "--kill-child", *command]
    return Server(path, command, os.path.join(directory, "fs.log"))
