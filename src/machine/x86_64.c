/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/x86_64.c - the x86_64 board: UART, clock and slots, told by hardware-reduced ACPI; no PCI, no BIOS.
 *
 * The interrupt controllers are the accelerator's. With acpi=off, for kernels that were built without ACPI, an MP table
 * names CPUs and pins, and the kernel's command line the slots.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/util.h"
#include "machine/acpi/events.h"
#include "machine/acpi/tables.h"
#include "machine/boot.h"
#include "machine/cmos.h"
#include "machine/gsi.h"
#include "machine/machine.h"
#include "machine/mptable.h"
#include "machine/uart.h"
#include "machine/x86_64-boot.h"
#include "machine/x86_64.h"

/*
 * A PC is reset by a command to the keyboard's controller, of which this is all: kernels without ACPI do so, others
 * when they have given up on its reset register. Its status is that of a missing controller, but ready for the command,
 * for which kernels wait up to a second.
 */
#define KEYBOARD_PORT 0x64
#define KEYBOARD_STATUS 0xfd
#define KEYBOARD_RESET 0xfe

/* All that there is of a BIOS, at a PC's reset vector: kernels that restart a machine by it are not left in the void.
 */
#define BIOS_BASE UINT64_C(0xffff0)
static const uint8_t bios[] = {
	0xb0, KEYBOARD_RESET, /* mov $KEYBOARD_RESET, %al */
	0xe6, KEYBOARD_PORT,  /* out %al, $KEYBOARD_PORT */
	0xf4,		      /* hlt */
	0xeb, 0xfd,	      /* jmp to the hlt */
};

#define MPTABLE_BASE UINT64_C(0xf0000) /* in what kernels search for it */

struct x86_64 {
	struct machine machine;
	struct machine_slots slots;
	unsigned cpus;
	bool acpi;
	struct chardev *serial;
	struct accel_events guest;
	struct gsi_pins gsis;
	struct acpi_events events;
	struct uart *uart;
	struct cmos *cmos;
};

static struct x86_64 *board_of(struct machine *machine)
{
	return container_of(machine, struct x86_64, machine);
}

/* --- slots --- */

static unsigned slot_gsi(unsigned n)
{
	return X86_64_SLOT_GSI + n % X86_64_SLOT_GSIS;
}

static struct irq_line slot_irq(void *opaque, unsigned n)
{
	struct x86_64 *board = opaque;

	return gsi_line(&board->gsis, slot_gsi(n));
}

static struct irq_line slot_presence(void *opaque, unsigned n)
{
	struct x86_64 *board = opaque;

	return acpi_events_presence(&board->events, n);
}

/* --- boot --- */

/* The kernel's command line; without ACPI with all slots (Linux: Documentation/admin-guide/kernel-parameters.txt). */
static int compose_cmdline(const struct x86_64 *board, const char *append, char **out, struct mortise_error *err)
{
	const unsigned slots = board->slots.blk + board->slots.net + board->slots.any;
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return mortise_fail(err, -ENOMEM, "Out of memory for the kernel's command line");
	fputs(append ? append : "", stream);
	for (unsigned n = 0; !board->acpi && n < slots; n++)
		fprintf(stream, " virtio_mmio.device=%u@0x%x:%u", X86_64_SLOT_SIZE,
			X86_64_SLOT_BASE + n * X86_64_SLOT_STRIDE, slot_gsi(n));
	if (fclose(stream) != 0)
		return mortise_fail(err, -ENOMEM, "Out of memory for the kernel's command line");
	*out = steal_ptr(&text);
	return 0;
}

static int build_tables(const struct x86_64 *board, uint64_t *base, void **out, size_t *size, struct mortise_error *err)
{
	*base = board->acpi ? X86_64_FIRMWARE_BASE : MPTABLE_BASE;
	return board->acpi ? acpi_tables_build(*base, board->cpus, out, size, err)
			   : mptable_build(*base, board->cpus, GSI_COUNT, X86_64_SLOT_GSI, out, size, err);
}

static int load(struct machine *machine, const struct machine_boot *boot, struct accel_entry *entry,
		struct mortise_error *err)
{
	struct x86_64 *board = board_of(machine);
	struct x86_64_boot linux_boot = {.kernel = boot->kernel, .initrd = boot->initrd};
	_cleanup_free_ char *cmdline = NULL;
	_cleanup_free_ void *tables = NULL;
	uint64_t base = 0;
	size_t size;
	int r;

	if (!boot->kernel)
		return mortise_fail(err, -EINVAL, "No kernel to boot: give one with -kernel FILE");
	r = compose_cmdline(board, boot->append, &cmdline, err);
	if (r == 0)
		r = build_tables(board, &base, &tables, &size, err);
	if (r == 0)
		r = boot_put(machine->ram, base, tables, size, "the firmware tables", err);
	if (r == 0)
		r = boot_put(machine->ram, BIOS_BASE, bios, sizeof(bios), "the reset vector", err);
	if (r < 0)
		return r;
	linux_boot.cmdline = cmdline;
	linux_boot.rsdp = board->acpi ? base : 0;
	acpi_events_reset(&board->events);
	return x86_64_boot(machine->ram, &linux_boot, entry, err);
}

static int dump(struct machine *machine, const struct machine_boot *boot, void **data, size_t *size,
		struct mortise_error *err)
{
	uint64_t base;

	return build_tables(board_of(machine), &base, data, size, err);
}

/* --- life --- */

static void reset(struct machine *machine)
{
	struct x86_64 *board = board_of(machine);

	uart_reset(board->uart);
	cmos_reset(board->cmos);
	acpi_events_reset(&board->events);
}

static int powerdown(struct machine *machine, struct mortise_error *err)
{
	struct x86_64 *board = board_of(machine);

	if (!board->acpi)
		return mortise_fail(err, -ENOTSUP, "With acpi=off the guest has no power button; end it with 'quit'");
	acpi_events_power_button(&board->events);
	return 0;
}

static unsigned console_write(struct machine *machine, const void *data, unsigned size)
{
	struct x86_64 *board = board_of(machine);

	return board->serial ? (unsigned)chardev_write(board->serial, data, size) : size;
}

static int attach(struct machine *machine, struct accel *accel, struct mortise_error *err)
{
	machine->accel = accel;
	return gsi_attach(&board_of(machine)->gsis, accel, err);
}

static void destroy(struct machine *machine)
{
	struct x86_64 *board = board_of(machine);

	bus_done(&machine->bus);
	cmos_free(board->cmos);
	uart_free(board->uart);
	acpi_events_done(&board->events);
	gsi_done(&board->gsis);
	free(board);
}

/* --- making it --- */

static uint64_t keyboard_read(void *opaque, uint64_t offset, unsigned width)
{
	return KEYBOARD_STATUS;
}

static void keyboard_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	const struct x86_64 *board = opaque;

	if (width == 1 && value == KEYBOARD_RESET)
		board->guest.guest_request(board->guest.opaque, ACCEL_GUEST_REBOOT);
}

static const struct mmio_ops keyboard_ops = {.read = keyboard_read, .write = keyboard_write};

static int add_ports(struct x86_64 *board, const char *name, uint64_t base, uint64_t size, const struct mmio_ops *ops,
		     void *opaque, struct mortise_error *err)
{
	const struct mmio_region region = {.name = name, .base = base, .size = size, .ops = ops, .opaque = opaque};

	return mmio_add(&board->machine.pio, &region, err);
}

static int map_ram(struct ram *ram, struct mortise_error *err)
{
	const uint64_t low = MIN(ram->size, X86_64_HOLE_BASE);
	int r = ram_map(ram, 0, low, err);

	return r < 0 || low == ram->size ? r : ram_map(ram, X86_64_HOLE_END, ram->size - low, err);
}

static int parse_options(struct x86_64 *board, const struct machine_config *config, struct mortise_error *err)
{
	int r = machine_slots_parse(&board->slots, config, err);

	board->acpi = true;
	if (r < 0 || !config->options)
		return r;
	r = options_bool(config->options, "acpi", &board->acpi, err);
	return r == -ENOENT ? 0 : r;
}

static int make_slots(struct x86_64 *board, const struct machine_config *config, struct mortise_error *err)
{
	const struct machine_slots_place place = {
		.base = X86_64_SLOT_BASE,
		.stride = X86_64_SLOT_STRIDE,
		.irq = slot_irq,
		.presence = board->acpi ? slot_presence : NULL,
		.opaque = board,
	};

	return machine_slots_make(&board->machine, config, &board->slots, &place, err);
}

static int build(struct x86_64 *board, const struct machine_config *config, struct mortise_error *err)
{
	int r;

	r = parse_options(board, config, err);
	if (r == 0)
		r = map_ram(config->ram, err);
	ram_place_files(config->ram, X86_64_FILES_BASE);
	if (r == 0)
		r = uart_new(&board->uart, config->serial, gsi_line(&board->gsis, X86_64_UART_GSI), err);
	if (r == 0)
		r = cmos_new(&board->cmos, err);
	if (r == 0)
		r = add_ports(board, "uart", X86_64_UART_PORT, UART_SIZE, &uart_mmio_ops, board->uart, err);
	if (r == 0)
		r = add_ports(board, "rtc", X86_64_CMOS_PORT, CMOS_PORTS, &cmos_ops, board->cmos, err);
	if (r == 0 && board->acpi)
		r = add_ports(board, "acpi", X86_64_ACPI_PORT, X86_64_ACPI_PORTS, &acpi_events_ops, &board->events,
			      err);
	if (r == 0)
		r = add_ports(board, "keyboard", KEYBOARD_PORT, 1, &keyboard_ops, board, err);
	if (r == 0)
		r = make_slots(board, config, err);
	return r;
}

static int create(struct machine **out, const struct machine_config *config, struct mortise_error *err)
{
	struct x86_64 *board = calloc(1, sizeof(*board));
	struct irq_line ged;
	int r;

	if (!board)
		return mortise_fail(err, -ENOMEM, "Out of memory for the board");
	board->machine.ops = &machine_x86_64;
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
	board->guest = config->events;
	r = gsi_init(&board->gsis, X86_64_SLOT_GSI, err);
	ged = gsi_line(&board->gsis, X86_64_GED_GSI);
	acpi_events_init(&board->events, &ged, &config->events);
	if (r == 0)
		r = build(board, config, err);
	if (r < 0) {
		destroy(&board->machine);
		return r;
	}
	*out = &board->machine;
	return 0;
}

const struct machine_ops machine_x86_64 = {
	.name = "x86_64",
	.summary = "x86-64 board with hardware-reduced ACPI and virtio-mmio slots",
	.arch = ACCEL_X86_64,
	.max_cpus = 64,
	.create = create,
};
