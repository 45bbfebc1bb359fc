/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/accel.h - what runs the guest's CPUs: the software hart or KVM, behind one face.
 *
 * A machine describes its CPUs and hands over RAM and the MMIO map; the accelerator makes one thread a vCPU and tells
 * what happens through `struct accel_events`. Machines know nothing of what is inside; accelerators know no device.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/mmio.h"
#include "base/ram.h"
#include <mortise/error.h>

struct accel;
struct options;

enum accel_arch { ACCEL_RISCV64, ACCEL_X86_64 };

/* What a guest can do to its whole machine. */
enum accel_guest_request { ACCEL_GUEST_POWEROFF, ACCEL_GUEST_REBOOT, ACCEL_GUEST_PANIC };

/* Called on vCPU threads, without locks. */
struct accel_events {
	/* The guest asked for a power-off or a reset; the calling vCPU does not run on until accel_reset(). */
	void (*guest_request)(void *opaque, enum accel_guest_request request);
	/* Firmware console output (SBI DBCN and putchar); how much of it fitted, without waiting. */
	unsigned (*console_write)(void *opaque, const void *data, unsigned size);
	/* The last vCPU came to rest after accel_pause(). */
	void (*paused)(void *opaque);
	void *opaque;
};

struct accel_config {
	enum accel_arch arch;
	unsigned cpu_count;
	struct ram *ram;
	const struct mmio_map *mmio;
	const struct mmio_map *pio; /* x86-64: I/O ports, accessed 1, 2 or 4 bytes wide; NULL elsewhere */
	struct options *options; /* what -accel says to the accelerator itself; those it knows are taken. May be NULL */
	struct accel_events events;
};

/* In which state the first vCPU starts. */
enum accel_entry_kind {
	ACCEL_ENTRY_RISCV, /* supervisor mode, satp 0, interrupts off; a0 = arg0 (hart id), a1 = arg1 (device tree) */
	ACCEL_ENTRY_X86_LONG, /* 64-bit mode on `page_table`, flat segments 0x10 and 0x18, interrupts off; rsi = arg0 */
	ACCEL_ENTRY_X86_PVH,  /* 32-bit protected mode, paging off, flat segments, interrupts off; ebx = arg0 */
};

/* Where the first vCPU starts; the others wait for the guest to start them. */
struct accel_entry {
	enum accel_entry_kind kind;
	uint64_t pc;
	uint64_t arg0, arg1;
	uint64_t page_table; /* LONG: guest-physical; made by the machine, as is the GDT, should the guest need one */
};

/* One interrupt input of a vCPU, as its architecture names it. */
enum accel_irq {
	ACCEL_IRQ_RISCV_SEI, /* supervisor external interrupt */
};

/* What RISC-V vCPUs are, as a device tree tells it. */
struct accel_riscv {
	const char *isa;		 /* what they implement: "rv64imafdc_zicsr_..." */
	const char *mmu_type;		 /* "riscv,sv39" */
	uint32_t timebase_hz;		 /* of the `time` CSR */
	uint32_t cbom_block, cboz_block; /* bytes that Zicbom's and Zicboz's instructions work on; 0: there are none */
};

struct accel_cpu_info {
	unsigned index;
	int thread_id; /* Linux tid; 0 before accel_start() */
	bool halted;   /* waiting for an interrupt, or not started by the guest */
};

struct accel_ops {
	const char *name;    /* "soft", "kvm" */
	const char *options; /* help: a line an option of -accel; may be NULL */

	/* 0, or why this accelerator cannot run guests of `arch` here and what to do about it. */
	int (*probe)(enum accel_arch arch, struct mortise_error *err);

	/* Makes the vCPUs; no thread runs yet. `config` is copied. */
	int (*create)(struct accel **out, const struct accel_config *config, struct mortise_error *err);
};

/* Each accelerator's state starts with this. */
struct accel {
	const struct accel_ops *ops;
	struct accel_config config;
	bool entered; /* a vCPU has run: accel_enter() */

	/* Starts the threads, all of them paused. Once. */
	int (*start)(struct accel *accel, struct mortise_error *err);

	/* Ends the threads (they must be paused, or never started) and frees everything. */
	void (*destroy)(struct accel *accel);

	/*
	 * Asks every vCPU to come to rest before its next guest instruction; events.paused() follows once all have, at
	 * once if they already had. Does not wait: a vCPU may be inside an MMIO access that takes its time.
	 */
	void (*pause)(struct accel *accel);

	/* Lets the vCPUs run. Only after events.paused(). */
	void (*resume)(struct accel *accel);

	/* Puts every vCPU into its state at power-on; only while paused. */
	void (*reset)(struct accel *accel, const struct accel_entry *entry);

	/* Raises or lowers an interrupt input. Any thread; takes no lock that is held during an MMIO access. */
	void (*set_irq)(struct accel *accel, unsigned cpu, enum accel_irq irq, bool level);

	/*
	 * Where the interrupt controller is the accelerator's (x86-64 under KVM), in place of set_irq; else NULL. Each
	 * call may come on any thread, also in an MMIO access.
	 *
	 * set_gsi: raises or lowers a global system interrupt (an IOAPIC's pin) that is level-triggered.
	 */
	void (*set_gsi)(struct accel *accel, unsigned gsi, bool level);

	/*
	 * Ties a GSI that is edge-triggered to an eventfd (borrowed until it is closed): each write to it is an edge,
	 * of which none is lost as long as this is the GSI's only one.
	 */
	int (*irq_fd)(struct accel *accel, unsigned gsi, int event_fd, struct mortise_error *err);

	/*
	 * Ties guest stores of `value`, `width` bytes wide, at `gpa` to an eventfd (borrowed until it is detached):
	 * they then reach no MMIO region and cost the vCPU's thread nothing. NULL where stores cannot be.
	 */
	int (*notify_fd)(struct accel *accel, uint64_t gpa, unsigned width, uint64_t value, int event_fd, bool attach,
			 struct mortise_error *err);

	/*
	 * Where the calling thread is a vCPU's, inside an MMIO access: that vCPU completes the access and runs no
	 * further until it is reset. NULL: it runs on.
	 */
	void (*park)(struct accel *accel);

	void (*cpu_info)(struct accel *accel, unsigned cpu, struct accel_cpu_info *info);

	const struct accel_riscv *riscv; /* RISC-V; else NULL */
};

/* All that were built in, best first, NULL-terminated. */
extern const struct accel_ops *const accel_all[];

/* The first of `names` ("kvm:soft"; NULL: all that were built in) that can run guests of `arch`. */
int accel_select(const struct accel_ops **out, const char *names, enum accel_arch arch, struct mortise_error *err);

/* For accelerators, on a vCPU's thread that has rested: it is about to enter the guest. */
void accel_enter(struct accel *accel);

/*
 * For a machine's reset and power-off registers, on the thread that accesses them: passes on what the guest asks for.
 */
void accel_guest_request(struct accel *accel, enum accel_guest_request request);
