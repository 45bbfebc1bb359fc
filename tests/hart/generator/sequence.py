# SPDX-License-Identifier: Apache-2.0
"""Random straight-line code of many instructions, run in a loop, from a random register file; all of it is recorded at the end."""

import copy
import itertools
import struct

from . import isa
from .values import register_file

WINDOW = 512  # bytes of memory that a sequence uses
POPULAR = range(8, 16)
FILE = [*(f"x{n}" for n in range(1, 32)), *(f"f{n}" for n in range(32)), "fcsr"]

_names = itertools.count()


class Sequence:
    """A group of one case. An item of the sequence is lines of assembly in which {skip} is the label that item goes to."""

    cases = 1
    record = 8 * len(FILE) + WINDOW

    def __init__(self, rng, length):
        self.base = rng.choice(POPULAR)
        self.counter = rng.choice([n for n in range(1, 32) if n != self.base])
        self.loops = rng.randint(1, 4)
        self.padding = rng.choice((None, None, *range(2, 4096, 2)))  # bytes before the next page's end
        self.skew = rng.randrange(8) if rng.random() < 0.3 else 0
        self._memory = rng.randbytes(WINDOW)
        self._state = register_file(rng, rng.randrange(5))
        writer = Writer(rng, self)
        self.items = [writer.item() for _ in range(length)]

    def closer(self, _):
        """All of its beginnings: the shortest that goes wrong ends in the instruction that does."""
        return [self._prefix(length + 1) for length in range(len(self.items))]

    def _prefix(self, length):
        other = copy.copy(self)
        other.items = self.items[:length]
        return other

    def emit(self, program):
        name = f"sequence{next(_names)}"
        start, base, counter = program.operands(self._state), f"x{self.base}", f"x{self.counter}"
        lines = [".balign 4096", f".space {4096 - self.padding}"] if self.padding else []
        if lines:
            lines = [f"j {name}", *lines]
        memory = [f'.section .bss.body, "aw", @nobits', ".balign 4096", f".space {4096 - WINDOW // 2}"]
        memory += [f"{name}_memory:", f".space {WINDOW + 8}", '.section .text.body, "ax"']
        lines += [*memory, f"{name}:", *self._copy(program.operands(self._memory), f"{name}_memory + {self.skew}", WINDOW)]
        lines += [f"la {base}, {start}", f"ld {counter}, {8 * 63}({base})", f"fscsr {counter}"]
        lines += [f"fld f{n}, {8 * (31 + n)}({base})" for n in range(32)]
        lines += [f"ld x{n}, {8 * (n - 1)}({base})" for n in range(1, 32) if n != self.base]
        lines += [f"la {base}, {name}_memory + {self.skew} + {WINDOW // 2}", f"li {counter}, {self.loops}", f"{name}_loop:"]
        for n, (item, skipped) in enumerate(self.items):
            skip = f"{name}_{min(n + 1 + skipped, len(self.items))}"
            lines += [f"{name}_{n}:", *(line.format(skip=skip) for line in item)]
        lines += [f"{name}_{len(self.items)}:", f"addi {counter}, {counter}, -1", f"bnez {counter}, {name}_loop"]
        lines += [f"la {base}, {program.output(self.record)}"]
        lines += [f"sd x{n}, {8 * (n - 1)}({base})" for n in range(1, 32) if n != self.base]
        lines += [f"fsd f{n}, {8 * (31 + n)}({base})" for n in range(32)]
        lines += ["frcsr x1", f"sd x1, {8 * 63}({base})", "fscsr x0", f"addi x11, {base}, {8 * len(FILE)}"]
        return lines + self._copy(f"{name}_memory + {self.skew}", None, WINDOW)

    @staticmethod
    def _copy(source, target, size):
        """To x11 where no target is given."""
        lines = [f"la x10, {source}", *([f"la x11, {target}"] if target else []), f"addi x12, x11, {size}", "1:"]
        return lines + ["ld x13, 0(x10)", "sd x13, 0(x11)", "addi x10, x10, 8", "addi x11, x11, 8", "bne x11, x12, 1b"]

    def describe(self, _, wanted, got):
        text = [f"sequence of {len(self.items)}, {self.loops} times, to '{' ; '.join(self.items[-1][0])}'"]
        for name, *values in zip(FILE, *(struct.unpack("<64Q", record[: 8 * 64]) for record in (wanted, got))):
            if values[0] != values[1]:
                text.append(f"{name}: expected {values[0]:#x}, found {values[1]:#x}")
        for offset in range(WINDOW):
            expected, found = wanted[8 * 64 + offset], got[8 * 64 + offset]
            if expected != found:
                text.append(f"memory{offset - WINDOW // 2:+d}: expected {expected:#x}, found {found:#x}")
        return "; ".join(text)


class Writer:
    """Writes a sequence's items."""

    def __init__(self, rng, sequence):
        self._rng = rng
        self._base = f"x{sequence.base}"
        kept = (sequence.base, sequence.counter)
        self._targets = [f"x{n}" for n in range(1, 32) if n not in kept]
        self._popular = [f"x{n}" for n in POPULAR if n not in kept]
        self._kinds = [
            (self._register_register, 24),
            (self._immediate, 20),
            (self._floating, 22),
            (self._load, 10),
            (self._store, 8),
            (self._amo, 3),
            (self._skip, 8),
            (self._compressed, 14),
            (self._compressed_transfer, 4),
            (self._csr, 2),
            (self._upper, 2),
        ]

    def item(self):
        """Lines of assembly and how many of the items after them they may skip."""
        (write,) = self._rng.choices([kind for kind, _ in self._kinds], [weight for _, weight in self._kinds])
        written = write()
        return written if isinstance(written, tuple) else (written, 0)

    def _target(self):
        return self._rng.choice(self._targets) if self._rng.random() < 0.97 else "x0"

    def _source(self):
        return f"x{self._rng.randrange(32)}"

    def _f(self):
        return f"f{self._rng.randrange(32)}"

    def _register_register(self):
        if self._rng.random() < 0.15:
            name = self._rng.choice([name for name in isa.REGISTER if name not in isa.UNCERTAIN])
            return [f"{name} {self._target()}, {self._source()}"]
        return [f"{self._rng.choice(isa.REGISTER_REGISTER)} {self._target()}, {self._source()}, {self._source()}"]

    def _immediate(self):
        name = self._rng.choice(isa.IMMEDIATE + isa.SHIFTS + isa.SHIFTS_WORD)
        if name in isa.IMMEDIATE:
            value = self._rng.choice((0, 1, -1, self._rng.randint(-2048, 2047)))
        else:
            value = self._rng.randrange(32 if name in isa.SHIFTS_WORD else 64)
        return [f"{name} {self._target()}, {self._source()}, {value}"]

    def _floating(self):
        rounded = self._rng.random() < 0.6
        name, target, sources = self._rng.choice(isa.ROUNDED if rounded else isa.EXACT)
        operands = [self._target() if target == "x" else self._f()]
        operands += [self._source() if kind == "x" else self._f() for kind in sources]
        if rounded:
            operands.append(self._rng.choice([*isa.ROUNDING, "dyn", "dyn", "dyn"]))
        return [f"{name} {', '.join(operands)}"]

    def _offset(self, width):
        offset = self._rng.randint(-WINDOW // 2, WINDOW // 2 - width)
        return offset if self._rng.random() < 0.3 else offset // width * width

    def _load(self):
        name = self._rng.choice(list(isa.LOADS))
        target = self._f() if name.startswith("f") else self._target()
        return [f"{name} {target}, {self._offset(isa.LOADS[name])}({self._base})"]

    def _store(self):
        name = self._rng.choice(list(isa.STORES))
        source = self._f() if name.startswith("f") else self._source()
        return [f"{name} {source}, {self._offset(isa.STORES[name])}({self._base})"]

    def _amo(self):
        name = self._rng.choice(isa.AMOS)
        address = self._rng.choice(self._targets)
        offset = self._rng.randint(-WINDOW // 16, WINDOW // 16 - 1) * 8
        align = [f"addi {address}, {self._base}, {offset}", f"andi {address}, {address}, -8"]
        return [*align, f"{name} {self._target()}, {self._source()}, ({address})"]

    def _skip(self):
        skipped = self._rng.randint(0, 6)
        kind = self._rng.randrange(6)
        if kind == 0:
            return [f"jal {self._target()}, {{skip}}"], skipped
        if kind == 1:
            return [f"{self._rng.choice(('c.beqz', 'c.bnez'))} {self._rng.choice(self._popular)}, {{skip}}"], skipped
        if kind == 2:
            register = self._rng.choice(self._targets)
            return [f"la {register}, {{skip}}", f"jalr {self._target()}, 0({register})"], skipped
        return [f"{self._rng.choice(isa.BRANCHES)} {self._source()}, {self._source()}, {{skip}}"], skipped

    def _compressed(self):
        choose = self._rng.choice
        small, shift = self._rng.randint(-32, 31), self._rng.randint(1, 63)
        popular, other, target = choose(self._popular), f"x{choose(POPULAR)}", choose(self._targets)
        return [
            choose(
                (
                    f"c.addi {target}, {small or 1}",
                    f"c.addiw {target}, {small}",
                    f"c.li {target}, {small}",
                    f"c.lui {target}, {(small or 1) & 0xFFFFF}" if target != "x2" else "c.nop",
                    f"c.slli {target}, {shift}",
                    f"c.srli {popular}, {shift}",
                    f"c.srai {popular}, {shift}",
                    f"c.andi {popular}, {small}",
                    f"c.mv {target}, x{self._rng.randint(1, 31)}",
                    f"c.add {target}, x{self._rng.randint(1, 31)}",
                    *(f"c.{name} {popular}, {other}" for name in ("sub", "xor", "or", "and", "subw", "addw")),
                )
            )
        ]

    def _compressed_transfer(self):
        name, width = self._rng.choice((("lw", 4), ("ld", 8), ("sw", 4), ("sd", 8), ("fld", 8), ("fsd", 8)))
        offset = self._rng.randrange(0, 32 * width, width)
        if name.startswith("f"):
            register = f"f{self._rng.choice(POPULAR)}"
        else:
            register = self._rng.choice(self._popular) if name.startswith("l") else f"x{self._rng.choice(POPULAR)}"
        return [f"c.{name} {register}, {offset}({self._base})"]

    def _csr(self):
        target = self._target()
        return [
            self._rng.choice(
                (
                    f"frflags {target}",
                    f"frcsr {target}",
                    f"fsflagsi {target}, {self._rng.getrandbits(5)}",
                    f"fsflags {target}, {self._source()}",
                    f"fsrmi {target}, {self._rng.randrange(5)}",
                    f"csrrsi {target}, fflags, {self._rng.getrandbits(5)}",
                    f"csrrc {target}, fflags, {self._source()}",
                )
            )
        ]

    def _upper(self):
        return [f"{self._rng.choice(('lui', 'auipc'))} {self._target()}, {self._rng.getrandbits(20):#x}"]


def groups(rng):
    return [Sequence(rng, rng.choice((5, 20, 60, 60, 100))) for _ in range(400)]
