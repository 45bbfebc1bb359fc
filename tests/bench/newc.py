# SPDX-License-Identifier: Apache-2.0
"""cpio archives in the kernel's "newc" format: several after each other make one initramfs."""


def _pad(data):
    return data + b"\0" * (-len(data) % 4)


def _entry(number, name, mode, data):
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _pad(header + name.encode() + b"\0") + _pad(data)


def archive(files):
    """Executable files, by their paths."""
    entries = [_entry(number, name, 0o100755, data) for number, (name, data) in enumerate(files.items(), 1)]
    return b"".join(entries) + _entry(0, "TRAILER!!!", 0, b"")
