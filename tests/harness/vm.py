# SPDX-License-Identifier: Apache-2.0
"""A mortise process with its guest, started through the ./run wrapper, and what a test asks of both."""

import os
import platform
import shutil
import signal
import subprocess
import tempfile

from . import images, tap
from .console import Console
from .qmp import QMP

SOURCE = os.environ.get("MORTISE_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("MORTISE_BUILD") or next(
    (each for each in (os.path.join(SOURCE, "build"), SOURCE) if os.path.exists(os.path.join(each, "mortise"))), SOURCE
)

# What tests run that do not choose: the software hart; in tests/guest/kvm/*.kvm, and on hosts that the hart was not made for, the
# host's own architecture under KVM.
KVM = os.environ.get("MORTISE_TEST_ACCEL") == "kvm" or platform.machine() != "x86_64"
ARCH = platform.machine() if KVM else "riscv64"

# Long enough for an interpreter under a sanitizer on a busy machine: they only end what hangs.
BOOT_TIMEOUT = 300
COMMAND_TIMEOUT = 120
EXIT_TIMEOUT = 60

SANITIZER_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")


def guest_image(kind, arch="riscv64"):
    """The path of the test guest's kernel or initrd; skips the test where it has not been fetched."""
    own = os.environ.get(f"MORTISE_{kind.upper()}") if arch == ARCH else None
    if own:
        return own
    command = [os.path.join(SOURCE, "scripts/guest"), "--arch", arch, "--print", kind]
    found = subprocess.run(command, capture_output=True, text=True)
    if found.returncode:
        raise tap.Skip(f"no test guest: run scripts/guest --arch {arch}")
    return found.stdout.strip()


class VM:
    """As a context manager it starts the process, and at the end demands that it leaves cleanly.

    idle=True starts a riscv64 kernel that only waits, for tests of the VMM alone. `directory` is the test's own, removed at
    the end. `wrapper` is a command that the process is started through, by exec. `arch` x86_64 needs /dev/kvm (scripts/with-kvm);
    `machine` is what is added to -machine; `kernel` is booted in place of the test guest's.
    """

    def __init__(
        self, *options, memory="256M", harts=1, append="", idle=False, plugin_dir=None, wrapper=(), arch=ARCH, machine="", kernel=None
    ):
        if idle:
            arch = "riscv64"
        accel = "kvm" if arch != "riscv64" or (KVM and arch == ARCH) else "soft"
        if accel == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
            raise tap.Skip("no /dev/kvm here: scripts/with-kvm")
        self.arch = arch
        # Where slots are empty at first and the guest finds by itself what is plugged: ACPI.
        self.finds_devices = arch == "x86_64"
        self.directory = tempfile.mkdtemp(prefix="mortise-test.")
        self.qmp_path = self.file("qmp.sock")
        try:
            if idle:
                boot = ["-kernel", images.idle_kernel(self.file("idle-kernel"))]
            else:
                boot = ["-kernel", kernel or guest_image("kernel", arch), "-initrd", guest_image("initrd", arch)]
                # Every letter on the serial line costs the emulated KVM several exits.
                boot += ["-append", " ".join(filter(None, ["console=ttyS0", "quiet" if accel == "kvm" else "", append]))]
        except BaseException:
            shutil.rmtree(self.directory)
            raise
        board = ",".join(filter(None, ["microvm" if arch == "riscv64" else arch, f"accel={accel}", machine]))
        self.arguments = ["-machine", board, "-m", memory, "-smp", str(harts), *boot]
        self.arguments += ["-qmp", f"unix:{self.qmp_path},server,nowait", "-serial", "stdio"]
        if plugin_dir:
            self.arguments += ["-plugin-dir", plugin_dir]
        self.arguments += options
        self.wrapper = wrapper
        self.process = None
        self.console = None
        self._qmp = None

    def file(self, name):
        return os.path.join(self.directory, name)

    def slot(self, number):
        """The guest's name of a slot's device, counted over all bays: disks, then NICs, then the others."""
        return f"PRP0001:{number:02x}" if self.finds_devices else f"{0x10010000 + number * 0x1000:x}.virtio_mmio"

    def start(self):
        with open(self.file("stderr"), "wb") as errors:
            self.process = subprocess.Popen(
                # A test that is killed takes its VM along.
                ["setpriv", "--pdeathsig", "KILL", *self.wrapper, os.path.join(SOURCE, "run"), *self.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
            )
        self.console = Console(self.process.stdout, self.process.stdin)
        return self

    def boot(self, start=0):
        """Waits for the guest's shell and takes it over."""
        self.console.take_shell(BOOT_TIMEOUT, start)
        return self

    @property
    def pid(self):
        return self.process.pid

    @property
    def qmp(self):
        """The test's usual QMP connection, made when first asked for."""
        if self._qmp is None:
            self._qmp = self.new_qmp()
        return self._qmp

    def new_qmp(self, negotiate=True):
        return QMP(self.qmp_path, negotiate, alive=lambda: self.process.poll() is None)

    def run(self, command, timeout=COMMAND_TIMEOUT):
        """Runs a shell command in the guest; status and output."""
        return self.console.sh(command, timeout)

    def sh(self, command, timeout=COMMAND_TIMEOUT):
        """Runs a shell command in the guest that must succeed; its output."""
        status, output = self.run(command, timeout)
        if status:
            raise AssertionError(f"in the guest, '{command}' ended with {status}:\n{output}")
        return output

    def background(self, command):
        """Starts a shell command in the guest, its output dropped; its process id there."""
        return int(self.sh(f"({command}) >/dev/null 2>&1 & echo $!"))

    def wait_ended(self, processes, timeout=COMMAND_TIMEOUT):
        """Waits until those processes of the guest have ended."""
        for process in processes:
            self.sh(f"while kill -0 {process} 2>/dev/null; do sleep 0.02; done", timeout)

    def errors(self):
        with open(self.file("stderr"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait(self, timeout=EXIT_TIMEOUT):
        """Waits for the process to leave by itself; its exit status."""
        return self.process.wait(timeout)

    def quit(self):
        """Asks for the end over QMP and waits for it."""
        self.qmp.execute("quit")
        return self.wait()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def descriptors(self):
        """What the process has open, as a sorted list of targets."""
        directory = f"/proc/{self.pid}/fd"
        found = []
        for each in os.listdir(directory):
            try:
                found.append(os.readlink(os.path.join(directory, each)))
            except FileNotFoundError:
                pass  # it has just been closed
        return sorted(found)

    def threads(self):
        """The names of the process's threads, sorted, each once: a pool's number of threads is its own affair."""
        directory = f"/proc/{self.pid}/task"
        names = set()
        for each in os.listdir(directory):
            with open(os.path.join(directory, each, "comm"), encoding="ascii") as file:
                names.add(file.read().strip())
        return sorted(names)

    def own_memory(self):
        """The process's resident anonymous memory in bytes, without the guest's RAM, which is its largest mapping."""
        mappings = []
        with open(f"/proc/{self.pid}/smaps", encoding="ascii") as file:
            for line in file:
                key, *values = line.split()
                if not key.endswith(":"):
                    reserved = values[0] == "---p"
                elif reserved:
                    continue
                elif key == "Size:":
                    size = int(values[0])
                elif key == "Anonymous:":
                    mappings.append((size, int(values[0]) << 10))
        mappings.remove(max(mappings))
        return sum(anonymous for _, anonymous in mappings)

    def resources(self):
        """What a leak would add to, for check_nothing_left()."""
        return self.descriptors(), self.threads(), self.own_memory()

    def check_nothing_left(self, before, allowed=1 << 20):
        """No descriptor and no thread more than resources() told `before`, and less than `allowed` bytes of memory."""
        descriptors, threads, memory = before
        tap.check_equal(self.descriptors(), descriptors, "open files")
        tap.check_equal(self.threads(), threads, "threads")
        grown = self.own_memory() - memory
        tap.note(f"grown by {grown >> 10} KiB")
        tap.check(grown < allowed, f"{grown >> 10} KiB more memory")

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self._clean()
            raise

    def __exit__(self, kind, error, trace):
        try:
            if kind is None and self.process.poll() is None:
                self.quit()
            self.kill()
            errors = self.errors()
            if errors:
                tap.note(f"what mortise wrote:\n{errors}")
            tap.check(kind or self.process.returncode == 0, f"mortise ended with {self.process.returncode}")
            tap.check(kind or not any(name in errors for name in SANITIZER_REPORTS), "a sanitizer reported")
        finally:
            self._clean()

    def _clean(self):
        self.kill()
        if self._qmp:
            self._qmp.close()
        if self.process:
            self.process.stdin.close()
        shutil.rmtree(self.directory, ignore_errors=True)
