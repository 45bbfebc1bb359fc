#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A Debian completes its own installation, installs packages and works with them: `make check-debian`, minutes long. It runs
dpkg's and apt's own work and some hundred different programs on code that is made, changed and thrown away all the time."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import tap
from harness.vm import SOURCE, VM

TIMEOUT = 3000

SQL = """
CREATE TABLE sample (id INTEGER PRIMARY KEY, word TEXT, share REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
  INSERT INTO sample SELECT i, hex(i * 7919 % 65521), i * 1.0 / 3 FROM n;
CREATE INDEX by_word ON sample (word);
UPDATE sample SET share = share * 2 WHERE word LIKE '3%';
DELETE FROM sample WHERE id % 11 = 0;
SELECT count(*), min(word), max(word), sum(id), round(sum(share), 3) FROM sample;
SELECT substr(word, 1, 2) AS start, count(*), round(avg(share), 4) FROM sample GROUP BY start ORDER BY start;
SELECT a.id, b.id FROM sample a JOIN sample b ON a.word = b.word AND a.id < b.id ORDER BY a.id LIMIT 50;
PRAGMA integrity_check;
"""

PROGRAM = """
import hashlib
primes = [n for n in range(2, 3000) if all(n % d for d in range(2, int(n ** .5) + 1))]
big = 1
for p in primes: big *= p
mean = 0.0
for n in range(1, 20000): mean += (n * 1.1 - mean) / n
words = sorted(str(pow(7, n, 1000003)) for n in range(5000))
print(hashlib.sha256((str(len(primes)) + hex(big) + repr(mean) + ' '.join(words)).encode()).hexdigest())
"""


def made(kind):
    found = subprocess.run([os.path.join(SOURCE, "scripts/guest-debian"), "--print", kind], capture_output=True, text=True)
    if found.returncode:
        raise tap.Skip("no Debian for the guest: run scripts/guest-debian")
    return found.stdout.strip()


@contextlib.contextmanager
def fixture():
    image = made("image")
    with mock.patch.dict(os.environ, MORTISE_INITRD=made("initrd")):
        machine = VM("-accel", "soft", memory="512M", harts=2)
    disk = machine.file("disk.img")
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", image, disk], check=True)
    machine.arguments += ["-drive", f"file={disk},id=root,if=none,format=raw", "-device", "virtio-blk-device,drive=root,id=root"]
    with machine:
        yield machine


def within(vm, command):
    """Runs a shell command in the Debian; its output."""
    return vm.sh(f"chroot /mnt env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C sh -c '{command}'", TIMEOUT)


def write(vm, path, text):
    vm.sh(f"cat >/mnt{path} <<'END'\n{text.strip()}\nEND")


@tap.test("its kernel loads the file system's modules and mounts the disk")
def mounted(vm):
    vm.boot()
    vm.sh("modprobe -a crc32c_generic ext4 && mount -t ext4 /dev/vda /mnt")
    vm.sh("mount -o bind /dev /mnt/dev")


@tap.test("debootstrap's second stage runs in the guest")
def second_stage(vm):
    within(vm, "/debootstrap/debootstrap --second-stage >/var/log/second-stage 2>&1 || { tail -n 20 /var/log/second-stage; false; }")
    states = within(vm, "dpkg-query -W -f \"\\${db:Status-Status}\\\\n\" | sort | uniq -c").split()
    tap.check(len(states) == 2 and states[1] == "installed" and int(states[0]) > 60, f"packages: {states}")


@tap.test("dpkg installs a package")
def dpkg(vm):
    within(vm, "dpkg -i /packages/pool/hello_*.deb >/dev/null 2>&1")
    tap.check_equal(within(vm, "hello"), "Hello, world!", "hello")


@tap.test("apt installs packages with what they depend on")
def apt(vm):
    write(vm, "/etc/apt/sources.list", "deb [trusted=yes] file:/packages trixie main")
    within(vm, "apt-get update >/dev/null && apt-get -y install sqlite3 python3-minimal >/var/log/install 2>&1 || { tail -n 20 /var/log/install; false; }")
    within(vm, "dpkg --audit && apt-get check >/dev/null")


@tap.test("SQLite answers as it does on the host")
def sqlite(vm):
    host = sqlite3.connect(":memory:")
    expected = []
    for statement in SQL.split(";"):
        expected += ["|".join(str(value) for value in row) for row in host.execute(statement)]
    write(vm, "/root/work.sql", SQL)
    tap.check_equal(within(vm, "sqlite3 /root/work.db </root/work.sql").split(), expected, "rows")


@tap.test("Python computes as it does on the host")
def python(vm):
    expected = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True).stdout.strip()
    write(vm, "/root/work.py", PROGRAM)
    tap.check_equal(within(vm, "python3 /root/work.py"), expected, "sum")


@tap.test("what Debian's and busybox's gzip pack is what they unpack")
def packed(vm):
    within(vm, "cd /usr && tar cf /root/lib.tar lib/apt lib/dpkg bin 2>/dev/null; sha256sum </root/lib.tar >/root/sum")
    for pack in ("chroot /mnt gzip", "gzip"):
        for unpack in ("chroot /mnt gzip", "gzip"):
            vm.sh(f"{pack} </mnt/root/lib.tar | {unpack} -d | sha256sum | cmp - /mnt/root/sum", TIMEOUT)


@tap.test("the kernel found nothing to complain about, nor the file system")
def quiet(vm):
    trouble = vm.run("dmesg | grep -E 'BUG|Oops|WARNING|Call Trace|stall|unhandled|soft lockup|EXT4-fs error'")
    tap.check_equal(trouble, (1, ""), "kernel log")
    vm.sh("umount /mnt/dev && umount /mnt")
    status = subprocess.run(["e2fsck", "-fn", vm.file("disk.img")], capture_output=True, text=True)
    tap.check_equal(status.returncode, 0, f"e2fsck:\n{status.stdout}")


if __name__ == "__main__":
    tap.main(fixture)
