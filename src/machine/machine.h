/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/machine.h - a board: its memory map, its interrupt controller and platform devices, and how a guest boots.
 *
 * A board knows nothing of what runs its CPUs beyond accel/accel.h.
 */
#pragma once

#include "accel/accel.h"
#include "backend/chardev.h"
#include "base/loop.h"
#include "base/mmio.h"
#include "base/options.h"
#include "base/ram.h"
#include "bus/bus.h"

struct machine;

struct machine_config {
	struct ram *ram;
	struct loop *control;
	unsigned cpus;
	struct chardev *serial;	    /* NULL: nothing connected */
	struct options *options;    /* the board's own, from -machine; may be NULL; taken */
	const char *identity;	    /* the VM's UUID or name, or NULL: what its NICs' addresses are made from */
	struct accel_events events; /* where a guest's power-off or reset by the board's own registers is reported */
};

/* What to boot. */
struct machine_boot {
	const char *kernel, *initrd, *append; /* NULL: none */
};

struct machine_ops {
	const char *name, *summary;
	enum accel_arch arch;
	unsigned max_cpus;
	int (*create)(struct machine **out, const struct machine_config *config, struct mortise_error *err);
};

/* Each board's state starts with this. */
struct machine {
	const struct machine_ops *ops;
	struct mmio_map mmio;
	struct mmio_map pio; /* x86-64: I/O ports */
	struct bus bus;
	struct ram *ram;
	struct accel *accel; /* set by attach() */
	uint64_t slot_base, slot_stride;

	/* Introduces the accelerator that was made for this board, before anything runs. */
	int (*attach)(struct machine *machine, struct accel *accel, struct mortise_error *err);

	/*
	 * Puts kernel, initrd and firmware tables into memory, as for a first start, and says where to begin. Called at
	 * start and again after a reset; nothing runs.
	 */
	int (*load)(struct machine *machine, const struct machine_boot *boot, struct accel_entry *entry,
		    struct mortise_error *err);

	/* Platform devices back to their state at power-on; vCPUs are paused. Slots are reset by the VM. */
	void (*reset)(struct machine *machine);

	/* The power button; -ENOTSUP where the guest has no way to learn of it. */
	int (*powerdown)(struct machine *machine, struct mortise_error *err);

	/* Output of the accelerator's firmware console; how much of it fitted, without waiting. vCPU threads. */
	unsigned (*console_write)(struct machine *machine, const void *data, unsigned size);

	/*
	 * The firmware tables as the guest will see them; malloc'ed. riscv64: the flattened device tree; x86_64:
	 * ACPI's, as they lie in memory, the RSDP first.
	 */
	int (*dump)(struct machine *machine, const struct machine_boot *boot, void **data, size_t *size,
		    struct mortise_error *err);

	void (*destroy)(struct machine *machine);
};

extern const struct machine_ops machine_riscv64, machine_x86_64;
extern const struct machine_ops *const machine_all[]; /* NULL-terminated */

/* By name; "microvm" and NULL stand for the board that `kernel` (a path, or NULL) was made for. */
const struct machine_ops *machine_find(const char *name, const char *kernel);

/* How many slots each bay has, and the NICs' addresses: options that every board understands. */
#define MACHINE_SLOTS_MAX 48
#define MACHINE_NICS_MAX 8
struct machine_slots {
	unsigned blk, net, any;
	uint8_t macs[MACHINE_NICS_MAX][6];
};

/* Takes blk-slots, net-slots, any-slots and mac0, mac1, ... from the board's options. */
int machine_slots_parse(struct machine_slots *slots, const struct machine_config *config, struct mortise_error *err);

/* Where a board has its slots. */
struct machine_slots_place {
	uint64_t base, stride; /* of the n-th: base + n * stride */
	struct irq_line (*irq)(void *opaque, unsigned n);
	/*
	 * The wire by which the n-th slot tells that something is in it. A board that has it starts with all slots
	 * empty; NULL: the guest learns of slots but at its start, and those of a type are never empty.
	 */
	struct irq_line (*presence)(void *opaque, unsigned n);
	void *opaque;
};

/* Makes the slots, all blk ones first, then net, then any, and sorts them into bays. */
int machine_slots_make(struct machine *machine, const struct machine_config *config, const struct machine_slots *slots,
		       const struct machine_slots_place *place, struct mortise_error *err);
