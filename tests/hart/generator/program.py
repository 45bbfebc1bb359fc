# SPDX-License-Identifier: Apache-2.0
"""A test program: groups of cases in one assembly file that leaves records in a buffer, and the reading of two buffers.

A case that may trap says beforehand, in trap_resume, where to go on; who runs the program leaves the cause in trap_cause, and all
registers as they were.

Each group has
    emit(program)             its lines of assembly, straight-line: entered at the top, left at the bottom, all registers free
    cases                     how many it has
    record                    the bytes that one case leaves
    describe(n, wanted, got)  what case n was and in what its records differ
    closer(numbers)           groups that show more of where these cases go wrong, or none
"""

import os


class Program:
    """Lays out groups: their operands go to one table, their records to one buffer in order."""

    def __init__(self, name, groups):
        self.name = name
        self.groups = groups
        self._table = bytearray()
        self._output = 0

    @property
    def cases(self):
        return sum(group.cases for group in self.groups)

    def operands(self, data):
        """Keeps operands for the group that is emitting; the expression of their address."""
        self._table += bytes(-len(self._table) % 8)
        position = len(self._table)
        self._table += data
        return f"operands + {position}"

    def output(self, size):
        """Takes room for records; the expression of its address."""
        position = self._output
        self._output += size
        return f"output + {position}"

    def write(self, directory):
        """Writes the assembly and its operands; the assembly's path."""
        lines = []
        for group in self.groups:
            lines += group.emit(self)
        table = os.path.join(directory, f"{self.name}.operands")
        with open(table, "wb") as file:
            file.write(self._table)
        path = os.path.join(directory, f"{self.name}.s")
        with open(path, "w", encoding="ascii") as file:
            file.write(HEAD)
            file.writelines(f"{line}\n" for line in lines)
            file.write(TAIL.format(table=table, size=self._output))
        return path

    def compare(self, wanted, got):
        """Yields (group, number, description) of each case whose records differ. Both buffers are whole."""
        if not len(wanted) == len(got) == self._output:
            raise ValueError(f"{len(wanted)} and {len(got)} bytes of records instead of {self._output}")
        position = 0
        for group in self.groups:
            end = position + group.cases * group.record
            if wanted[position:end] != got[position:end]:
                for n in range(group.cases):
                    at = slice(position + n * group.record, position + (n + 1) * group.record)
                    if wanted[at] != got[at]:
                        yield group, n, group.describe(n, wanted[at], got[at])
            position = end


# What is kept over the program is kept in memory: the groups use every register.
KEPT = ["ra", "sp", "gp", "tp", *(f"s{n}" for n in range(12))]

HEAD = f"""\
	.option norelax
	.section .text.body, "ax"
	.balign 4096
	.globl body, body_user, body_leave
body_user:
	call body
body_leave:
	ecall
body:
	la t0, kept
	{"; ".join(f"sd {name}, {8 * n}(t0)" for n, name in enumerate(KEPT))}
	fscsr zero
"""
TAIL = f"""\
	la t0, kept
	{"; ".join(f"ld {name}, {8 * n}(t0)" for n, name in enumerate(KEPT))}
	ret
	.section .data.body, "aw"
	.balign 8
kept:	.space {8 * len(KEPT)}
	.globl trap_resume, trap_cause
trap_resume: .quad 0
trap_cause: .quad 0
operands:
	.incbin "{{table}}"
	.section .bss.body, "aw", @nobits
	.balign 16
	.globl output, output_end
output:	.space {{size}}
output_end:
"""
