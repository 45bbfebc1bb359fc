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

struct machine_config {
	struct ram *ram;
	struct loop *control;
	unsigned cpus;
	struct chardev *serial;	 /* NULL: nothing connected */
	struct options *options; /* the board's own, from -machine; may be NULL; taken */
};

/* What to boot. */
struct machine_boot {
	const char *kernel, *initrd, *append; /* NULL: none */
};

struct machine_ops {
	const char *name, *summary;
	enum accel_arch arch;
	unsigned max_cpus;
	uint64_t timebase_hz; /* RISC-V */
	int (*create)(struct machine **out, const struct machine_config *config, struct mortise_error *err);
};

/* Each board's state starts with this. */
struct machine {
	const struct machine_ops *ops;
	struct mmio_map mmio;
	struct bus bus;
	struct ram *ram;
	struct accel *accel; /* set by machine_attach() */

	/*
	 * Puts kernel, initrd and firmware tables into memory, as for a first start, and says where to begin. Called at
	 * start and again after a reset; nothing runs.
	 */
	int (*load)(struct machine *machine, const struct machine_boot *boot, struct accel_entry *entry,
		    struct mortise_error *err);

	/* Platform devices back to their state at power-on; vCPUs are paused. Slots are reset by the VM. */
	void (*reset)(struct machine *machine);

	/* The power button. */
	int (*powerdown)(struct machine *machine, struct mortise_error *err);

	/* Output of the accelerator's firmware console. vCPU threads. */
	void (*console_write)(struct machine *machine, const void *data, unsigned size);

	/* The firmware tables as the guest will see them (riscv64: the flattened device tree); malloc'ed. */
	int (*dump)(struct machine *machine, const struct machine_boot *boot, void **data, size_t *size,
		    struct mortise_error *err);

	void (*destroy)(struct machine *machine);
};

extern const struct machine_ops *const machine_all[]; /* NULL-terminated */

/* By name; "microvm" and NULL stand for the first. */
const struct machine_ops *machine_find(const char *name);
