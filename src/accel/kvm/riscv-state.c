/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/riscv-state.c - a vCPU's registers: as KVM made them, kept for resets.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/riscv.h"
#include "base/cleanup.h"
#include "base/util.h"

/* Vector registers are wider than that: a guest expects nothing in them at power-on, and they are left alone. */
struct word {
	uint64_t id, value;
};

struct kvm_vcpu_state {
	struct kvm_mp_state mp;
	uint64_t count;
	struct word words[];
};

static bool is_word(uint64_t id)
{
	return (id & KVM_REG_SIZE_MASK) <= KVM_REG_SIZE_U64;
}

static int transfer(const struct kvm_cpu *cpu, unsigned long request, uint64_t id, void *value)
{
	const struct kvm_one_reg reg = {.id = id, .addr = (uint64_t)(uintptr_t)value};

	return ioctl(cpu->fd, request, &reg) < 0 ? -errno : 0;
}

int riscv_get(const struct kvm_cpu *cpu, uint64_t id, uint64_t *value)
{
	return transfer(cpu, KVM_GET_ONE_REG, id, value);
}

int riscv_set(const struct kvm_cpu *cpu, uint64_t id, uint64_t value)
{
	return transfer(cpu, KVM_SET_ONE_REG, id, &value);
}

/* --- saving --- */

static int list_registers(struct kvm_cpu *cpu, struct kvm_reg_list **out, struct mortise_error *err)
{
	_cleanup_free_ struct kvm_reg_list *list = NULL;
	struct kvm_reg_list count = {0};

	/* Without room for them, KVM tells how many there are. */
	if (ioctl(cpu->fd, KVM_GET_REG_LIST, &count) < 0 && errno != E2BIG)
		return mortise_fail(err, -errno, "KVM does not list a vCPU's registers (%s): use Linux 6.6 or newer",
				    strerror(errno));
	list = malloc(sizeof(*list) + count.n * sizeof(list->reg[0]));
	if (!list)
		return mortise_fail(err, -ENOMEM, "No memory for the state of vCPU %u", cpu->index);
	list->n = count.n;
	if (ioctl(cpu->fd, KVM_GET_REG_LIST, list) < 0)
		return mortise_fail(err, -errno, "KVM does not list the registers of vCPU %u: %s", cpu->index,
				    strerror(errno));
	*out = steal_ptr(&list);
	return 0;
}

static int read_words(const struct kvm_cpu *cpu, const struct kvm_reg_list *list, struct kvm_vcpu_state *state)
{
	int r = 0;

	for (uint64_t i = 0; i < list->n && r == 0; i++) {
		struct word *word = &state->words[state->count];

		if (!is_word(list->reg[i]))
			continue;
		word->id = list->reg[i];
		state->count++;
		r = riscv_get(cpu, word->id, &word->value);
	}
	if (r == 0 && ioctl(cpu->fd, KVM_GET_MP_STATE, &state->mp) < 0)
		r = -errno;
	return r;
}

int riscv_save_cpu(struct kvm_cpu *cpu, struct mortise_error *err)
{
	_cleanup_free_ struct kvm_reg_list *list = NULL;
	int r = list_registers(cpu, &list, err);

	if (r < 0)
		return r;
	cpu->state = calloc(1, sizeof(*cpu->state) + list->n * sizeof(cpu->state->words[0]));
	if (!cpu->state)
		return mortise_fail(err, -ENOMEM, "No memory for the state of vCPU %u", cpu->index);
	r = read_words(cpu, list, cpu->state);
	return r < 0 ? mortise_fail(err, r, "KVM does not tell the state of vCPU %u: %s", cpu->index, strerror(-r)) : 0;
}

/* --- putting back --- */

/* What a vCPU is rather than what it does: it cannot change once the vCPU ran, nor has it. */
static bool is_fixed(uint64_t id)
{
	switch (id & KVM_REG_RISCV_TYPE_MASK) {
	case KVM_REG_RISCV_CONFIG:
	case KVM_REG_RISCV_ISA_EXT:
	case KVM_REG_RISCV_SBI_EXT:
		return true;
	default:
		return id == RISCV_TIMER(frequency);
	}
}

static int put_back(const struct kvm_cpu *cpu)
{
	const struct kvm_vcpu_state *state = cpu->state;

	for (uint64_t i = 0; i < state->count; i++) {
		const struct word *word = &state->words[i];
		int r = is_fixed(word->id) ? 0 : riscv_set(cpu, word->id, word->value);

		/* KVM refuses to stop a timer that does not run. */
		if (r < 0 && !(r == -EINVAL && word->id == RISCV_TIMER(state)))
			return r;
	}
	return 0;
}

int riscv_reset_cpu(struct kvm_cpu *cpu, const struct accel_entry *entry)
{
	struct kvm_mp_state mp = cpu->state->mp;
	int r = put_back(cpu);

	if (r == 0 && entry)
		r = riscv_set(cpu, RISCV_CORE(pc), entry->pc);
	if (r == 0 && entry)
		r = riscv_set(cpu, RISCV_CORE(a0), entry->arg0);
	if (r == 0 && entry)
		r = riscv_set(cpu, RISCV_CORE(a1), entry->arg1);
	if (r < 0)
		return r;
	return ioctl(cpu->fd, KVM_SET_MP_STATE, &mp) < 0 ? -errno : 0;
}
