# SPDX-License-Identifier: Apache-2.0
"""Files for the tests: disk images, SHA-256 of their contents, and a kernel that only waits."""

import hashlib
import os
import struct
import subprocess

SECTOR = 512


def sparse(path, size):
    """An image of that many bytes, without blocks of its own."""
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def filled(path, size, seed):
    """An image whose every sector differs, from one seed: returns its SHA-256."""
    total = hashlib.sha256()
    with open(path, "wb") as file:
        for start in range(0, size, 1 << 20):
            piece = hashlib.shake_128(f"{seed}:{start}".encode()).digest(min(1 << 20, size - start))
            file.write(piece)
            total.update(piece)
    return total.hexdigest()


def sha256(path, size=None):
    """The SHA-256 of a file, or of its first bytes."""
    total = hashlib.sha256()
    left = os.path.getsize(path) if size is None else size
    with open(path, "rb") as file:
        while left:
            piece = file.read(min(1 << 20, left))
            if not piece:
                raise EOFError(f"{path} ends {left} bytes early")
            total.update(piece)
            left -= len(piece)
    return total.hexdigest()


def digest(data):
    """The SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def idle_kernel(path):
    """A riscv64 kernel Image of two instructions, wfi and a jump back to it: a machine for tests that need no guest."""
    text_offset, image_size, flags, version = 0x200000, 0x1000, 0, 0x2
    wait = struct.pack("<II", 0x10500073, 0xFFDFF06F)
    jump = struct.pack("<II", 0x0400006F, 0)  # over the header, which is 64 bytes
    header = jump + struct.pack("<QQQIIQQII", text_offset, image_size, flags, version, 0, 0, 0x5643534952, 0x05435352, 0)
    assert len(header) == 64
    with open(path, "wb") as file:
        file.write((header + wait).ljust(image_size, b"\0"))
    return path


def elf_kernel(bzimage, path):
    """The ELF file inside an x86-64 bzImage that was compressed by zstd (Linux: Documentation/arch/x86/boot.rst)."""
    with open(bzimage, "rb") as file:
        data = file.read()
    start = (data[0x1F1] + 1) * SECTOR + struct.unpack_from("<I", data, 0x248)[0]
    packed = data[start : start + struct.unpack_from("<I", data, 0x24C)[0] - 4]  # the last four are the ELF file's size
    with open(path, "wb") as file:
        subprocess.run(["zstd", "-dc"], input=packed, stdout=file, check=True)
    return path
