# SPDX-License-Identifier: Apache-2.0
"""The instructions of RV64IMAFD, Zba, Zbb and Zbs by the shape of their operands."""

REGISTER_REGISTER = """
    add sub sll slt sltu xor srl sra or and addw subw sllw srlw sraw
    mul mulh mulhsu mulhu div divu rem remu mulw divw divuw remw remuw
    sh1add sh2add sh3add add.uw sh1add.uw sh2add.uw sh3add.uw
    andn orn xnor min minu max maxu rol ror rolw rorw
    bset bclr bext binv
""".split()

REGISTER = "clz clzw ctz ctzw cpop cpopw sext.b sext.h zext.h orc.b rev8".split()

# What QEMU before 8.0 gets wrong, so that it is no oracle: ctzw of a number whose low half is zero counts on in the high half.
UNCERTAIN = {"ctzw"}
UNCERTAIN_WORDS = [(0xFFF0707F, 0x6010101B)]  # mask and match

IMMEDIATE = "addi slti sltiu xori ori andi addiw".split()

SHIFTS = "slli srli srai rori bseti bclri bexti binvi slli.uw".split()
SHIFTS_WORD = "slliw srliw sraiw roriw".split()

BRANCHES = "beq bne blt bge bltu bgeu".split()

LOADS = {"lb": 1, "lh": 2, "lw": 4, "ld": 8, "lbu": 1, "lhu": 2, "lwu": 4, "flw": 4, "fld": 8}
STORES = {"sb": 1, "sh": 2, "sw": 4, "sd": 8, "fsw": 4, "fsd": 8}

AMOS = [f"amo{name}.{width}" for name in "swap add xor and or min max minu maxu".split() for width in "wd"]

ROUNDING = ["rne", "rtz", "rdn", "rup", "rmm"]

# Mnemonic, what the destination is and what the sources are: s(ingle), d(ouble), x (integer register).
ROUNDED = [
    (f"{name}.{form}", form, sources.replace("f", form))
    for form in "sd"
    for name, sources in (
        ("fadd", "ff"),
        ("fsub", "ff"),
        ("fmul", "ff"),
        ("fdiv", "ff"),
        ("fsqrt", "f"),
        ("fmadd", "fff"),
        ("fmsub", "fff"),
        ("fnmsub", "fff"),
        ("fnmadd", "fff"),
    )
] + [
    *((f"fcvt.{integer}.{form}", "x", form) for form in "sd" for integer in ("w", "wu", "l", "lu")),
    *((f"fcvt.s.{integer}", "s", "x") for integer in ("w", "wu", "l", "lu")),
    ("fcvt.d.l", "d", "x"),
    ("fcvt.d.lu", "d", "x"),
    ("fcvt.s.d", "s", "d"),
]
EXACT = [
    (f"{name}.{form}", target.replace("f", form), sources.replace("f", form))
    for form in "sd"
    for name, target, sources in (
        ("fsgnj", "f", "ff"),
        ("fsgnjn", "f", "ff"),
        ("fsgnjx", "f", "ff"),
        ("fmin", "f", "ff"),
        ("fmax", "f", "ff"),
        ("feq", "x", "ff"),
        ("flt", "x", "ff"),
        ("fle", "x", "ff"),
        ("fclass", "x", "f"),
    )
] + [
    ("fcvt.d.s", "d", "s"),
    ("fcvt.d.w", "d", "x"),
    ("fcvt.d.wu", "d", "x"),
    ("fmv.x.w", "x", "s"),
    ("fmv.x.d", "x", "d"),
    ("fmv.w.x", "s", "x"),
    ("fmv.d.x", "d", "x"),
]
