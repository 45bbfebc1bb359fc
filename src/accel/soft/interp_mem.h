/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/interp_mem.h - part of interp_run(): loads, stores, atomics. One comparison tells that the page may be
 * accessed so and that the address is aligned; guest memory is shared, so accesses are relaxed atomics.
 */
/* These are labels and statements, which clang-format takes for declarations. */
/* clang-format off */

#define HIT(tag, type, entry, va) ((entry)->tag == ((va) & (PAGE_MASK | (sizeof(type) - 1))))

#define LOAD(code, type, guard, result)                                                                                \
	do_##code:                                                                                                     \
	{                                                                                                              \
		uint64_t va = RS1 + IMM;                                                                               \
		const struct tlb_entry *entry = tlb_entry(bank, va);                                                   \
		type value;                                                                                            \
		guard;                                                                                                 \
		if (unlikely(!HIT(read, type, entry, va)))                                                             \
			goto memory;                                                                                   \
		value = __atomic_load_n((type *)(uintptr_t)(va + entry->addend), __ATOMIC_RELAXED);                    \
		result;                                                                                                \
		NEXT();                                                                                                \
	}

#define STORE(code, type, guard, value)                                                                                \
	do_##code:                                                                                                     \
	{                                                                                                              \
		uint64_t va = RS1 + IMM;                                                                               \
		const struct tlb_entry *entry = tlb_entry(bank, va);                                                   \
		guard;                                                                                                 \
		if (unlikely(!HIT(write, type, entry, va)))                                                            \
			goto memory;                                                                                   \
		__atomic_store_n((type *)(uintptr_t)(va + entry->addend), (type)(value), __ATOMIC_RELAXED);            \
		NEXT();                                                                                                \
	}

LOAD(LB, int8_t, , RD = (int64_t)value)
LOAD(LH, int16_t, , RD = (int64_t)value)
LOAD(LW, int32_t, , RD = (int64_t)value)
LOAD(LD, uint64_t, , RD = value)
LOAD(LBU, uint8_t, , RD = value)
LOAD(LHU, uint16_t, , RD = value)
LOAD(LWU, uint32_t, , RD = value)
LOAD(FLW, uint32_t, FP_NEEDS(fp_dirty), FRD = FP_BOX | value)
LOAD(FLD, uint64_t, FP_NEEDS(fp_dirty), FRD = value)
STORE(SB, uint8_t, , RS2)
STORE(SH, uint16_t, , RS2)
STORE(SW, uint32_t, , RS2)
STORE(SD, uint64_t, , RS2)
STORE(FSW, uint32_t, FP_NEEDS(fp_on), FRS2)
STORE(FSD, uint64_t, FP_NEEDS(fp_on), FRS2)

#define ATOMIC_LABEL(name) do_##name:
OPS_ATOMIC(ATOMIC_LABEL)
#undef ATOMIC_LABEL
hart->pc = PC;
if (unlikely(!atomic_execute(hart, op)))
	goto trapped;
NEXT();
