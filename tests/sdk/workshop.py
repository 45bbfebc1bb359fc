# SPDX-License-Identifier: Apache-2.0
"""What a plugin's author has: a Mortise that was installed, somewhere, and an empty folder."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile

from harness import tap
from harness.vm import BUILD, EXIT_TIMEOUT


class Workshop:
    """An empty folder, and the environment of someone who has installed Mortise under `root`."""

    def __init__(self, directory):
        self.root = os.path.join(directory, "root")
        self.folder = os.path.join(directory, "work")
        os.mkdir(self.folder, 0o755)
        install = ["make", "-C", BUILD, "install", f"DESTDIR={self.root}"]
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "DESTDIR"))}
        made = subprocess.run(install, env=clean, capture_output=True, text=True)
        tap.check(made.returncode == 0, made.stdout + made.stderr)
        self.prefix = self._relocate()
        self.environment = dict(
            clean,
            DESTDIR=os.path.join(directory, "package"),
            PATH=f"{self.prefix}/bin:{clean['PATH']}",
            PKG_CONFIG_PATH=f"{self.prefix}/lib/pkgconfig",
        )
        self.background = None

    def _relocate(self):
        """Makes the pkg-config file tell where things are now; the prefix."""
        (path,) = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.root)
            for name in names
            if name == "mortise-plugin.pc"
        ]
        with open(path, encoding="utf-8") as file:
            text = file.read()
        prefix = self.root + re.search(r"^prefix=(.*)$", text, re.MULTILINE).group(1)
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"^prefix=.*$", f"prefix={prefix}", text, flags=re.MULTILINE))
        return prefix

    def sh(self, commands, background=False):
        arguments = dict(cwd=self.folder, env=self.environment, text=True)
        if background:
            self.background = subprocess.Popen(["sh", "-c", f"exec {commands.strip()}"], **arguments)
            return ""
        done = subprocess.run(["sh", "-exc", commands], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **arguments)
        tap.check(done.returncode == 0, f"{commands}\n{done.stdout}")
        return done.stdout

    def stop(self):
        if self.background:
            self.background.terminate()
            tap.check_equal(self.background.wait(EXIT_TIMEOUT), 0, "mortise's exit status")
            self.background = None


@contextlib.contextmanager
def workshop():
    if not shutil.which("pkg-config"):
        raise tap.Skip("no pkg-config")
    with tempfile.TemporaryDirectory(prefix="mortise-sdk.") as directory:
        made = Workshop(directory)
        yield made
        made.stop()
