/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/mem.c - the slow path of loads, stores and atomics.
 */
#include "accel/soft/mem.h"

#include <string.h>

#include "accel/soft/hart.h"
#include "accel/soft/mmu.h"
#include "accel/soft/soft.h"
#include "accel/soft/trap.h"
#include "base/mmio.h"

/* What an access of up to 8 bytes becomes: one or two pieces, each in one page. */
struct piece {
	uint8_t *host; /* NULL: MMIO at `gpa` */
	uint64_t gpa;
	unsigned size;
	bool code; /* the page holds code */
};

/*
 * Guest memory is shared by all harts and by devices; RISC-V makes no promise for misaligned accesses beyond that
 * each byte is read or written once, so these plain byte copies race only with guests that race with themselves.
 */
__attribute__((no_sanitize("thread"))) static void copy_bytes(void *to, const void *from, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		((volatile uint8_t *)to)[i] = ((const volatile uint8_t *)from)[i];
}

static uint64_t load_host(const uint8_t *host, unsigned size)
{
	uint64_t value = 0;

	if ((uintptr_t)host % size) {
		copy_bytes(&value, host, size);
		return value;
	}
	switch (size) {
	case 1:
		return __atomic_load_n(host, __ATOMIC_RELAXED);
	case 2:
		return __atomic_load_n((const uint16_t *)host, __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const uint32_t *)host, __ATOMIC_RELAXED);
	case 8:
		return __atomic_load_n((const uint64_t *)host, __ATOMIC_RELAXED);
	default:
		copy_bytes(&value, host, size);
		return value;
	}
}

static void store_host(uint8_t *host, unsigned size, uint64_t value)
{
	if ((uintptr_t)host % size) {
		copy_bytes(host, &value, size);
		return;
	}
	switch (size) {
	case 1:
		__atomic_store_n(host, value, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((uint16_t *)host, value, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((uint32_t *)host, value, __ATOMIC_RELAXED);
		break;
	case 8:
		__atomic_store_n((uint64_t *)host, value, __ATOMIC_RELAXED);
		break;
	default:
		copy_bytes(host, &value, size);
	}
}

/* Translates one piece. False: it trapped. */
static bool resolve(struct hart *hart, uint64_t va, unsigned size, enum mmu_access access, struct piece *piece)
{
	const struct tlb_entry *entry = mmu_translate(hart, va, access);
	uint64_t tag;

	if (!entry)
		return false;
	tag = access == MMU_READ ? entry->read : entry->write;
	*piece = (struct piece){.size = size, .gpa = va + entry->addend};
	if (!(tag & TLB_MMIO)) {
		piece->host = (uint8_t *)(uintptr_t)(va + entry->addend);
		piece->code = tag & TLB_CODE;
	}
	return true;
}

static void access_fault(struct hart *hart, uint64_t va, enum mmu_access access)
{
	trap_raise(hart, access == MMU_READ ? CAUSE_LOAD_ACCESS : CAUSE_STORE_ACCESS, va);
}

/* Splits an access at a page's end. The number of pieces, 0 when it trapped. */
static unsigned split(struct hart *hart, uint64_t va, unsigned size, enum mmu_access access, struct piece pieces[2])
{
	unsigned first = PAGE_SIZE - (va & ~PAGE_MASK), count = 1;

	if (size <= first) {
		if (!resolve(hart, va, size, access, &pieces[0]))
			return 0;
	} else {
		if (!resolve(hart, va, first, access, &pieces[0]) ||
		    !resolve(hart, va + first, size - first, access, &pieces[1]))
			return 0;
		count = 2;
	}
	/* Devices see aligned accesses only. */
	for (unsigned i = 0; i < count; i++)
		if (!pieces[i].host && va & (size - 1)) {
			access_fault(hart, i ? va + first : va, access);
			return 0;
		}
	return count;
}

static bool load(struct hart *hart, uint64_t va, unsigned size, uint64_t *value)
{
	struct piece pieces[2];
	unsigned count = split(hart, va, size, MMU_READ, pieces);
	bool found;

	if (!count)
		return false;
	if (pieces[0].host) {
		*value = load_host(pieces[0].host, pieces[0].size);
		if (count == 2)
			*value |= load_host(pieces[1].host, pieces[1].size) << 8 * pieces[0].size;
		return true;
	}
	hart_leave_guest(hart);
	found = mmio_read(hart->soft->mmio, pieces[0].gpa, size, value);
	hart_enter_guest(hart);
	if (!found)
		access_fault(hart, va, MMU_READ);
	return found;
}

/* The page has no code any more: lets writes through this translation go straight to memory again. */
static void unmark_code(struct hart *hart, uint64_t va, const struct piece *piece)
{
	struct tlb_entry *entry = tlb_entry(hart->bank, va);

	if (code_page_clean(&hart->soft->code, soft_page(hart->soft, (uintptr_t)piece->host)) &&
	    entry->write == ((va & PAGE_MASK) | TLB_CODE))
		entry->write = va & PAGE_MASK;
}

static bool store(struct hart *hart, uint64_t va, unsigned size, uint64_t value)
{
	struct piece pieces[2];
	unsigned count = split(hart, va, size, MMU_WRITE, pieces);
	bool found;

	if (!count)
		return false;
	if (pieces[0].host) {
		for (unsigned i = 0; i < count; i++) {
			store_host(pieces[i].host, pieces[i].size, value);
			value >>= 8 * (pieces[i].size & 7);
			if (pieces[i].code)
				mem_written(hart, pieces[i].host, pieces[i].size);
		}
		if (pieces[0].code)
			unmark_code(hart, va, &pieces[0]);
		return true;
	}
	hart_leave_guest(hart);
	found = mmio_write(hart->soft->mmio, pieces[0].gpa, size, value);
	hart_enter_guest(hart);
	if (!found)
		access_fault(hart, va, MMU_WRITE);
	return found;
}

void mem_written(struct hart *hart, const void *host, unsigned size)
{
	code_written(hart->soft, soft_page(hart->soft, (uintptr_t)host), (uintptr_t)host & ~PAGE_MASK, size);
}

void *mem_atomic(struct hart *hart, uint64_t va, unsigned size, bool read_only)
{
	enum mmu_access access = read_only ? MMU_READ : MMU_WRITE;
	struct piece piece;

	if (va & (size - 1)) {
		trap_raise(hart, read_only ? CAUSE_LOAD_MISALIGNED : CAUSE_STORE_MISALIGNED, va);
		return NULL;
	}
	if (!resolve(hart, va, size, access, &piece))
		return NULL;
	if (!piece.host)
		access_fault(hart, va, access);
	return piece.host;
}

#define BOX_SINGLE (UINT64_MAX << 32)

bool mem_execute(struct hart *hart, const struct op *op)
{
	uint64_t va = hart->x[op->rs1] + op->imm, value = 0;

	switch (op->code) {
#define LOAD(code, size, file, expression)         \
	case OP_##code:                            \
		if (!load(hart, va, size, &value)) \
			return false;              \
		hart->file[op->rd] = expression;   \
		return true
		LOAD(LB, 1, x, (int64_t)(int8_t)value);
		LOAD(LH, 2, x, (int64_t)(int16_t)value);
		LOAD(LW, 4, x, (int64_t)(int32_t)value);
		LOAD(LD, 8, x, value);
		LOAD(LBU, 1, x, (uint8_t)value);
		LOAD(LHU, 2, x, (uint16_t)value);
		LOAD(LWU, 4, x, (uint32_t)value);
		LOAD(FLW, 4, f, BOX_SINGLE | (uint32_t)value);
		LOAD(FLD, 8, f, value);
#undef LOAD
	case OP_SB:
		return store(hart, va, 1, hart->x[op->rs2]);
	case OP_SH:
		return store(hart, va, 2, hart->x[op->rs2]);
	case OP_SW:
		return store(hart, va, 4, hart->x[op->rs2]);
	case OP_SD:
		return store(hart, va, 8, hart->x[op->rs2]);
	case OP_FSW:
		return store(hart, va, 4, hart->f[op->rs2]);
	case OP_FSD:
		return store(hart, va, 8, hart->f[op->rs2]);
	default:
		__builtin_unreachable();
	}
}
