/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/kvm.h - a VM and its vCPUs under Linux's KVM.
 *
 * What the host's architecture decides is behind the kvm_arch_...() functions: x86.c or riscv.c, whichever was built.
 */
#pragma once

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>

#include "accel/accel.h"
#include "accel/rest.h"

#define KVM_CPUS_MAX 64

struct kvm;
struct kvm_vcpu_state; /* the architecture's: what a vCPU is put back to by a reset */

struct kvm_cpu {
	struct kvm *kvm;
	unsigned index;
	int fd;
	struct kvm_run *run; /* shared with the kernel */
	pthread_t thread;
	int thread_id;
	bool parked; /* runs no more until it is reset; the thread's own, or anyone's while it rests */
	struct kvm_vcpu_state *state;
};

struct kvm {
	struct accel accel;
	int dev_fd, vm_fd;
	size_t run_size;
	unsigned cpu_count;
	struct kvm_cpu *cpus;
	struct rest rest;
	unsigned started; /* threads */
	void *board;	  /* the architecture's state of the whole VM, or NULL */
};

extern const struct accel_ops kvm_accel_ops;

/* struct accel's irq_fd, for architectures whose interrupt controller is KVM's. */
int kvm_irq_fd(struct accel *accel, unsigned gsi, int event_fd, struct mortise_error *err);

/* --- the architecture's part --- */

extern const enum accel_arch kvm_arch;
extern const char *const kvm_arch_name; /* for messages */

/* What KVM has to be able to do, beyond every architecture's needs; terminated by {0}. */
struct kvm_need {
	int capability;
	const char *name;
};
extern const struct kvm_need kvm_arch_needs[];

/* Why there is no /dev/kvm on this host and what to do about it. */
const char *kvm_arch_remedy(void);

/* The VM's interrupt controller and the like, before vCPUs are made; fills in the calls of struct accel. */
int kvm_arch_init(struct kvm *kvm, struct mortise_error *err);

/* A new vCPU; remembers its state at power-on. */
int kvm_arch_init_cpu(struct kvm_cpu *cpu, struct mortise_error *err);

/* All vCPUs exist; remembers what else a reset puts back. */
int kvm_arch_ready(struct kvm *kvm, struct mortise_error *err);

void kvm_arch_done(struct kvm *kvm);

/* Everything into its state at power-on, and the first vCPU to where it starts. vCPUs rest. */
int kvm_arch_reset(struct kvm *kvm, const struct accel_entry *entry);

/* All vCPUs have come to rest, or are about to go on: the guest's time stands still in between. */
void kvm_arch_stop_time(struct kvm *kvm);
void kvm_arch_start_time(struct kvm *kvm);

/* An exit that is the architecture's own; false: unknown. The vCPU's thread. */
bool kvm_arch_exit(struct kvm_cpu *cpu);

/* --- a vCPU --- */

/* The thread; `opaque` is the struct kvm_cpu. */
void *kvm_cpu_main(void *opaque);

/* Makes the thread leave the guest soon. Any thread; the vCPU's was started. */
void kvm_cpu_kick(struct kvm_cpu *cpu);

/* The signal that does it, and its handler; once a process. */
void kvm_cpu_signal(void);

/* The guest asked for something that ends what this vCPU does. The vCPU's thread. */
void kvm_cpu_request(struct kvm_cpu *cpu, enum accel_guest_request request);

/* The vCPU that the calling thread runs, or NULL. */
struct kvm_cpu *kvm_cpu_self(void);
