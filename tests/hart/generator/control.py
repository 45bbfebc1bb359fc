# SPDX-License-Identifier: Apache-2.0
"""Branches and jumps: every condition, near and far, forwards and backwards, and instructions over page ends."""

from . import isa
from .integer import pairs
from .kernel import Kernel, Registers
from .values import INTEGERS

# Bytes that a conditional branch, its compressed form, a jump and its compressed form reach over, less the code around them.
REACH = {"branch": 4000, "c.branch": 200, "jump": 300000, "c.jump": 1900}


def gap(size):
    """Bytes that nobody runs: zeros are an illegal instruction."""
    return [f".space {size & ~1}"] if size else []


def taken_kernel(rng, text, registers, inputs, rows, distance, outputs=()):
    """Records whether `text`, which ends in a label to come, jumped: 2 taken forwards, 3 backwards, 1 not taken."""
    seen = registers.take("x")
    forwards = [f"li {seen}, 0", f"{text} 2f", f"li {seen}, 1", "j 3f", *gap(distance), "2:", f"li {seen}, 2", "3:"]
    backwards = [f"li {seen}, 0", "j 3f", *gap(2), "2:", f"li {seen}, 3", "j 4f", *gap(distance)]
    backwards += ["3:", f"{text} 2b", f"li {seen}, 1", "4:"]
    for code, where in ((forwards, "forwards"), (backwards, "backwards")):
        title = f"{text} {where} over {distance}"
        yield Kernel(title, registers, inputs, rows, code, [(seen, "way"), *outputs])


def branches(rng):
    for name in isa.BRANCHES:
        for distance in (0, rng.randint(2, 300), REACH["branch"]):
            registers = Registers(rng)
            a, b = registers.take("x"), rng.choice(("x0", registers.take("x")))
            rows = pairs(rng) if b != "x0" else [(value, 0) for value in INTEGERS]
            yield from taken_kernel(rng, f"{name} {a}, {b},", registers, [a, b], rows, distance)
        registers = Registers(rng)
        a = registers.take("x")
        yield from taken_kernel(rng, f"{name} {a}, {a},", registers, [a], [(value,) for value in INTEGERS], 6)
    for name in ("c.beqz", "c.bnez"):
        for distance in (0, rng.randint(2, 100), REACH["c.branch"]):
            registers = Registers(rng)
            a = registers.take("x", range(8, 16))
            yield from taken_kernel(rng, f"{name} {a},", registers, [a], [(value,) for value in INTEGERS], distance)


def jumps(rng):
    """Jumps with a link leave the address after them, which is the same wherever the program runs."""
    for text, reach in (("jal {link},", "jump"), ("jal x0,", "jump"), ("c.j", "c.jump")):
        for distance in (0, rng.randint(2, 1000), REACH[reach]):
            registers = Registers(rng)
            link = registers.take("x")
            yield from taken_kernel(rng, text.format(link=link), registers, [link], [(7,)], distance, [link])


def indirect(rng):
    for count in range(24):
        registers = Registers(rng)
        base = registers.take("x")
        link = rng.choice((base, "x0", "x1", "x5", registers.take("x")))
        registers.reserve(link)
        offset = rng.choice((0, 2047, -2048, rng.randint(-2048, 2047)))
        odd = count & 1  # the lowest bit of the target is dropped
        text = f"jalr {link}, {offset}({base})"
        yield from indirect_kernel(registers, text, base, link, offset - odd)
    for name in ("c.jr", "c.jalr"):
        for odd in (0, 1):
            registers = Registers(rng)
            base = registers.take("x", range(2, 32))
            link = registers.reserve("x1")
            yield from indirect_kernel(registers, f"{name} {base}", base, link, -odd)


def indirect_kernel(registers, text, base, link, offset):
    """The row says which of four places is the target: the jump's guess has to be wrong again and again."""
    which, seen = registers.take("x"), registers.take("x")
    code = [f"la {base}, 1f - ({offset})", f"slli {seen}, {which}, 3", f"add {base}, {base}, {seen}", f"li {seen}, 9"]
    code += [f"li {link}, 5" if link not in (base, "x0") else "nop", text, "1:"]
    for way in range(4):  # eight bytes each
        code += [".option push", ".option norvc", f"li {seen}, {way}", "j 2f", ".option pop"]
    code += ["2:"]
    rows = [(way,) for way in (0, 1, 2, 3, 3, 2, 0, 1, 1, 1, 0, 2)]
    yield Kernel(f"{text} ({'odd' if offset & 1 else 'even'})", registers, [(which, "way")], rows, code, [(seen, "way"), link])


def page_ends(rng):
    """Code whose instructions lie across the end of a page, run several times, entered before, at and after it."""
    for back in (2, 4, 6, 10):
        registers = Registers(rng)
        a, b, entry = (registers.take("x") for _ in range(3))
        code = [f"la {b}, 1f", f"bnez {entry}, 2f", "j 1f", ".balign 4096", f".space {4096 - back}", ".option push"]
        code += [".option norvc", "1:", f"addi {a}, {a}, 1", f"xori {a}, {a}, 0x55", "2:", f"slli {a}, {a}, 3", "j 3f"]
        code += [".option pop", ".balign 4", "3:"]
        rows = [(value, entered) for value in INTEGERS for entered in (0, 1)]
        yield Kernel(f"code {back} bytes before a page's end", registers, [a, (entry, "entry")], rows, code, [a, b])


def groups(rng):
    return [*branches(rng), *jumps(rng), *indirect(rng), *page_ends(rng)]
