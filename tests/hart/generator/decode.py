# SPDX-License-Identifier: Apache-2.0
"""Encodings as they come: every word is legal with the same effect, or illegal, in both places.

Each word runs once with all registers loaded and jumps back; then the state of all registers is recorded as a hash, with the cause
of the trap if it made one. Loads, stores, jumps and system instructions that are legal are left out: see memory.py and control.py.
"""

import itertools
import struct

from . import isa
from .values import register_file

_names = itertools.count()


def compressed_words(rng):
    """All of quadrants 0 to 2 that neither transfer nor jump, each once."""
    transfers = {0: (1, 2, 3, 5, 6, 7), 1: (5, 6, 7), 2: (1, 2, 3, 5, 6, 7)}
    for word in range(1 << 16):
        quadrant, function = word & 3, word >> 13
        if quadrant == 3 or function in transfers[quadrant]:
            continue
        if quadrant == 2 and function == 4 and word >> 2 & 31 == 0:
            # c.jr, c.jalr, c.ebreak; without a register c.jr is reserved.
            if word != 0x8002:
                continue
        yield word


def random_fields(rng, word, *fields):
    """The word with random bits in each of its (low, width) fields."""
    for low, width in fields:
        word |= rng.getrandbits(width) << low
    return word


RD, RS1, RS2, RS3, FUNCT3 = (7, 5), (15, 5), (20, 5), (27, 5), (12, 3)


def long_words(rng):
    for opcode in (0x33, 0x3B):  # OP, OP-32
        for function in range(1 << 10):
            word = opcode | (function & 7) << 12 | function >> 3 << 25
            yield random_fields(rng, word, RD, RS1, RS2)
            yield random_fields(rng, word, RD, RS1)
    for opcode in (0x13, 0x1B):  # OP-IMM, OP-IMM-32: shifts and what hides among them
        for function in (1, 5):
            for immediate in range(1 << 12):
                yield random_fields(rng, opcode | function << 12 | immediate << 20, RD, RS1)
        for function in (0, 2, 3, 4, 6, 7):
            for _ in range(32):
                yield random_fields(rng, opcode | function << 12, RD, RS1, (20, 12))
    for function in range(1 << 15):  # OP-FP: funct7, rs2 and rounding mode
        word = 0x53 | (function & 7) << 12 | function >> 3 << 20
        yield random_fields(rng, word, RD, RS1)
    for opcode in (0x43, 0x47, 0x4B, 0x4F):  # fused multiply-add: rounding mode and format
        for function in range(1 << 5):
            for _ in range(4):
                yield random_fields(rng, opcode | (function & 7) << 12 | function >> 3 << 25, RD, RS1, RS2, RS3)
    for _ in range(64):  # LUI, AUIPC, FENCE with any fields, FENCE.I
        for word in (0x37, 0x17):
            yield random_fields(rng, word, RD, (12, 20))
        yield random_fields(rng, 0x0F, RD, RS1, (20, 12))
        yield random_fields(rng, 0x100F, RD, RS1, (20, 12))


def illegal_words(rng):
    """Encodings that no extension of this hart has taken, among instructions that would transfer, jump or trap."""

    def words(opcode, functions, *fields, also=0):
        for function in functions:
            for _ in range(16):
                yield random_fields(rng, opcode | function << 12 | also, RD, RS1, RS2, *fields)

    seven = (25, 7)
    yield from words(0x03, [7], seven)
    yield from words(0x23, [4, 5, 6, 7], seven)
    yield from words(0x07, [0, 1, 4, 5, 6, 7], seven)
    yield from words(0x27, [0, 1, 4, 5, 6, 7], seven)
    yield from words(0x0F, [3, 4, 5, 6, 7], seven)
    yield from words(0x63, [2, 3], seven)
    yield from words(0x67, range(1, 8), seven)
    yield from words(0x73, [4], seven)
    yield from words(0x57, range(8), seven)
    for opcode in (0x0B, 0x2B, 0x5B, 0x6B, 0x77, 0x7B, 0x1F, 0x3F, 0x5F, 0x7F):
        yield from words(opcode, range(8), seven)
    for function5 in range(32):  # AMO
        legal = function5 in (0, 1, 2, 3, 4, 8, 12, 16, 20, 24, 28)
        functions = [n for n in range(8) if not legal or n not in (2, 3)]
        yield from words(0x2F, functions, (25, 2), also=function5 << 27)
    for order in range(4):  # LR has no second source
        for width in (2, 3):
            yield 0x2F | width << 12 | 2 << 27 | order << 25 | rng.randint(1, 31) << 20 | random_fields(rng, 0, RD, RS1)


def certain(words):
    return [word for word in words if not any(word & mask == match for mask, match in isa.UNCERTAIN_WORDS)]


NAMES = [*(f"x{n}" for n in range(1, 32)), *(f"f{n}" for n in range(32)), "fcsr"]

# What a group keeps in memory while all registers are the word's.
CURSOR, OUT, STATE, AFTER = 0, 8, 16, 16 + 8 * len(NAMES)


class Words:
    """A group of words. `whole`: the record is all of the state instead of its hash, for a closer look."""

    def __init__(self, state, words, whole=False):
        self.words, self.whole = list(words), whole
        self.cases = len(self.words)
        self.record = 8 * (len(NAMES) + 1) if whole else 16
        self._name = f"words{next(_names)}"
        self._state = state

    def closer(self, numbers):
        """The same cases, recorded whole."""
        return [] if self.whole else [Words(self._state, [self.words[n] for n in numbers], whole=True)]

    def emit(self, program):
        name = self._name
        lines = [f"la x5, {name}_memory", f"la x6, {name}_table", f"sd x6, {CURSOR}(x5)"]
        lines += [f"la x6, {program.output(self.record * self.cases)}", f"sd x6, {OUT}(x5)"]
        lines += [f"{name}_next:", f"la x31, {name}_memory", f"ld x5, {CURSOR}(x31)", "ld x30, 0(x5)"]
        lines += [f"beqz x30, {name}_end", "addi x5, x5, 8", f"sd x5, {CURSOR}(x31)"]
        lines += ["la x5, trap_resume", f"andi x7, x30, 1", f"bnez x7, {name}_run30"]
        lines += [*self._run(31, 30), *self._run(30, 31), f"{name}_ran:", *self._keep_record(), f"j {name}_next"]
        lines += [*self._stubs(), f"{name}_end:", "la x5, trap_resume", "sd x0, 0(x5)"]
        return lines

    def _run(self, base, target):
        """Loads all registers but the base, runs the word at the address in `target`, and saves them."""
        name = self._name
        lines = [f"{name}_run{base}:"]
        if base == 30:
            lines += ["addi x31, x30, -1", f"la x30, {name}_memory"]
        lines += [f"la x6, {name}_done{base}", "sd x6, 0(x5)", "fscsr x0"]
        lines += [f"fld f{n}, {STATE + 8 * (31 + n)}(x{base})" for n in range(32)]
        lines += [f"ld x{n}, {STATE + 8 * (n - 1)}(x{base})" for n in range(1, 30)]
        lines += [f"jr x{target}", f"{name}_done{base}:"]
        lines += [f"sd x{n}, {AFTER + 8 * (n - 1)}(x{base})" for n in range(1, 32)]
        lines += [f"fsd f{n}, {AFTER + 8 * (31 + n)}(x{base})" for n in range(32)]
        lines += ["frcsr x5", f"sd x5, {AFTER + 8 * 63}(x{base})", f"j {name}_ran"]
        return lines

    def _keep_record(self):
        name = self._name
        lines = [f"la x5, {name}_memory", f"ld x6, {OUT}(x5)", "la x7, trap_cause", "ld x8, 0(x7)", "sd x0, 0(x7)"]
        lines += [f"sd x8, {self.record - 8}(x6)", f"addi x10, x6, {self.record}", f"sd x10, {OUT}(x5)"]
        lines += [f"addi x9, x5, {8 * len(NAMES)}", "li x11, 0", "li x12, 0x9e3779b97f4a7c15", "1:", f"ld x8, {AFTER}(x5)"]
        if self.whole:
            lines += ["sd x8, 0(x6)", "addi x6, x6, 8"]
        else:
            lines += ["xor x11, x11, x8", "mul x11, x11, x12", "srli x8, x11, 32", "xor x11, x11, x8"]
        lines += ["addi x5, x5, 8", "bne x5, x9, 1b"]
        return lines if self.whole else [*lines, "sd x11, 0(x6)"]

    def _stubs(self):
        """One stub a word, and their addresses; bit 0 says that the base register is x30, as the word may write x31."""
        name = self._name
        lines, table = [], []
        for n, word in enumerate(self.words):
            base = 30 if word >> 7 & 31 == 31 else 31
            long = [f".half {word >> 16:#x}"] if word & 3 == 3 else []
            lines += [f"{name}_{n}:", f".half {word & 0xFFFF:#x}", *long, f"j {name}_done{base}"]
            table.append(f".quad {name}_{n} + {base == 30:d}")
        lines += ['.section .data.body, "aw"', ".balign 8", f"{name}_table:", *table, ".quad 0"]
        lines += [f"{name}_memory:", ".quad 0, 0"]
        lines += [f".quad {', '.join(map(str, row))}" for row in struct.iter_unpack("<8Q", self._state)]
        lines += [f".space {8 * len(NAMES)}", '.section .text.body, "ax"']
        return lines

    def describe(self, n, wanted, got):
        word = self.words[n]
        text = [f"word {word:#06x}" if word & 3 != 3 else f"word {word:#010x}"]
        causes = [struct.unpack("<Q", record[-8:])[0] for record in (wanted, got)]
        ends = ["runs" if not cause else f"traps with cause {cause}" for cause in causes]
        text.append(f"expected that it {ends[0]}, found that it {ends[1]}" if causes[0] != causes[1] else f"it {ends[0]}")
        if self.whole:
            before = struct.unpack("<64Q", self._state)
            for name, at, *values in zip(NAMES, before, *(struct.unpack("<64Q", record[:-8]) for record in (wanted, got))):
                if values[0] != values[1]:
                    text.append(f"{name} (was {at:#x}): expected {values[0]:#x}, found {values[1]:#x}")
        elif wanted[:-8] != got[:-8]:
            text.append("registers differ")
        return "; ".join(text)


def groups(rng):
    return [Words(register_file(rng), certain(words(rng))) for words in (compressed_words, long_words, illegal_words)]
