# SPDX-License-Identifier: Apache-2.0
"""F and D: every instruction under every rounding mode, static and dynamic, and the CSRs fflags, frm and fcsr."""

from . import isa
from .kernel import Kernel, Registers
from .values import CONVERTED, DOUBLE, INTEGERS, SINGLE, integers

FORMATS = {"s": SINGLE, "d": DOUBLE}


def rows(rng, sources, count):
    """Operands for sources such as "s", "dd" or "x": all corners of one operand, pairs and triples near each other."""
    if sources == "x":
        return [(value,) for value in INTEGERS + CONVERTED + integers(rng, count)]
    form = FORMATS[sources[0]]
    if len(sources) == 1:
        return [(value,) for value in form.edges + [form.random(rng) for _ in range(count)]]
    corners = [tuple(rng.choice(form.edges) for _ in sources) for _ in range(count)]
    made = form.pair if len(sources) == 2 else form.triple
    return corners + [made(rng) for _ in range(count)]


def operands(rng, target, sources):
    """Registers for a destination and sources of these kinds; sometimes the destination is a source."""
    registers = Registers(rng)
    taken = [registers.take("x" if kind == "x" else "f") for kind in sources]
    same = [name for name, kind in zip(taken, sources) if (kind == "x") == (target == "x")]
    if same and rng.random() < 0.3:
        return registers, rng.choice(same), taken
    if target == "x" and rng.random() < 0.05:
        return registers, "x0", taken
    return registers, registers.take("x" if target == "x" else "f"), taken


def static(rng, instruction, rounding, count):
    """`rounding` is the mode that the instruction brings, or None where it has none. frm is another one, or none at all."""
    name, target, sources = instruction
    registers, d, taken = operands(rng, target, sources)
    flags, temporary = registers.take("x"), registers.take("x")
    mode, before = rng.randrange(8), rng.choice((0, 0, 0, 31, rng.getrandbits(5)))
    text = ", ".join((f"{name} {d}", *taken, *([rounding] if rounding else [])))
    title = f"{text} (frm {mode}, fflags {before:#x} before)"
    setup = [f"li {temporary}, {mode << 5 | before}", f"fscsr {temporary}"]
    code = [text, f"frcsr {flags}", f"fsflagsi {before}"]
    outputs = [(d, "result"), (flags, "fcsr")]
    return Kernel(title, registers, taken, rows(rng, sources, count), code, outputs, setup, ["fscsr zero"])


def dynamic(rng, instruction, count):
    """frm is a column of the table: it changes from row to row."""
    name, target, sources = instruction
    registers, d, taken = operands(rng, target, sources)
    fcsr = registers.take("x")
    text = f"{name} {d}, {', '.join(taken)}, dyn"
    values = [(rng.randrange(5) << 5 | rng.choice((0, rng.getrandbits(5))), *row) for row in rows(rng, sources, count)]
    code = [f"fscsr {fcsr}", text, f"frcsr {fcsr}"]
    inputs, outputs = [(fcsr, "fcsr"), *taken], [(d, "result"), (fcsr, "fcsr")]
    return Kernel(text, registers, inputs, values, code, outputs, (), ["fscsr zero"])


def csr_kernels(rng):
    """The three views of fcsr under each instruction of Zicsr."""
    for csr in ("fflags", "frm", "fcsr"):
        for name in ("csrrw", "csrrs", "csrrc", "csrrwi", "csrrsi", "csrrci"):
            for _ in range(4):
                registers = Registers(rng)
                fcsr, source, after = (registers.take("x") for _ in range(3))
                d = rng.choice(("x0", source, registers.take("x")))
                operand = str(rng.choice((0, 31, rng.getrandbits(5)))) if name.endswith("i") else rng.choice((source, source, "x0"))
                text = f"{name} {d}, {csr}, {operand}"
                values = [(rng.getrandbits(8), value) for value in integers(rng, 12) + list(range(0, 256, 17))]
                code = [f"fscsr {fcsr}", text, f"frcsr {after}"]
                inputs = [(fcsr, "fcsr"), source]
                yield Kernel(text, registers, inputs, values, code, [(d, "read"), (after, "fcsr")], (), ["fscsr zero"])


def groups(rng):
    result = []
    for instruction in isa.ROUNDED:
        result += [static(rng, instruction, rounding, 120) for rounding in isa.ROUNDING]
        result += [dynamic(rng, instruction, 200) for _ in range(3)]
    for instruction in isa.EXACT:
        result += [static(rng, instruction, None, 200) for _ in range(3)]
    result += csr_kernels(rng)
    return result
