# SPDX-License-Identifier: Apache-2.0
"""I, M, Zba, Zbb and Zbs: arithmetic in registers."""

from . import isa
from .kernel import Kernel, Registers
from .values import INTEGERS, integers

IMMEDIATES = (0, 1, -1, 2047, -2048, 1024, 7, -256)


def pairs(rng):
    edges = [(a, b) for a in INTEGERS for b in INTEGERS if rng.random() < 0.1]
    return edges + list(zip(integers(rng, 60), integers(rng, 60))) + [(a, a) for a in INTEGERS]


def destination(rng, registers, sources):
    """A register to write: a new one, one of the sources or x0."""
    kind = rng.randrange(8)
    return "x0" if kind == 0 else rng.choice(sources) if kind < 4 else registers.take("x")


def register_register(rng, name):
    for same in (False, False, True):
        registers = Registers(rng)
        a = registers.take("x")
        b = a if same else registers.take("x")
        d = destination(rng, registers, [a, b])
        inputs = [a] if same else [a, b]
        rows = [(a,) for a in INTEGERS] if same else pairs(rng)
        outputs = [(d, "result")] + [each for each in dict.fromkeys((a, b)) if each != d]
        yield Kernel(f"{name} {d}, {a}, {b}", registers, inputs, rows, [f"{name} {d}, {a}, {b}"], outputs)


def one_register(rng, name, *immediate, rows):
    """An instruction with one source and perhaps an immediate."""
    registers = Registers(rng)
    a = registers.take("x")
    d = destination(rng, registers, [a])
    text = ", ".join((f"{name} {d}", a, *map(str, immediate)))
    outputs = [(d, "result")] + ([] if d == a else [a])
    return Kernel(text, registers, [a], [(value,) for value in rows], [text], outputs)


def upper(rng):
    """lui and auipc take no operand; the addresses are the same wherever a program runs."""
    for name in ("lui", "auipc"):
        for immediate in (0, 1, 0x7FFFF, 0x80000, 0xFFFFF, *(rng.getrandbits(20) for _ in range(8))):
            registers = Registers(rng)
            d = registers.take("x")
            yield Kernel(f"{name} {d}, {immediate:#x}", registers, [], [()], [f"{name} {d}, {immediate:#x}"], [d])


def zero_source(rng):
    """x0 as a source is zero, even after an instruction has named it as its destination."""
    for name in rng.sample(isa.REGISTER_REGISTER, 12):
        for operands in ("{a}, x0", "x0, {a}", "x0, x0"):
            registers = Registers(rng)
            a, d = registers.take("x"), registers.take("x")
            text = f"{name} {d}, {operands.format(a=a)}"
            rows = [(value,) for value in INTEGERS]
            yield Kernel(text, registers, [a], rows, [f"add x0, {a}, {a}", text], [d])


def groups(rng):
    result = []
    for name in isa.REGISTER_REGISTER:
        result += register_register(rng, name)
    for name in isa.REGISTER:
        for rows in (INTEGERS + integers(rng, 200), INTEGERS):
            certain = [value for value in rows if name not in isa.UNCERTAIN or value & 0xFFFFFFFF]
            result.append(one_register(rng, name, rows=certain))
    for name in isa.IMMEDIATE:
        for immediate in (*IMMEDIATES, *(rng.randint(-2048, 2047) for _ in range(8))):
            result.append(one_register(rng, name, immediate, rows=INTEGERS + integers(rng, 20)))
    for names, width in ((isa.SHIFTS, 64), (isa.SHIFTS_WORD, 32)):
        for name in names:
            for amount in range(width):
                result.append(one_register(rng, name, amount, rows=rng.sample(INTEGERS, 12) + integers(rng, 12)))
    result += upper(rng)
    result += zero_source(rng)
    return result
