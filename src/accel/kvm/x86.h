/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/x86.h - what the files about x86-64 under KVM share.
 */
#pragma once

#include "accel/kvm/kvm.h"

/* The CPUID leaves of a vCPU: the host's as far as KVM can show them, with this VM's topology. */
int x86_set_cpuid(struct kvm_cpu *cpu, struct mortise_error *err);

/* Remembers a new vCPU's state; its CPUID is set. */
int x86_save_cpu(struct kvm_cpu *cpu, struct mortise_error *err);

/* Back to that, with `entry` (NULL: to wait for the guest to start it). The vCPU rests; negative errno. */
int x86_reset_cpu(struct kvm_cpu *cpu, const struct accel_entry *entry);
