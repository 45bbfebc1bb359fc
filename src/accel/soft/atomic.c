/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/atomic.c - LR, SC and the AMOs as the host's locked instructions, which order everything: aq and rl ask
 * for nothing more.
 *
 * SC compares with the value that LR read instead of watching the line. A value that was changed and changed back in
 * between goes unnoticed, which no memory order lets a correct LR/SC loop rely on.
 */
#include "accel/soft/atomic.h"

#include "accel/soft/hart.h"
#include "accel/soft/mem.h"

/* The host address of an atomic access, NULL when it trapped. `slow`: mem_written() must follow a write. */
static void *locate(struct hart *hart, uint64_t va, unsigned size, bool read_only, bool *slow)
{
	const struct tlb_entry *entry = tlb_entry(hart->bank, va);

	*slow = (read_only ? entry->read : entry->write) != (va & (PAGE_MASK | (size - 1)));
	if (*slow)
		return mem_atomic(hart, va, size, read_only);
	return (void *)(uintptr_t)(va + entry->addend);
}

static bool load_reserved(struct hart *hart, const struct op *op, unsigned size)
{
	bool slow;
	void *host = locate(hart, hart->x[op->rs1], size, true, &slow);

	if (!host)
		return false;
	if (size == 4)
		hart->reserved_value = (uint64_t)(int64_t)__atomic_load_n((int32_t *)host, __ATOMIC_ACQUIRE);
	else
		hart->reserved_value = __atomic_load_n((uint64_t *)host, __ATOMIC_ACQUIRE);
	hart->reserved_host = (uintptr_t)host;
	hart->reserved_size = size;
	hart->x[op->rd] = hart->reserved_value;
	return true;
}

static bool store_conditional(struct hart *hart, const struct op *op, unsigned size)
{
	bool slow, done = false;
	void *host = locate(hart, hart->x[op->rs1], size, false, &slow);

	if (!host)
		return false;
	if (hart->reserved_size == size && hart->reserved_host == (uintptr_t)host) {
		if (size == 4) {
			uint32_t expected = hart->reserved_value;

			done = __atomic_compare_exchange_n((uint32_t *)host, &expected, (uint32_t)hart->x[op->rs2],
							   false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
		} else {
			uint64_t expected = hart->reserved_value;

			done = __atomic_compare_exchange_n((uint64_t *)host, &expected, hart->x[op->rs2], false,
							   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
		}
		if (done && slow)
			mem_written(hart, host, size);
	}
	hart->reserved_size = 0;
	hart->x[op->rd] = !done;
	return true;
}

/* Minimum and maximum, which the host has no instruction for. */
#define DEFINE_EXTREMUM(name, type, better)                                                                           \
	static type name(type *at, type value)                                                                        \
	{                                                                                                             \
		type old = __atomic_load_n(at, __ATOMIC_RELAXED);                                                     \
		while (!__atomic_compare_exchange_n(at, &old, value better old ? value : old, true, __ATOMIC_SEQ_CST, \
						    __ATOMIC_RELAXED))                                                \
			;                                                                                             \
		return old;                                                                                           \
	}
DEFINE_EXTREMUM(fetch_min_w, int32_t, <)
DEFINE_EXTREMUM(fetch_max_w, int32_t, >)
DEFINE_EXTREMUM(fetch_minu_w, uint32_t, <)
DEFINE_EXTREMUM(fetch_maxu_w, uint32_t, >)
DEFINE_EXTREMUM(fetch_min_d, int64_t, <)
DEFINE_EXTREMUM(fetch_max_d, int64_t, >)
DEFINE_EXTREMUM(fetch_minu_d, uint64_t, <)
DEFINE_EXTREMUM(fetch_maxu_d, uint64_t, >)

static uint64_t modify_w(unsigned code, int32_t *at, int32_t value)
{
	switch (code) {
	case OP_AMOSWAP_W:
		return (int64_t)__atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOADD_W:
		return (int64_t)__atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOXOR_W:
		return (int64_t)__atomic_fetch_xor(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOAND_W:
		return (int64_t)__atomic_fetch_and(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOOR_W:
		return (int64_t)__atomic_fetch_or(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOMIN_W:
		return (int64_t)fetch_min_w(at, value);
	case OP_AMOMAX_W:
		return (int64_t)fetch_max_w(at, value);
	case OP_AMOMINU_W:
		return (int64_t)(int32_t)fetch_minu_w((uint32_t *)at, value);
	default:
		return (int64_t)(int32_t)fetch_maxu_w((uint32_t *)at, value);
	}
}

static uint64_t modify_d(unsigned code, int64_t *at, int64_t value)
{
	switch (code) {
	case OP_AMOSWAP_D:
		return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOADD_D:
		return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOXOR_D:
		return __atomic_fetch_xor(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOAND_D:
		return __atomic_fetch_and(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOOR_D:
		return __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST);
	case OP_AMOMIN_D:
		return fetch_min_d(at, value);
	case OP_AMOMAX_D:
		return fetch_max_d(at, value);
	case OP_AMOMINU_D:
		return fetch_minu_d((uint64_t *)at, value);
	default:
		return fetch_maxu_d((uint64_t *)at, value);
	}
}

static bool modify(struct hart *hart, const struct op *op, unsigned size)
{
	bool slow;
	void *host = locate(hart, hart->x[op->rs1], size, false, &slow);
	uint64_t value = hart->x[op->rs2];

	if (!host)
		return false;
	hart->x[op->rd] =
		size == 4 ? modify_w(op->code, host, (int32_t)value) : modify_d(op->code, host, (int64_t)value);
	if (slow)
		mem_written(hart, host, size);
	return true;
}

bool atomic_execute(struct hart *hart, const struct op *op)
{
	switch (op->code) {
	case OP_LR_W:
		return load_reserved(hart, op, 4);
	case OP_LR_D:
		return load_reserved(hart, op, 8);
	case OP_SC_W:
		return store_conditional(hart, op, 4);
	case OP_SC_D:
		return store_conditional(hart, op, 8);
	default:
		return modify(hart, op, op->code < OP_AMOSWAP_D ? 4 : 8);
	}
}
