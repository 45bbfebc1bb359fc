# SPDX-License-Identifier: Apache-2.0
"""Makes test programs for a RISC-V hart, from a seed: PROGRAMS names them, each with a function of a random.Random.

A program is a list of groups (program.py); each group knows its code, its operands and how to name what went wrong.
"""

from . import compressed, control, decode, floating, integer, memory, sequence
from .program import Program

PROGRAMS = {
    "integer": integer.groups,
    "floating": floating.groups,
    "memory": memory.groups,
    "control": control.groups,
    "compressed": compressed.groups,
    "decode": decode.groups,
    "sequence": sequence.groups,
}
