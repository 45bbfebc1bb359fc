# SPDX-License-Identifier: Apache-2.0
"""C: every form, with all of its immediates' bits in use. Branches and jumps are in control.py."""

import itertools

from .integer import pairs
from .kernel import Kernel, Registers
from .memory import Arena
from .values import INTEGERS, integers

POPULAR = range(8, 16)
ANY = range(1, 32)


def bits_of(rng, low, high, signed=False):
    """Immediates of bits low..high: each bit alone, all of them, and random ones; never 0."""
    alone = [1 << bit for bit in range(low, high + 1)]
    some = alone + [sum(alone)] + [rng.randrange(1, 1 << (high + 1 - low)) << low for _ in range(6)]
    return [value - (1 << (high + 1)) if signed and value >> high else value for value in dict.fromkeys(some)]


def values(rng):
    return [(value,) for value in INTEGERS + integers(rng, 12)]


def in_place(rng, name, among, immediates):
    """c.name rd, imm with rd also the source."""
    for value in immediates:
        registers = Registers(rng)
        d = registers.take("x", among)
        text = f"{name} {d}, {value}"
        yield Kernel(text, registers, [d], values(rng), [text], [d])


def immediates(rng):
    small = bits_of(rng, 0, 5, signed=True)
    yield from in_place(rng, "c.addi", ANY, small)
    yield from in_place(rng, "c.addiw", ANY, [0, *small])
    yield from in_place(rng, "c.li", ANY, [0, *small])
    yield from in_place(rng, "c.andi", POPULAR, [0, *small])
    for name, among in (("c.slli", ANY), ("c.srli", POPULAR), ("c.srai", POPULAR)):
        yield from in_place(rng, name, among, bits_of(rng, 0, 5))
    upper = [value & 0xFFFFF for value in small]
    yield from in_place(rng, "c.lui", [n for n in ANY if n != 2], upper)
    yield from in_place(rng, "c.addi16sp", [2], bits_of(rng, 4, 9, signed=True))
    for value in bits_of(rng, 2, 9):
        registers = Registers(rng)
        sp, d = registers.reserve("x2"), registers.take("x", POPULAR)
        text = f"c.addi4spn {d}, {sp}, {value}"
        yield Kernel(text, registers, [sp], values(rng), [text], [d, sp])


def register_register(rng):
    for name in ("c.sub", "c.xor", "c.or", "c.and", "c.subw", "c.addw", "c.mv", "c.add"):
        for same in (False, False, True):
            among = ANY if name in ("c.mv", "c.add") else POPULAR
            registers = Registers(rng)
            d = registers.take("x", among)
            source = d if same else registers.take("x", among)
            text = f"{name} {d}, {source}"
            rows = [(value,) for value in INTEGERS] if same else pairs(rng)
            inputs = [d] if same else [d, source]
            yield Kernel(text, registers, inputs, rows, [text], inputs)


def hints(rng):
    """Encodings that do nothing, and c.nop with an immediate."""
    encodings = [0x0001 | value << 2 for value in (0, 1, 31)]  # c.nop, c.nop imm
    encodings += [0x4001 | 5 << 2, 0x6001 | 9 << 2, 0x0002 | 3 << 2]  # c.li x0, c.lui x0, c.slli x0
    encodings += [0x8002 | 7 << 2, 0x9002 | 7 << 2]  # c.mv x0, c.add x0
    encodings += [0x0001 | 8 << 7, 0x8001, 0x8401, 0x0002 | 8 << 7]  # c.addi 0, c.srli 0, c.srai 0, c.slli 0
    for encoding in encodings:
        registers = Registers(rng)
        taken = [registers.reserve(name) for name in ("x7", "x8", "x9")]
        yield Kernel(f"hint {encoding:#06x}", registers, taken, [(1, 2, 3), (-1, -2, -3)], [f".half {encoding:#x}"], taken)


# Name, log2 of the width, whether sp is the base.
TRANSFERS = [
    *((f"c.{name}", width, False) for name, width in (("lw", 2), ("ld", 3), ("fld", 3), ("sw", 2), ("sd", 3), ("fsd", 3))),
    *((f"c.{name}sp", width, True) for name, width in (("lw", 2), ("ld", 3), ("fld", 3), ("sw", 2), ("sd", 3), ("fsd", 3))),
]


def transfers(rng):
    """Loads and stores; what memory holds at first is the arena's."""
    for name, width, stack in TRANSFERS:
        is_store, kind = "s" in name.removesuffix("sp")[2:], "f" if name.startswith("c.f") else "x"
        top = 5 + width if stack else 4 + width
        for offset, skew in itertools.product([0, *bits_of(rng, width, top)], (0, 1)):
            registers = Registers(rng)
            base = registers.reserve("x2") if stack else registers.take("x", POPULAR)
            data = registers.take(kind, ANY if stack else POPULAR)
            memory = registers.take("x")
            text = f"{name} {data}, {offset}({base})"
            code = [f"la {base}, arena_page - {offset} + {skew}", text]
            code += [f"la {memory}, arena_page", f"ld {memory}, {skew}({memory})"]
            rows = [(value,) for value in integers(rng, 3)] if is_store else [(0,)]
            yield Kernel(text, registers, [data], rows, code, [data, memory])


def groups(rng):
    return [Arena(rng), *immediates(rng), *register_register(rng), *hints(rng), *transfers(rng)]
