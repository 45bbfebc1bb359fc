/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/riscv64.c - the riscv64 board: PLIC, UART, clock, power button and slots, told by a device tree.
 *
 * Power-off and reset are the firmware's (SBI SRST), which the accelerator answers.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "machine/boot.h"
#include "machine/machine.h"
#include "machine/plic.h"
#include "machine/riscv64-fdt.h"
#include "machine/rtc.h"
#include "machine/uart.h"

struct riscv64 {
	struct machine machine;
	struct machine_slots slots;
	unsigned cpus;
	struct chardev *serial;
	struct plic *plic;
	struct uart *uart;
	struct rtc *rtc;
};

/* Linux maps the tree and the initrd by superpages; both start on a boundary of one. */
#define SUPERPAGE (2 * MIB)

static struct riscv64 *board_of(struct machine *machine)
{
	return container_of(machine, struct riscv64, machine);
}

static int build_fdt(struct riscv64 *board, const struct machine_boot *boot, uint64_t initrd_start, uint64_t initrd_end,
		     void **fdt, size_t *size, struct mortise_error *err)
{
	const struct riscv64_fdt description = {
		.cpus = board->cpus,
		.slots = board->slots.blk + board->slots.net + board->slots.any,
		.ram_size = board->machine.ram->size,
		.cpu = board->machine.accel->riscv,
		.bootargs = boot->append,
		.initrd_start = initrd_start,
		.initrd_end = initrd_end,
	};

	return riscv64_fdt_build(&description, fdt, size, err);
}

static int load(struct machine *machine, const struct machine_boot *boot, struct accel_entry *entry,
		struct mortise_error *err)
{
	struct riscv64 *board = board_of(machine);
	uint64_t initrd_start = 0, initrd_size = 0, fdt_at;
	_cleanup_(boot_close) struct boot_file initrd = BOOT_FILE_NONE;
	_cleanup_free_ void *fdt = NULL;
	struct boot_kernel kernel;
	size_t fdt_size;
	int r;

	if (!boot->kernel)
		return mortise_fail(err, -EINVAL, "No kernel to boot: give one with -kernel FILE");
	r = boot_load_riscv_kernel(machine->ram, RISCV64_RAM_BASE, boot->kernel, &kernel, err);
	if (r < 0)
		return r;
	fdt_at = ALIGN_UP(kernel.end, SUPERPAGE);
	if (boot->initrd) {
		initrd_start = fdt_at;
		r = boot_open(&initrd, boot->initrd, err);
		if (r == 0)
			r = boot_load_file(machine->ram, &initrd, initrd_start, err);
		if (r < 0)
			return r;
		initrd_size = initrd.size;
		fdt_at = ALIGN_UP(initrd_start + initrd_size, SUPERPAGE);
	}
	r = build_fdt(board, boot, initrd_start, initrd_start + initrd_size, &fdt, &fdt_size, err);
	if (r < 0)
		return r;
	r = boot_put(machine->ram, fdt_at, fdt, fdt_size, "the device tree", err);
	if (r < 0)
		return r;
	*entry = (struct accel_entry){.kind = ACCEL_ENTRY_RISCV, .pc = kernel.entry, .arg0 = 0, .arg1 = fdt_at};
	return 0;
}

static int dump(struct machine *machine, const struct machine_boot *boot, void **data, size_t *size,
		struct mortise_error *err)
{
	return build_fdt(board_of(machine), boot, 0, 0, data, size, err);
}

static void reset(struct machine *machine)
{
	struct riscv64 *board = board_of(machine);

	uart_reset(board->uart);
	rtc_reset(board->rtc);
	plic_reset(board->plic);
}

static int powerdown(struct machine *machine, struct mortise_error *err)
{
	plic_pulse(board_of(machine)->plic, RISCV64_POWER_IRQ);
	return 0;
}

static unsigned console_write(struct machine *machine, const void *data, unsigned size)
{
	struct riscv64 *board = board_of(machine);

	return board->serial ? (unsigned)chardev_write(board->serial, data, size) : size;
}

static int attach(struct machine *machine, struct accel *accel, struct mortise_error *err)
{
	machine->accel = accel;
	plic_attach(board_of(machine)->plic, accel);
	return 0;
}

static void destroy(struct machine *machine)
{
	struct riscv64 *board = board_of(machine);

	bus_done(&machine->bus);
	rtc_free(board->rtc);
	uart_free(board->uart);
	plic_free(board->plic);
	free(board);
}

static struct irq_line slot_irq(void *opaque, unsigned n)
{
	const struct riscv64 *board = opaque;

	return plic_line(board->plic, RISCV64_SLOT_IRQ + n);
}

static int add_region(struct riscv64 *board, const char *name, uint64_t base, uint64_t size, const struct mmio_ops *ops,
		      void *opaque, struct mortise_error *err)
{
	const struct mmio_region region = {.name = name, .base = base, .size = size, .ops = ops, .opaque = opaque};

	return mmio_add(&board->machine.mmio, &region, err);
}

static int build(struct riscv64 *board, const struct machine_config *config, struct mortise_error *err)
{
	const struct machine_slots_place place = {
		.base = RISCV64_SLOT_BASE, .stride = RISCV64_SLOT_STRIDE, .irq = slot_irq, .opaque = board};
	int r;

	r = machine_slots_parse(&board->slots, config, err);
	if (r == 0)
		r = ram_map(config->ram, RISCV64_RAM_BASE, config->ram->size, err);
	ram_place_files(config->ram, RISCV64_FILES_BASE);
	if (r == 0)
		r = plic_new(&board->plic, config->cpus, err);
	if (r == 0)
		r = uart_new(&board->uart, config->serial, plic_line(board->plic, RISCV64_UART_IRQ), err);
	if (r == 0)
		r = rtc_new(&board->rtc, config->control, plic_line(board->plic, RISCV64_RTC_IRQ), err);
	if (r == 0)
		r = add_region(board, "rtc", RISCV64_RTC_BASE, RTC_SIZE, &rtc_mmio_ops, board->rtc, err);
	if (r == 0)
		r = add_region(board, "plic", RISCV64_PLIC_BASE, PLIC_SIZE, &plic_mmio_ops, board->plic, err);
	if (r == 0)
		r = add_region(board, "uart", RISCV64_UART_BASE, UART_SIZE, &uart_mmio_ops, board->uart, err);
	if (r == 0)
		r = machine_slots_make(&board->machine, config, &board->slots, &place, err);
	return r;
}

static int create(struct machine **out, const struct machine_config *config, struct mortise_error *err)
{
	struct riscv64 *board = calloc(1, sizeof(*board));
	int r;

	if (!board)
		return mortise_fail(err, -ENOMEM, "Out of memory for the board");
	board->machine.ops = &machine_riscv64;
	board->machine.ram = config->ram;
	board->machine.attach = attach;
	board->machine.load = load;
	board->machine.dump = dump;
	board->machine.reset = reset;
	board->machine.powerdown = powerdown;
	board->machine.console_write = console_write;
	board->machine.destroy = destroy;
	board->cpus = config->cpus;
	board->serial = config->serial;
	r = build(board, config, err);
	if (r < 0) {
		destroy(&board->machine);
		return r;
	}
	*out = &board->machine;
	return 0;
}

const struct machine_ops machine_riscv64 = {
	.name = "riscv64",
	.summary = "RISC-V RV64GC board with device tree, PLIC and virtio-mmio slots",
	.arch = ACCEL_RISCV64,
	.max_cpus = 8,
	.create = create,
};
