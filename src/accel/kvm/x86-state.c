/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/x86-state.c - a vCPU's state at power-on: what KVM gave it when it was made, kept for resets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/x86.h"
#include "base/cleanup.h"
#include "base/util.h"

#define MSRS_MAX 512
#define MSR_MTRR_DEFAULT 0x2ff
#define MTRR_WRITE_BACK 0x806 /* enabled, write-back where nothing else is said: firmware's work */
#define MSR_MISC_ENABLE 0x1a0
#define MISC_FAST_STRING 1

#define CR0_PE 1u
#define CR0_ET (1u << 4)
#define CR0_PG (1u << 31)
#define CR4_PAE (1u << 5)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define RFLAGS_FIXED 2

struct kvm_vcpu_state {
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs; /* none on a CPU without XSAVE */
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_debugregs debugregs;
	struct kvm_mp_state mp;
	uint32_t msr_count;
	struct kvm_msr_entry msrs[];
};

/* --- model-specific registers --- */

struct msr_list {
	struct kvm_msr_list head;
	uint32_t indices[MSRS_MAX];
};

/* KVM stops at the first register that it cannot read or write: that one is passed over. Returns how many it took. */
static uint32_t transfer(int fd, unsigned long request, struct kvm_msr_entry *entries, uint32_t count)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[MSRS_MAX];
	} msrs;
	uint32_t taken = 0, done = 0;

	while (done < count) {
		int r;

		msrs.head = (struct kvm_msrs){.nmsrs = count - done};
		memcpy(msrs.entries, entries + done, (count - done) * sizeof(entries[0]));
		r = ioctl(fd, request, &msrs.head);
		if (r < 0)
			break;
		memcpy(entries + taken, msrs.entries, (unsigned)r * sizeof(entries[0]));
		taken += (uint32_t)r;
		done += (uint32_t)r + 1;
	}
	return taken;
}

static void save_msrs(struct kvm_cpu *cpu, struct kvm_vcpu_state *state, const struct msr_list *list)
{
	for (uint32_t i = 0; i < list->head.nmsrs; i++)
		state->msrs[i].index = list->indices[i];
	state->msr_count = transfer(cpu->fd, KVM_GET_MSRS, state->msrs, list->head.nmsrs);
	for (uint32_t i = 0; i < state->msr_count; i++) {
		if (state->msrs[i].index == MSR_MTRR_DEFAULT)
			state->msrs[i].data = MTRR_WRITE_BACK;
		else if (state->msrs[i].index == MSR_MISC_ENABLE)
			state->msrs[i].data |= MISC_FAST_STRING;
	}
}

/* --- saving --- */

int x86_save_cpu(struct kvm_cpu *cpu, struct mortise_error *err)
{
	struct msr_list list = {.head.nmsrs = MSRS_MAX};
	struct kvm_vcpu_state *state;

	if (ioctl(cpu->kvm->dev_fd, KVM_GET_MSR_INDEX_LIST, &list.head) < 0)
		return mortise_fail(err, -errno, "KVM does not list its MSRs: %s", strerror(errno));
	state = calloc(1, sizeof(*state) + list.head.nmsrs * sizeof(state->msrs[0]));
	if (!state)
		return mortise_fail(err, -ENOMEM, "No memory for the state of vCPU %u", cpu->index);
	cpu->state = state;
	save_msrs(cpu, state, &list);
	if (ioctl(cpu->fd, KVM_GET_XCRS, &state->xcrs) < 0)
		state->xcrs.nr_xcrs = 0;
	if (ioctl(cpu->fd, KVM_GET_SREGS, &state->sregs) < 0 || ioctl(cpu->fd, KVM_GET_XSAVE, &state->xsave) < 0 ||
	    ioctl(cpu->fd, KVM_GET_LAPIC, &state->lapic) < 0 ||
	    ioctl(cpu->fd, KVM_GET_VCPU_EVENTS, &state->events) < 0 ||
	    ioctl(cpu->fd, KVM_GET_DEBUGREGS, &state->debugregs) < 0 ||
	    ioctl(cpu->fd, KVM_GET_MP_STATE, &state->mp) < 0)
		return mortise_fail(err, -errno, "KVM does not tell the state of vCPU %u: %s", cpu->index,
				    strerror(errno));
	return 0;
}

/* --- entering --- */

/* Flat segments with the selectors that the 64-bit boot protocol and Xen's PVH ask for; the guest brings its GDT. */
static void flat_segments(struct kvm_sregs *sregs, bool wide)
{
	const struct kvm_segment code = {.limit = UINT32_MAX,
					 .selector = 0x10,
					 .type = 11, /* execute, read, accessed */
					 .present = 1,
					 .s = 1,
					 .l = wide,
					 .db = !wide,
					 .g = 1};
	struct kvm_segment data = code;

	data.selector = 0x18;
	data.type = 3; /* read, write, accessed */
	data.l = 0;
	data.db = 1;
	sregs->cs = code;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->tr = (struct kvm_segment){.limit = 0x67, .type = 11, .present = 1}; /* busy TSS */
	sregs->gdt.limit = sregs->idt.limit = 0;
}

static void enter(struct kvm_sregs *sregs, struct kvm_regs *regs, const struct accel_entry *entry)
{
	*regs = (struct kvm_regs){.rip = entry->pc, .rflags = RFLAGS_FIXED};
	flat_segments(sregs, entry->kind == ACCEL_ENTRY_X86_LONG);
	sregs->cr0 = CR0_PE | CR0_ET;
	if (entry->kind == ACCEL_ENTRY_X86_LONG) {
		regs->rsi = entry->arg0;
		sregs->cr0 |= CR0_PG;
		sregs->cr3 = entry->page_table;
		sregs->cr4 |= CR4_PAE;
		sregs->efer |= EFER_LME | EFER_LMA;
	} else {
		regs->rbx = entry->arg0;
	}
}

int x86_reset_cpu(struct kvm_cpu *cpu, const struct accel_entry *entry)
{
	struct kvm_vcpu_state *state = cpu->state;
	struct kvm_regs regs = {.rip = 0xfff0, .rflags = RFLAGS_FIXED};
	struct kvm_sregs sregs = state->sregs;

	if (entry)
		enter(&sregs, &regs, entry);
	/* The APIC's base comes with the special registers, its mode before its contents; the events last but one. */
	if (ioctl(cpu->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(cpu->fd, KVM_SET_REGS, &regs) < 0 ||
	    (state->xcrs.nr_xcrs && ioctl(cpu->fd, KVM_SET_XCRS, &state->xcrs) < 0) ||
	    ioctl(cpu->fd, KVM_SET_XSAVE, &state->xsave) < 0)
		return -errno;
	state->msr_count = transfer(cpu->fd, KVM_SET_MSRS, state->msrs, state->msr_count);
	if (ioctl(cpu->fd, KVM_SET_LAPIC, &state->lapic) < 0 ||
	    ioctl(cpu->fd, KVM_SET_DEBUGREGS, &state->debugregs) < 0 ||
	    ioctl(cpu->fd, KVM_SET_VCPU_EVENTS, &state->events) < 0 || ioctl(cpu->fd, KVM_SET_MP_STATE, &state->mp) < 0)
		return -errno;
	return 0;
}
