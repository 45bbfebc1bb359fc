# SPDX-License-Identifier: Apache-2.0
"""The usual group: one instruction (or a few) in a loop over a table of operands."""

import itertools
import struct

MASK = (1 << 64) - 1

_labels = itertools.count()


class Registers:
    """Hands out registers by chance, none twice. x0 is only got by asking for it."""

    def __init__(self, rng):
        self._rng = rng
        self._free = {"x": [f"x{n}" for n in range(1, 32)], "f": [f"f{n}" for n in range(32)]}

    def take(self, kind, among=None):
        """A register of "x" or "f"; `among` narrows the choice to those numbers."""
        choice = [name for name in self._free[kind] if among is None or int(name[1:]) in among]
        name = self._rng.choice(choice)
        self._free[kind].remove(name)
        return name

    def reserve(self, name):
        if name in self._free[name[0]]:
            self._free[name[0]].remove(name)
        return name


class Kernel:
    """Runs `code` once a row: `inputs` are loaded from the row's 64-bit values, `outputs` are stored as its record.

    `inputs` and `outputs` are registers, or pairs of a register and what to call it. `setup` runs once before the loop, after it
    `cleanup`. `registers` has to know every register that is used, so that the loop takes others.
    """

    def __init__(self, title, registers, inputs, rows, code, outputs, setup=(), cleanup=()):
        self.title = title
        self._inputs = [each if isinstance(each, tuple) else (each, each) for each in inputs]
        self._outputs = [each if isinstance(each, tuple) else (each, each) for each in outputs]
        self._rows = [tuple(value & MASK for value in row) for row in rows]
        self._code, self._setup, self._cleanup = code, setup, cleanup
        self._row, self._end, self._to = (registers.take("x") for _ in range(3))
        self.cases = len(self._rows)
        self.record = 8 * len(self._outputs)
        assert self._rows and all(len(row) == len(self._inputs) for row in self._rows), title

    def emit(self, program):
        label = f"kernel{next(_labels)}"
        width = 8 * len(self._inputs)
        table = program.operands(b"".join(struct.pack(f"<{len(row)}Q", *row) for row in self._rows))
        lines = [*self._setup, f"la {self._row}, {table}", f"la {self._end}, {table} + {width * self.cases}"]
        lines += [f"la {self._to}, {program.output(self.record * self.cases)}", f"{label}:"]
        for n, (register, _) in enumerate(self._inputs):
            lines.append(f"{'fld' if register[0] == 'f' else 'ld'} {register}, {8 * n}({self._row})")
        lines += self._code
        for n, (register, _) in enumerate(self._outputs):
            lines.append(f"{'fsd' if register[0] == 'f' else 'sd'} {register}, {8 * n}({self._to})")
        lines += [f"addi {self._row}, {self._row}, {width}", f"addi {self._to}, {self._to}, {self.record}"]
        lines += [f"bne {self._row}, {self._end}, {label}", *self._cleanup]
        return lines

    def closer(self, _):
        return []

    def describe(self, n, wanted, got):
        text = [self.title]
        text += [f"{name}={value:#x}" for (_, name), value in zip(self._inputs, self._rows[n])]
        names = [name for _, name in self._outputs]
        for name, *values in zip(names, *(struct.unpack(f"<{len(names)}Q", record) for record in (wanted, got))):
            if values[0] != values[1]:
                text.append(f"{name}: expected {values[0]:#x}, found {values[1]:#x}")
        return "; ".join(text)
