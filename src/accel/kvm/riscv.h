/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/riscv.h - what the files about riscv64 under KVM share: a vCPU's registers, by their ids.
 */
#pragma once

#include <stddef.h>

#include "accel/kvm/kvm.h"

/* Ids of one word each: of a field of struct kvm_riscv_config, of user_regs_struct, of struct kvm_riscv_timer. */
#define RISCV_REG(type) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | (type))
#define RISCV_CONFIG(name) RISCV_REG(KVM_REG_RISCV_CONFIG | KVM_REG_RISCV_CONFIG_REG(name))
#define RISCV_CORE(name) RISCV_REG(KVM_REG_RISCV_CORE | KVM_REG_RISCV_CORE_REG(regs.name))
#define RISCV_TIMER(name) RISCV_REG(KVM_REG_RISCV_TIMER | KVM_REG_RISCV_TIMER_REG(name))
#define RISCV_ISA(ext) RISCV_REG(KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE | (ext))
#define RISCV_SBI(ext) RISCV_REG(KVM_REG_RISCV_SBI_EXT | KVM_REG_RISCV_SBI_SINGLE | (ext))

/* One word, or negative errno. The vCPU rests. */
int riscv_get(const struct kvm_cpu *cpu, uint64_t id, uint64_t *value);
int riscv_set(const struct kvm_cpu *cpu, uint64_t id, uint64_t value);

/* Remembers all registers of a new vCPU. */
int riscv_save_cpu(struct kvm_cpu *cpu, struct mortise_error *err);

/* Back to that, with `entry` (NULL: to wait for the guest to start it). The vCPU rests; negative errno. */
int riscv_reset_cpu(struct kvm_cpu *cpu, const struct accel_entry *entry);

/* What the vCPU is, from its registers. */
struct riscv_cpu {
	struct accel_riscv riscv; /* its `isa` is the text below */
	char isa[1024];
};
void riscv_describe(const struct kvm_cpu *cpu, struct riscv_cpu *out);
