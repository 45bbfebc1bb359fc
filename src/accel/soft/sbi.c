/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/sbi.c - the supervisor's firmware calls: BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN and the legacy ones.
 */
#include "accel/soft/sbi.h"

#include <string.h>

#include "accel/sbi-console.h"
#include "accel/soft/csr.h"
#include "accel/soft/hart.h"
#include "accel/soft/mem.h"
#include "accel/soft/mmu.h"
#include "accel/soft/soft.h"
#include "base/util.h"

enum sbi_extension {
	SBI_LEGACY_LAST = 0x08,
	SBI_BASE = 0x10,
	SBI_TIME = 0x54494d45,
	SBI_IPI = 0x735049,
	SBI_RFENCE = 0x52464e43,
	SBI_HSM = 0x48534d,
	SBI_SRST = 0x53525354,
	SBI_DBCN = SBI_EXTENSION_DBCN,
};

#define SBI_VERSION (2 << 24)
#define MORTISE_VERSION 1

struct call {
	struct hart *hart;
	uint64_t extension, function, args[6];
	uint64_t value; /* a1 of the answer */
};

static uint64_t all_harts(const struct soft *soft)
{
	return (UINT64_C(1) << soft->hart_count) - 1;
}

/* A hart mask argument pair: bits from `base` on, or all when `base` is -1. False: it names a hart that is not there.
 */
static bool hart_mask(const struct soft *soft, uint64_t bits, uint64_t base, uint64_t *mask)
{
	if (base == UINT64_MAX) {
		*mask = all_harts(soft);
		return true;
	}
	*mask = base < 64 ? bits << base : 0;
	return base < 64 && *mask >> base == bits && !(*mask & ~all_harts(soft));
}

static bool has_extension(uint64_t extension)
{
	switch (extension) {
	case SBI_BASE:
	case SBI_TIME:
	case SBI_IPI:
	case SBI_RFENCE:
	case SBI_HSM:
	case SBI_SRST:
	case SBI_DBCN:
		return true;
	default:
		return extension <= SBI_LEGACY_LAST;
	}
}

static int call_base(struct call *call)
{
	switch (call->function) {
	case 0:
		call->value = SBI_VERSION;
		return SBI_SUCCESS;
	case 1: /* implementation id: none was assigned */
		call->value = 0x6d6f7274;
		return SBI_SUCCESS;
	case 2:
		call->value = MORTISE_VERSION;
		return SBI_SUCCESS;
	case 3:
		call->value = has_extension(call->args[0]);
		return SBI_SUCCESS;
	case 4: /* mvendorid, marchid, mimpid */
	case 5:
	case 6:
		return SBI_SUCCESS;
	default:
		return SBI_NOT_SUPPORTED;
	}
}

static int call_time(struct call *call)
{
	if (call->function != 0)
		return SBI_NOT_SUPPORTED;
	hart_set_timer(call->hart, call->args[0]);
	if (hart_takeable(call->hart))
		hart_kick(call->hart);
	return SBI_SUCCESS;
}

static void send_ipis(struct soft *soft, uint64_t mask)
{
	for (unsigned i = 0; i < soft->hart_count; i++)
		if (mask >> i & 1)
			hart_set_irq(&soft->harts[i], IRQ_SSI, true);
}

static int call_ipi(struct call *call)
{
	uint64_t mask;

	if (call->function != 0)
		return SBI_NOT_SUPPORTED;
	if (!hart_mask(call->hart->soft, call->args[0], call->args[1], &mask))
		return SBI_INVALID_PARAM;
	send_ipis(call->hart->soft, mask);
	return SBI_SUCCESS;
}

/* Fences the harts of `mask`, this one among them if it is in it. */
static void fence_harts(struct hart *hart, uint64_t mask, const struct fence *fence)
{
	if (mask >> hart->index & 1) {
		if (fence->kind == FENCE_TLB)
			tlb_flush(hart, &fence->flush);
		else
			code_fence(hart);
	}
	fence_others(hart, mask, fence);
}

static int call_rfence(struct call *call)
{
	struct fence fence = {.kind = FENCE_INSN};
	uint64_t mask;

	if (call->function > 2)
		return SBI_NOT_SUPPORTED;
	if (!hart_mask(call->hart->soft, call->args[0], call->args[1], &mask))
		return SBI_INVALID_PARAM;
	if (call->function > 0) {
		uint64_t start = call->args[2], size = call->args[3];

		if ((start == 0 && size == 0) || start + size < start)
			size = UINT64_MAX;
		fence.kind = FENCE_TLB;
		fence.flush = (struct tlb_flush){.start = start, .size = size, .asid = UINT64_MAX};
		if (call->function == 2)
			fence.flush.asid = call->args[4] & 0xffff;
	}
	fence_harts(call->hart, mask, &fence);
	return SBI_SUCCESS;
}

static int start_hart(struct call *call)
{
	struct soft *soft = call->hart->soft;
	struct hart *target = soft_hart(soft, call->args[0]);
	uint32_t state = HART_STOPPED;

	if (!target)
		return SBI_INVALID_PARAM;
	if (!ram_at(soft->ram, call->args[1], 2) || call->args[1] & 1)
		return SBI_INVALID_ADDRESS;
	/* Of several that start one hart, one wins; the winner alone writes where it starts. */
	if (!__atomic_compare_exchange_n(&target->state, &state, HART_CLAIMED, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return SBI_ALREADY_AVAILABLE;
	target->start_pc = call->args[1];
	target->start_arg = call->args[2];
	__atomic_store_n(&target->state, HART_STARTING, __ATOMIC_SEQ_CST);
	hart_kick(target);
	return SBI_SUCCESS;
}

static int hart_status(struct call *call)
{
	struct hart *target = soft_hart(call->hart->soft, call->args[0]);

	if (!target)
		return SBI_INVALID_PARAM;
	switch (__atomic_load_n(&target->state, __ATOMIC_SEQ_CST)) {
	case HART_STOPPED:
		call->value = 1;
		break;
	case HART_CLAIMED:
	case HART_STARTING:
		call->value = 2;
		break;
	default:
		call->value = 0;
		break;
	}
	return SBI_SUCCESS;
}

static int call_hsm(struct call *call)
{
	switch (call->function) {
	case 0:
		return start_hart(call);
	case 1:
		__atomic_store_n(&call->hart->state, HART_STOPPED, __ATOMIC_SEQ_CST);
		hart_kick(call->hart);
		return SBI_SUCCESS;
	case 2:
		return hart_status(call);
	case 3: /* suspend: the default retentive kind is what WFI does */
		if (call->args[0] >> 32 || (call->args[0] && call->args[0] != 0x80000000))
			return SBI_INVALID_PARAM;
		if (call->args[0])
			return SBI_NOT_SUPPORTED;
		call->hart->waiting = true;
		hart_kick(call->hart);
		return SBI_SUCCESS;
	default:
		return SBI_NOT_SUPPORTED;
	}
}

/* Hands a power request to the VM; the hart does not run on until it is reset. */
static void hand_over(struct hart *hart, enum accel_guest_request request)
{
	const struct accel_events *events = &hart->soft->accel.config.events;

	__atomic_store_n(&hart->state, HART_HALTED, __ATOMIC_SEQ_CST);
	hart_kick(hart);
	hart_leave_guest(hart);
	events->guest_request(events->opaque, request);
	hart_enter_guest(hart);
}

static int call_srst(struct call *call)
{
	uint64_t type = call->args[0], reason = call->args[1];

	if (call->function != 0)
		return SBI_NOT_SUPPORTED;
	if (type > 2 || reason > 1)
		return SBI_INVALID_PARAM;
	hand_over(call->hart, type ? ACCEL_GUEST_REBOOT : reason ? ACCEL_GUEST_PANIC : ACCEL_GUEST_POWEROFF);
	return SBI_SUCCESS;
}

static int call_dbcn(struct call *call)
{
	int error;

	hart_leave_guest(call->hart);
	error = sbi_console_call(&call->hart->soft->accel, call->function, call->args, &call->value);
	hart_enter_guest(call->hart);
	return error;
}

/* Legacy calls name harts by a mask in memory, at a virtual address; 0 is all. False: reading it trapped. */
static bool legacy_mask(struct call *call, uint64_t *mask)
{
	const uint64_t *from;

	*mask = all_harts(call->hart->soft);
	if (!call->args[0])
		return true;
	/* A trap is the ECALL's. */
	call->hart->pc -= 4;
	from = mem_atomic(call->hart, call->args[0], sizeof(*from), true);
	if (!from)
		return false;
	call->hart->pc += 4;
	*mask &= __atomic_load_n(from, __ATOMIC_RELAXED);
	return true;
}

/* Legacy calls answer in a0 alone. False: the call trapped, and answers nothing. */
static bool call_legacy(struct call *call, int64_t *answer)
{
	struct hart *hart = call->hart;
	struct fence fence = {.kind = FENCE_INSN};
	uint64_t mask;

	*answer = 0;
	switch (call->extension) {
	case 0: /* set_timer */
		call->function = 0;
		*answer = call_time(call);
		return true;
	case 1: /* putchar: what does not fit is lost, early output is worth less than a running guest */
		call->function = SBI_DBCN_WRITE_BYTE;
		call_dbcn(call);
		return true;
	case 2: /* getchar: none */
		*answer = -1;
		return true;
	case 3: /* clear_ipi */
		hart_set_irq(hart, IRQ_SSI, false);
		return true;
	case 4: /* send_ipi */
		if (!legacy_mask(call, &mask))
			return false;
		send_ipis(hart->soft, mask);
		return true;
	case 5: /* remote_fence_i */
	case 6: /* remote_sfence_vma */
	case 7: /* remote_sfence_vma_asid */
		if (!legacy_mask(call, &mask))
			return false;
		if (call->extension > 5) {
			fence.kind = FENCE_TLB;
			fence.flush = (struct tlb_flush){.size = UINT64_MAX, .asid = UINT64_MAX};
		}
		fence_harts(hart, mask, &fence);
		return true;
	default:
		hand_over(hart, ACCEL_GUEST_POWEROFF);
		return true;
	}
}

void sbi_call(struct hart *hart)
{
	struct call call = {.hart = hart, .extension = hart->x[17], .function = hart->x[16]};
	int64_t error;

	memcpy(call.args, &hart->x[10], sizeof(call.args));
	switch (call.extension) {
	case SBI_BASE:
		error = call_base(&call);
		break;
	case SBI_TIME:
		error = call_time(&call);
		break;
	case SBI_IPI:
		error = call_ipi(&call);
		break;
	case SBI_RFENCE:
		error = call_rfence(&call);
		break;
	case SBI_HSM:
		error = call_hsm(&call);
		break;
	case SBI_SRST:
		error = call_srst(&call);
		break;
	case SBI_DBCN:
		error = call_dbcn(&call);
		break;
	default:
		if (call.extension > SBI_LEGACY_LAST) {
			error = SBI_NOT_SUPPORTED;
			break;
		}
		if (call_legacy(&call, &error))
			hart->x[10] = error;
		return;
	}
	hart->x[10] = error;
	hart->x[11] = call.value;
}
