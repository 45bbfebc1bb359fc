/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/riscv64-fdt.c - the device tree of the riscv64 board.
 *
 * libfdt's sequential calls return an error that stays with the tree: each is kept, and looked at once, at the end.
 */
#include "machine/riscv64-fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "bus/slot.h"
#include "machine/plic.h"
#include "machine/rtc.h"
#include "machine/uart.h"

#define FDT_ROOM (64 * KIB) /* without the kernel's command line */
#define KEY_POWER 116

/* Phandles: one for the PLIC, then one for each hart's own interrupt controller. */
#define PHANDLE_PLIC 1
#define PHANDLE_CPU(n) (2 + (n))

/* Supervisor external interrupt, in a hart's own controller (RISC-V privileged specification, table of causes). */
#define IRQ_S_EXTERNAL 9

struct tree {
	void *fdt;
	int error; /* libfdt's first */
};

static void keep(struct tree *tree, int r)
{
	if (r < 0 && !tree->error)
		tree->error = r;
}

static void begin(struct tree *tree, const char *format, ...) MORTISE_PRINTF(2, 3);

static void begin(struct tree *tree, const char *format, ...)
{
	char name[64];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	keep(tree, fdt_begin_node(tree->fdt, name));
}

static void end(struct tree *tree)
{
	keep(tree, fdt_end_node(tree->fdt));
}

static void put_u32(struct tree *tree, const char *name, uint32_t value)
{
	keep(tree, fdt_property_u32(tree->fdt, name, value));
}

static void put_u64(struct tree *tree, const char *name, uint64_t value)
{
	keep(tree, fdt_property_u64(tree->fdt, name, value));
}

static void put_string(struct tree *tree, const char *name, const char *value)
{
	keep(tree, fdt_property_string(tree->fdt, name, value));
}

static void put_empty(struct tree *tree, const char *name)
{
	keep(tree, fdt_property(tree->fdt, name, NULL, 0));
}

static void put_reg(struct tree *tree, uint64_t base, uint64_t size)
{
	const fdt64_t reg[2] = {cpu_to_fdt64(base), cpu_to_fdt64(size)};

	keep(tree, fdt_property(tree->fdt, "reg", reg, sizeof(reg)));
}

static void put_interrupt(struct tree *tree, uint32_t number)
{
	const fdt32_t interrupt[2] = {cpu_to_fdt32(PHANDLE_PLIC), cpu_to_fdt32(number)};

	keep(tree, fdt_property(tree->fdt, "interrupts-extended", interrupt, sizeof(interrupt)));
}

static void put_chosen(struct tree *tree, const struct riscv64_fdt *board)
{
	uint8_t seed[32];
	char path[64];

	begin(tree, "chosen");
	put_string(tree, "bootargs", board->bootargs ? board->bootargs : "");
	snprintf(path, sizeof(path), "/soc/serial@%llx", (unsigned long long)RISCV64_UART_BASE);
	put_string(tree, "stdout-path", path);
	if (board->initrd_end) {
		put_u64(tree, "linux,initrd-start", board->initrd_start);
		put_u64(tree, "linux,initrd-end", board->initrd_end);
	}
	if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
		keep(tree, fdt_property(tree->fdt, "rng-seed", seed, sizeof(seed)));
	end(tree);
}

/* "rv64imafdc_zicsr_sstc" -> "i", "m", ..., "c", "zicsr", "sstc" as one string list. */
static void put_extensions(struct tree *tree, const char *isa)
{
	char list[1024];
	size_t used = 0;

	for (const char *p = isa + strlen("rv64"); *p && *p != '_'; p++) {
		if (used + 2 > sizeof(list))
			break;
		list[used++] = *p;
		list[used++] = '\0';
	}
	for (const char *p = strchr(isa, '_'); p;) {
		const char *word = p + 1;
		size_t length = strcspn(word, "_");

		if (used + length + 1 > sizeof(list)) {
			keep(tree, -FDT_ERR_NOSPACE);
			break;
		}
		memcpy(list + used, word, length);
		list[used + length] = '\0';
		used += length + 1;
		p = word[length] ? word + length : NULL;
	}
	keep(tree, fdt_property(tree->fdt, "riscv,isa-extensions", list, (int)used));
}

static void put_cpus(struct tree *tree, const struct riscv64_fdt *board)
{
	begin(tree, "cpus");
	put_u32(tree, "#address-cells", 1);
	put_u32(tree, "#size-cells", 0);
	put_u32(tree, "timebase-frequency", board->cpu->timebase_hz);
	for (unsigned i = 0; i < board->cpus; i++) {
		begin(tree, "cpu@%x", i);
		put_string(tree, "device_type", "cpu");
		put_string(tree, "compatible", "riscv");
		put_u32(tree, "reg", i);
		put_string(tree, "status", "okay");
		put_string(tree, "riscv,isa", board->cpu->isa);
		put_string(tree, "riscv,isa-base", "rv64i");
		put_extensions(tree, board->cpu->isa);
		put_string(tree, "mmu-type", board->cpu->mmu_type);
		if (board->cpu->cbom_block)
			put_u32(tree, "riscv,cbom-block-size", board->cpu->cbom_block);
		if (board->cpu->cboz_block)
			put_u32(tree, "riscv,cboz-block-size", board->cpu->cboz_block);
		begin(tree, "interrupt-controller");
		put_string(tree, "compatible", "riscv,cpu-intc");
		put_u32(tree, "#address-cells", 0);
		put_u32(tree, "#interrupt-cells", 1);
		put_empty(tree, "interrupt-controller");
		put_u32(tree, "phandle", PHANDLE_CPU(i));
		end(tree);
		end(tree);
	}
	end(tree);
}

static void put_plic(struct tree *tree, unsigned cpus)
{
	static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
	fdt32_t *outputs;

	begin(tree, "interrupt-controller@%llx", (unsigned long long)RISCV64_PLIC_BASE);
	keep(tree, fdt_property(tree->fdt, "compatible", compatible, sizeof(compatible)));
	put_reg(tree, RISCV64_PLIC_BASE, PLIC_SIZE);
	put_u32(tree, "#address-cells", 0);
	put_u32(tree, "#interrupt-cells", 1);
	put_empty(tree, "interrupt-controller");
	put_u32(tree, "riscv,ndev", PLIC_SOURCES - 1);
	put_u32(tree, "phandle", PHANDLE_PLIC);
	keep(tree, fdt_property_placeholder(tree->fdt, "interrupts-extended", (int)(cpus * 2 * sizeof(*outputs)),
					    (void **)&outputs));
	for (unsigned i = 0; !tree->error && i < cpus; i++) {
		outputs[2 * i] = cpu_to_fdt32(PHANDLE_CPU(i));
		outputs[2 * i + 1] = cpu_to_fdt32(IRQ_S_EXTERNAL);
	}
	end(tree);
}

static void put_soc(struct tree *tree, const struct riscv64_fdt *board)
{
	begin(tree, "soc");
	put_string(tree, "compatible", "simple-bus");
	put_u32(tree, "#address-cells", 2);
	put_u32(tree, "#size-cells", 2);
	put_empty(tree, "ranges");
	put_plic(tree, board->cpus);

	begin(tree, "serial@%llx", (unsigned long long)RISCV64_UART_BASE);
	put_string(tree, "compatible", "ns16550a");
	put_reg(tree, RISCV64_UART_BASE, UART_SIZE);
	put_u32(tree, "clock-frequency", UART_CLOCK_HZ);
	put_interrupt(tree, RISCV64_UART_IRQ);
	end(tree);

	begin(tree, "rtc@%llx", (unsigned long long)RISCV64_RTC_BASE);
	put_string(tree, "compatible", "google,goldfish-rtc");
	put_reg(tree, RISCV64_RTC_BASE, RTC_SIZE);
	put_interrupt(tree, RISCV64_RTC_IRQ);
	end(tree);

	for (unsigned i = 0; i < board->slots; i++) {
		uint64_t base = RISCV64_SLOT_BASE + i * RISCV64_SLOT_STRIDE;

		begin(tree, "virtio_mmio@%llx", (unsigned long long)base);
		put_string(tree, "compatible", "virtio,mmio");
		put_reg(tree, base, SLOT_MMIO_SIZE);
		put_interrupt(tree, RISCV64_SLOT_IRQ + i);
		put_empty(tree, "dma-coherent");
		end(tree);
	}
	end(tree);
}

/* A button that has an interrupt and no GPIO: each interrupt is a press (Linux: Documentation/.../gpio-keys.yaml). */
static void put_power_button(struct tree *tree)
{
	begin(tree, "gpio-keys");
	put_string(tree, "compatible", "gpio-keys");
	begin(tree, "button-power");
	put_string(tree, "label", "Power Button");
	put_u32(tree, "linux,code", KEY_POWER);
	put_interrupt(tree, RISCV64_POWER_IRQ);
	end(tree);
	end(tree);
}

int riscv64_fdt_build(const struct riscv64_fdt *board, void **out, size_t *size, struct mortise_error *err)
{
	size_t room = FDT_ROOM + (board->bootargs ? strlen(board->bootargs) : 0);
	_cleanup_free_ void *fdt = malloc(room);
	struct tree tree = {.fdt = fdt};

	if (!fdt)
		return mortise_fail(err, -ENOMEM, "Out of memory for the device tree");
	keep(&tree, fdt_create(fdt, (int)room));
	keep(&tree, fdt_finish_reservemap(fdt));
	begin(&tree, "%s", "");
	put_u32(&tree, "#address-cells", 2);
	put_u32(&tree, "#size-cells", 2);
	put_string(&tree, "compatible", "mortise,riscv64");
	put_string(&tree, "model", "Mortise riscv64");
	put_chosen(&tree, board);
	begin(&tree, "memory@%llx", (unsigned long long)RISCV64_RAM_BASE);
	put_string(&tree, "device_type", "memory");
	put_reg(&tree, RISCV64_RAM_BASE, board->ram_size);
	end(&tree);
	put_cpus(&tree, board);
	put_soc(&tree, board);
	put_power_button(&tree);
	end(&tree);
	keep(&tree, fdt_finish(fdt));
	if (tree.error)
		return mortise_fail(err, -EINVAL, "Could not build the device tree: %s", fdt_strerror(tree.error));
	*size = fdt_totalsize(fdt);
	*out = steal_ptr(&fdt);
	return 0;
}
