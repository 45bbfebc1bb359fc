#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mortise-plugin-check finds what is wrong with each plugin in tests/bad-plugins, and nothing with those that are shipped."""

import concurrent.futures
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.vm import BUILD, SOURCE

CHECKER = os.path.join(BUILD, "mortise-plugin-check")
BAD = os.path.join(SOURCE, "tests/bad-plugins")
COMPILE = ["gcc", "-std=gnu11", "-O1", "-fPIC", "-fvisibility=hidden", "-D_GNU_SOURCE", "-I", os.path.join(SOURCE, "include"),
           "-shared", "-Wl,-z,defs,-z,now,-z,relro,-z,nodelete,-z,noexecstack"]

# What goes on for ever in these is waited for; what is found is found soon.
HASTY = ["--seconds", "0.3", "--cycles", "20", "--patience", "2"]
PATIENT = ["--seconds", "3", "--cycles", "200", "--patience", "30"]

# What some plugins need of the host or of others is not always there; then no instance comes to life, and that is all.
NEEDS = {"vhost-vsock.so": "/dev/vhost-vsock", "vhost-user-fs.so": "a vhost-user server"}
REALIZE = "realize: an instance comes to life"
# Rules of the file and its description, which hold for plugins that have backends' drivers alone.
RULES_OF_FILE = 8


class Outcome:
    """What the checker said of a file."""

    def __init__(self, path, *options):
        self.run = subprocess.run([CHECKER, *options, path], capture_output=True, text=True, timeout=300)
        self.broken = dict(re.findall(r"^not ok \d+ - (.*?) # \S+\n#   (.*)$", self.run.stdout, re.M))
        self.kept = re.findall(r"^ok \d+ - (.*?) # (?!SKIP)", self.run.stdout, re.M)


def header(path):
    """What the first comment of a bad plugin says: the rule that it breaks, and options for the compiler."""
    with open(path, encoding="utf-8") as file:
        comment = file.read().split("*/")[1]
    found = dict(re.findall(r"^ \* (Breaks|Flags): (.*)$", comment, re.M))
    return found["Breaks"], found.get("Flags", "").split()


def examine(directory, source):
    """Builds a bad plugin and has it checked."""
    name = os.path.basename(source)[: -len(".c")]
    built = os.path.join(directory, f"{name}.so")
    subprocess.run([*COMPILE, f'-DNAME="{name}"', "-o", built, source, *header(source)[1]], check=True)
    os.chmod(built, 0o644)
    return Outcome(built, *HASTY)


def check_sound(outcome):
    tap.check_equal(outcome.broken, {}, "findings")
    tap.check_equal(outcome.run.returncode, 0, f"status ({outcome.run.stderr})")
    if os.path.basename(outcome.run.args[-1]).startswith(("block-", "net-")):
        tap.check_equal(len(outcome.kept), RULES_OF_FILE, "rules")
        tap.check("# backends 1 drivers" in outcome.run.stdout, outcome.run.stdout)
    else:
        tap.check(len(outcome.kept) > 20, f"only {len(outcome.kept)} rules were looked at")
    tap.note(outcome.run.stdout.split("\n#\n", 1)[-1])


def register_bad(source, future):
    rule, _ = header(source)
    name = os.path.basename(source)

    @tap.test(f"{name}: {rule}")
    def found():
        outcome = future.result()
        if rule == "nothing":
            check_sound(outcome)
            return
        tap.check_equal(outcome.run.returncode, 1, f"status ({outcome.run.stderr})")
        for broken, how in outcome.broken.items():
            tap.note(f"{broken}: {how}")
        tap.check(rule in outcome.broken, f"not among {sorted(outcome.broken)}")


@tap.test("a checker that is interrupted leaves nothing behind")
def interrupted():
    with tempfile.TemporaryDirectory(prefix="mortise-tmp.") as directory:
        with subprocess.Popen([CHECKER, os.path.join(BUILD, "plugins/.libs/virtio-rng.so")], stdout=subprocess.DEVNULL,
                              env=dict(os.environ, TMPDIR=directory)) as checker:
            while not os.listdir(directory):
                tap.check(checker.poll() is None, "it has ended")
                time.sleep(0.01)
            checker.terminate()
            tap.check_equal(checker.wait(timeout=60), -signal.SIGTERM, "status")
        tap.check_equal(os.listdir(directory), [], "what is left")


def register_good(path, future):
    @tap.test(f"nothing is wrong with {os.path.basename(path)}")
    def sound():
        outcome = future.result()
        needs = NEEDS.get(os.path.basename(path))
        if needs and REALIZE in outcome.broken:
            tap.check_equal(list(outcome.broken), [REALIZE], "findings")
            raise tap.Skip(f"{needs} is not here: {outcome.broken[REALIZE]}")
        check_sound(outcome)


def register_rest(directory, plugin):
    copy = os.path.join(directory, os.path.basename(plugin))

    @tap.test("a file that others can write is one that the loader does not take")
    def writable():
        shutil.copy(plugin, copy)
        os.chmod(copy, 0o666)
        outcome = Outcome(copy, *HASTY)
        tap.check("file: the loader takes it" in outcome.broken, outcome.run.stdout)
        os.chmod(copy, 0o644)

    @tap.test("so is one that is cut off")
    def truncated():
        cut = os.path.join(directory, "cut.so")
        with open(plugin, "rb") as file, open(cut, "wb") as short:
            short.write(file.read(3000))
        os.chmod(cut, 0o644)
        outcome = Outcome(cut, *HASTY)
        tap.check("file: the loader takes it" in outcome.broken, outcome.run.stdout)

    @tap.test("JSON says the same as TAP")
    def machine_readable():
        said = json.loads(Outcome(copy, *HASTY, "--json").run.stdout)
        tap.check_equal((said["plugin"], said["failed"]), (os.path.basename(plugin)[:-3], 0), "plugin and failures")
        outcomes = [check["outcome"] for check in said["checks"]]
        tap.check_equal(said["passed"], outcomes.count("passed"), "passed")
        tap.check_equal(len(said["sha256"]), 64, "SHA-256")

    @tap.test("what cannot be checked is no finding")
    def refused():
        for arguments in ([], ["/nonexistent.so"], [copy, "--driver", "nobody"], [copy, "--cycles", "0"], ["--bogus", copy]):
            tap.check_equal(subprocess.run([CHECKER, *arguments], capture_output=True).returncode, 2, str(arguments))

    @tap.test("a setting that the plugin refuses is told")
    def setting():
        outcome = Outcome(copy, *HASTY, "--set", "logical_block_size=513")
        tap.check("513" in outcome.broken.get(REALIZE, ""), outcome.run.stdout)


def main():
    shipped = [path for path in sorted(glob.glob(os.path.join(BUILD, "plugins/.libs/*.so"))) if not os.path.islink(path)]
    good = shipped + sorted(glob.glob(os.path.join(SOURCE, "tests/old-plugins/*.so")))
    with tempfile.TemporaryDirectory(prefix="mortise-check.") as directory, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        placed = []
        for path in good:
            placed.append(shutil.copy(path, directory))
            os.chmod(placed[-1], 0o644)
        for path in placed:
            register_good(path, pool.submit(Outcome, path, *PATIENT))
        for source in sorted(glob.glob(os.path.join(BAD, "*.c"))):
            register_bad(source, pool.submit(examine, directory, source))
        register_rest(tempfile.mkdtemp(dir=directory), os.path.join(BUILD, "plugins/.libs/virtio-blk.so"))
        tap.main()


if __name__ == "__main__":
    main()
