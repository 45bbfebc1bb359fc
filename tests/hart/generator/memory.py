# SPDX-License-Identifier: Apache-2.0
"""Loads and stores of every width at every alignment and over page ends, atomic operations, load-reserved and
store-conditional."""

import struct

from . import isa
from .kernel import Kernel, Registers
from .values import integers

PAGE = 4096

# Offsets from a page's start, the page after it and the one before being there too.
OFFSETS = [*range(17), *range(PAGE - 9, PAGE + 9), *range(-9, 0)]


class Arena:
    """Three pages of random data that the kernels read and write in place. A group of no cases."""

    cases = record = 0

    def __init__(self, rng):
        self._data = rng.randbytes(3 * PAGE)

    def emit(self, _):
        lines = ['.section .data.body, "aw"', ".balign 4096", "arena:"]
        lines += [f".quad {', '.join(map(str, row))}" for row in struct.iter_unpack("<8Q", self._data)]
        return [*lines, ".globl arena_page", ".equ arena_page, arena + 4096", '.section .text.body, "ax"']


def immediate(rng):
    return rng.choice((0, 0, 1, -1, 2047, -2048, rng.randint(-2048, 2047)))


def target_register(rng, registers, name, base):
    if name.startswith("f"):
        return registers.take("f")
    return rng.choice((base, registers.take("x"), registers.take("x")))


def load(rng, name):
    registers = Registers(rng)
    base, offset = registers.take("x"), immediate(rng)
    d = target_register(rng, registers, name, base)
    text = f"{name} {d}, {offset}({base})"
    page = registers.take("x")
    code = [f"la {page}, arena_page - ({offset})", f"add {base}, {base}, {page}", text]
    rows = [(value,) for value in OFFSETS]
    return Kernel(text, registers, [(base, "offset")], rows, code, [(d, "result")])


def store(rng, name):
    """Records the eight bytes before the word that is written to, that word and the two after it."""
    registers = Registers(rng)
    base, offset = registers.take("x"), immediate(rng)
    source = registers.take("f" if name.startswith("f") else "x")
    page = registers.take("x")
    around = [registers.take("x") for _ in range(4)]
    text = f"{name} {source}, {offset}({base})"
    code = [f"la {page}, arena_page - ({offset})", f"add {base}, {base}, {page}", text]
    code += [f"addi {page}, {base}, {offset}", f"andi {page}, {page}, -8"]
    code += [f"ld {register}, {8 * n - 8}({page})" for n, register in enumerate(around)]
    rows = list(zip(OFFSETS, integers(rng, len(OFFSETS))))
    outputs = [(register, f"memory{8 * n - 8:+d}") for n, register in enumerate(around)]
    return Kernel(text, registers, [(base, "offset"), source], rows, code, outputs)


def atomic(rng, name):
    registers = Registers(rng)
    base, memory, source = (registers.take("x") for _ in range(3))
    d = rng.choice(("x0", base, source, registers.take("x"), registers.take("x")))
    low, high = registers.take("x"), registers.take("x")
    offset = rng.choice((0, 4, 8)) if name.endswith(".w") else rng.choice((0, 8))
    order = rng.choice(("", ".aq", ".rl", ".aqrl"))
    text = f"{name}{order} {d}, {source}, ({base})"
    page = registers.take("x")
    code = [f"la {page}, arena_page", f"sd {memory}, 0({page})", f"sd {memory}, 8({page})"]
    code += [f"addi {base}, {page}, {offset}", text, f"ld {low}, 0({page})", f"ld {high}, 8({page})"]
    rows = list(zip(integers(rng, 60), integers(rng, 60)))
    rows += [(a, b) for a, _ in rows[:8] for b in (a, a ^ 1 << 63, a ^ 1 << 31, -a & (1 << 64) - 1)]
    return Kernel(text, registers, [(memory, "memory"), source], rows, code, [(d, "result"), low, high])


def reserved(rng, width):
    """Tries until a store-conditional succeeds; then one without a reservation, and one at another address, both in vain."""
    registers = Registers(rng)
    value, source, base, read, second, third, memory, other = (registers.take("x") for _ in range(8))
    order = rng.choice(("", ".aq", ".rl", ".aqrl"))
    code = [f"la {base}, arena_page + 64", f"sd {value}, 0({base})"]
    code += ["1:", f"lr.{width}{order} {read}, ({base})", f"sc.{width}{order} {second}, {source}, ({base})", f"bnez {second}, 1b"]
    code += [f"sc.{width} {second}, {value}, ({base})", f"ld {memory}, 0({base})"]
    code += [f"la {other}, arena_page + 2048", f"lr.{width} {third}, ({base})", f"sc.{width} {third}, {value}, ({other})"]
    code += [f"ld {other}, 0({other})"]
    rows = list(zip(integers(rng, 40), integers(rng, 40)))
    outputs = [read, (second, "sc without reservation"), (third, "sc elsewhere"), (memory, "memory"), (other, "elsewhere")]
    return Kernel(f"lr.{width}{order}, sc.{width}{order}", registers, [value, source], rows, code, outputs)


def groups(rng):
    result = [Arena(rng)]
    for name in isa.LOADS:
        result += [load(rng, name) for _ in range(12)]
    for name in isa.STORES:
        result += [store(rng, name) for _ in range(12)]
    for name in isa.AMOS:
        result += [atomic(rng, name) for _ in range(4)]
    for width in "wd":
        result += [reserved(rng, width) for _ in range(6)]
    return result
