# SPDX-License-Identifier: Apache-2.0
"""Operands: the corner cases of integers and floating-point numbers, and random ones that come near them."""

import struct

MASK = (1 << 64) - 1

INTEGERS = sorted(
    {
        value & MASK
        for bits in (7, 8, 15, 16, 31, 32, 63)
        for power in (1 << bits,)
        for value in (power - 1, power, power + 1, -power, -power - 1, -power + 1)
    }
    | {value & MASK for value in (*range(-3, 4), 31, 33, 62, 64, 65, 10, 100)}
    | {0x5555555555555555, 0xAAAAAAAAAAAAAAAA, 0x00FF00FF00FF00FF, 0x0123456789ABCDEF, 0xFFFFFFFF00000000}
    | {0x7FFFFFFF80000000, 0xFFFFFFFF7FFFFFFF, 0x0000000180000000, 0x8000000080000000, 0x0100000000000001}
)

# To floating point: around where 24 and 53 bits end, and ties there.
CONVERTED = sorted(
    {
        (sign * ((1 << top) + (step << max(top - digits, 0)) // 2 + nudge)) & MASK
        for top in (24, 25, 30, 31, 32, 52, 53, 54, 62, 63)
        for digits in (23, 52)
        for step in (0, 1, 2, 3)
        for nudge in (-1, 0, 1)
        for sign in (1, -1)
    }
)


def random_integer(rng):
    """Any width, some runs of ones or zeros."""
    value = rng.getrandbits(rng.randint(1, 64))
    kind = rng.randrange(4)
    if kind == 0:
        return value
    if kind == 1:
        return -value & MASK
    if kind == 2:
        return rng.choice(INTEGERS) ^ (1 << rng.randrange(64))
    return rng.getrandbits(64)


def integers(rng, count):
    return [rng.choice(INTEGERS) if rng.random() < 0.3 else random_integer(rng) for _ in range(count)]


class Format:
    """A binary floating-point format; values are bit patterns as a 64-bit register holds them."""

    def __init__(self, bits, digits, pack):
        self.bits, self.digits, self._pack = bits, digits, pack
        self.sign = 1 << (bits - 1)
        self.infinity = self.sign - (1 << digits)
        self.quiet = self.infinity | 1 << (digits - 1)
        self.bias = (1 << (bits - 2 - digits)) - 1
        self._box = MASK & ~((1 << bits) - 1)
        self.edges = [self.box(value | sign) for value in self._corners() for sign in (0, self.sign)]
        if self._box:
            # Singles that are not boxed count as the canonical NaN.
            one = self.bias << digits
            self.edges += [one, self._box & ~(1 << 32) | one, self._box << 1 & MASK | one, self._box >> 1 & self._box | one]

    def box(self, pattern):
        return self._box | pattern

    def _corners(self):
        one, tiny = self.bias << self.digits, 1 << self.digits
        yield from (0, 1, 2, 3, tiny - 1, tiny, tiny + 1, tiny >> 1, tiny << 1)  # zero, subnormal, least normal
        yield from (one - 1, one, one + 1, one | tiny >> 1, one + tiny, one + tiny | tiny >> 1, one - tiny)
        yield from (self.infinity, self.infinity - 1, self.infinity - tiny)
        yield from (self.quiet, self.quiet | 0x1234, self.infinity | 1, self.infinity | 0x2345)
        for power in (31, 32, 63, 64, self.digits, self.digits + 1):
            yield one + (power << self.digits)
            yield one + (power << self.digits) - 1
            yield one + (power << self.digits) + 1
        for value in (0.25, 0.5000001, 0.75, 2.5, 3.5, 1 / 3, 65535.5, 127.0, 1e10):
            yield self.from_float(value)

    def from_float(self, value):
        try:
            return int.from_bytes(struct.pack(self._pack, value), "little")
        except OverflowError:
            return self.infinity | (self.sign if value < 0 else 0)

    def to_float(self, register):
        size = self.bits // 8
        return struct.unpack(self._pack, (register & MASK).to_bytes(8, "little")[:size])[0]

    def _fraction(self, rng):
        """Dense or sparse: few bits, at both ends, make exact results and ties."""
        kind = rng.randrange(4)
        if kind == 0:
            return rng.getrandbits(self.digits)
        if kind == 1:
            return sum({1 << rng.randrange(self.digits) for _ in range(rng.randint(0, 3))})
        if kind == 2:
            return rng.getrandbits(self.digits // 2) << (self.digits - self.digits // 2)
        return (1 << self.digits) - 1 - rng.getrandbits(rng.randint(1, 4))

    def random(self, rng, exponent=None):
        """A random number; `exponent` (biased) is by chance small, large or near 1 if not given."""
        top = (1 << (self.bits - 1 - self.digits)) - 1
        if exponent is None:
            exponent = rng.choice(
                (rng.randint(0, top), self.bias + rng.randint(-8, 8), rng.randint(0, 3), self.bias + rng.randint(-2, 66))
            )
        pattern = min(max(exponent, 0), top) << self.digits | self._fraction(rng) | rng.choice((0, self.sign))
        return self.box(pattern)

    def near(self, rng, register, opposite=False):
        """The number itself or one a few units in the last place away."""
        pattern = register & (self.sign - 1)
        pattern = min(max(pattern + rng.randint(-2, 2), 0), self.infinity)
        sign = (register ^ (self.sign if opposite else 0)) & self.sign
        return self.box(pattern | sign)

    def pair(self, rng):
        """Two numbers between which something happens: cancellation, a product or quotient near the format's ends."""
        first = self.random(rng)
        exponent = first >> self.digits & ((1 << (self.bits - 1 - self.digits)) - 1)
        kind = rng.randrange(6)
        if kind == 0:
            return first, self.near(rng, first, rng.random() < 0.7)
        if kind == 1:  # half a unit of the other's last place
            return first, self.random(rng, exponent - self.digits - 1 + rng.randint(-1, 1))
        if kind == 2:  # a product at the lower end
            return first, self.random(rng, self.bias - exponent + rng.randint(-self.digits - 2, 3))
        if kind == 3:  # a quotient at the lower end
            return first, self.random(rng, exponent + self.bias + rng.randint(-3, self.digits + 2))
        if kind == 4:  # a product at the upper end
            return first, self.random(rng, 3 * self.bias - exponent + rng.randint(-2, 2))
        return first, self.random(rng)

    def triple(self, rng):
        """A product and what is added to it: often nearly its opposite, or half a unit of its last place."""
        first, second = self.pair(rng)
        kind = rng.randrange(4)
        if kind == 0:
            return first, second, rng.choice(self.edges)
        if kind == 1:
            return first, second, self.random(rng)
        product = self.box(self.from_float(self.to_float(first) * self.to_float(second)))
        if kind == 2:
            return first, second, self.near(rng, product, rng.random() < 0.7)
        exponent = product >> self.digits & ((1 << (self.bits - 1 - self.digits)) - 1)
        return first, second, self.random(rng, exponent + rng.choice((-1, 1)) * (self.digits + rng.randint(-1, 2)))


SINGLE = Format(32, 23, "<f")
DOUBLE = Format(64, 52, "<d")

# Doubles that are hard to make single: ties, and both ends of the single format.
DOUBLE.edges += [
    sign | ((DOUBLE.bias + power) << DOUBLE.digits) + (step << (DOUBLE.digits - 24)) + nudge & (DOUBLE.sign - 1)
    for power in (0, 127, -126, -127, -148, -149, -150, -151)
    for step in (0, 1, 3, (1 << 24) - 1)
    for nudge in (-1, 0, 1)
    for sign in (0, DOUBLE.sign)
]


def register_file(rng, rounding=0):
    """x1..x31, f0..f31 and fcsr, packed."""
    floats = [rng.choice(form.edges) if rng.random() < 0.2 else form.random(rng) for form in (SINGLE, DOUBLE) for _ in range(16)]
    rng.shuffle(floats)
    return struct.pack("<64Q", *integers(rng, 31), *floats, rounding << 5)
