/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hart-rig.c - a VM of harts, memory and one device, for tests that run small guest programs.
 */
#include "hart-rig.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What -accel says beside `soft`: each test runs with the JIT, with a small code cache, and interpreted. */
#ifndef RIG_OPTIONS
#define RIG_OPTIONS "jit=on"
#endif

static void on_request(void *opaque, enum accel_guest_request request)
{
	struct rig *rig = opaque;

	rig->request = request;
	sem_post(&rig->requested);
}

static unsigned on_console(void *opaque, const void *data, unsigned size)
{
	struct rig *rig = opaque;
	unsigned taken = (unsigned)MIN(size, sizeof(rig->console) - 1 - rig->console_size);

	memcpy(rig->console + rig->console_size, data, taken);
	rig->console_size += taken;
	return taken;
}

static void on_paused(void *opaque)
{
	struct rig *rig = opaque;

	sem_post(&rig->paused);
}

static uint64_t device_read(void *opaque, uint64_t offset, unsigned width)
{
	struct rig *rig = opaque;

	rig->accesses++;
	return rig->registers[offset / 8] & (UINT64_MAX >> (64 - 8 * width));
}

static void device_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	struct rig *rig = opaque;

	rig->accesses++;
	rig->registers[offset / 8] = value;
}

static const struct mmio_ops device_ops = {.read = device_read, .write = device_write};

struct rig *rig_new(unsigned harts)
{
	return rig_new_with(harts, RIG_OPTIONS);
}

struct rig *rig_new_with(unsigned harts, const char *options)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct accel_config config = {
		.arch = ACCEL_RISCV64,
		.cpu_count = harts,
		.events = {.guest_request = on_request,
			   .console_write = on_console,
			   .paused = on_paused,
			   .opaque = rig},
	};
	const struct mmio_region device = {
		.name = "device", .base = RIG_DEVICE, .size = 64, .ops = &device_ops, .opaque = rig};

	assert_non_null(rig);
	assert_int_equal(options_parse(&rig->options, options, NULL, NULL, NULL), 0);
	config.options = rig->options;
	sem_init(&rig->requested, 0, 0);
	sem_init(&rig->paused, 0, 0);
	assert_int_equal(ram_new(&rig->ram, RIG_SIZE, false, NULL), 0);
	assert_int_equal(ram_map(rig->ram, RIG_RAM, RIG_SIZE, NULL), 0);
	assert_int_equal(mmio_add(&rig->mmio, &device, NULL), 0);
	config.ram = rig->ram;
	config.mmio = &rig->mmio;
	assert_int_equal(soft_accel_ops.create(&rig->accel, &config, NULL), 0);
	rig->soft = container_of(rig->accel, struct soft, accel);
	assert_int_equal(rig->accel->start(rig->accel, NULL), 0);
	rig->at = RIG_RAM;
	return rig;
}

void rig_free(struct rig *rig)
{
	rig->accel->destroy(rig->accel);
	ram_free(rig->ram);
	options_free(rig->options);
	sem_destroy(&rig->requested);
	sem_destroy(&rig->paused);
	free(rig);
}

void rig_emit(struct rig *rig, uint32_t insn)
{
	memcpy(ram_at(rig->ram, rig->at, 4), &insn, 4);
	rig->at += 4;
}

void rig_li(struct rig *rig, unsigned rd, uint64_t value)
{
	EMIT(rig, ADDI(rd, zero, (int32_t)(value >> 55 & 0x1ff)));
	for (int shift = 44; shift >= 0; shift -= 11)
		EMIT(rig, SLLI(rd, rd, 11), ADDI(rd, rd, (int32_t)(value >> shift & 0x7ff)));
}

void rig_sbi(struct rig *rig, uint32_t extension, uint32_t function)
{
	rig_li(rig, a7, extension);
	rig_li(rig, a6, function);
	EMIT(rig, ECALL());
}

void rig_end(struct rig *rig)
{
	rig_li(rig, a7, 8);
	EMIT(rig, ECALL(), J(0));
}

void rig_start(struct rig *rig)
{
	rig->accel->reset(rig->accel, &(struct accel_entry){.pc = RIG_RAM});
	rig->accel->resume(rig->accel);
}

bool rig_wait(struct rig *rig)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	return sem_timedwait(&rig->requested, &until) == 0;
}

void rig_pause(struct rig *rig)
{
	rig->accel->pause(rig->accel);
	sem_wait(&rig->paused);
}

bool rig_run(struct rig *rig)
{
	bool ended;

	rig_start(rig);
	ended = rig_wait(rig);
	rig_pause(rig);
	return ended;
}

void rig_poke(struct rig *rig, uint64_t gpa, uint64_t value)
{
	memcpy(ram_at(rig->ram, gpa, 8), &value, 8);
}

uint64_t rig_peek(struct rig *rig, uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, ram_at(rig->ram, gpa, 8), 8);
	return value;
}

uint64_t rig_x(struct rig *rig, unsigned reg)
{
	return rig->soft->harts[0].x[reg];
}

static uint64_t pte(uint64_t gpa, unsigned flags)
{
	return gpa >> 12 << 10 | flags;
}

/* The table that entry `index` of `table` leads to, made when there is none. */
static uint64_t next_table(struct rig *rig, uint64_t table, unsigned index)
{
	uint64_t at = table + 8 * index, entry = rig_peek(rig, at);

	if (!(entry & PTE_V)) {
		entry = pte(RIG_TABLES + 4096 * ++rig->tables, PTE_V);
		rig_poke(rig, at, entry);
	}
	return entry >> 10 << 12;
}

uint64_t rig_map(struct rig *rig, uint64_t va, uint64_t gpa, unsigned flags)
{
	uint64_t middle = next_table(rig, RIG_TABLES, va >> 30 & 511), low = next_table(rig, middle, va >> 21 & 511);
	uint64_t at = low + 8 * (va >> 12 & 511);

	rig_poke(rig, at, pte(gpa, flags));
	return at;
}

void rig_tables(struct rig *rig)
{
	uint64_t middle = next_table(rig, RIG_TABLES, RIG_KERNEL >> 30 & 511);
	const unsigned flags = PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D | PTE_G;

	for (unsigned i = 0; i < 16; i++)
		rig_poke(rig, middle + 8 * i, pte(RIG_RAM + i * 2 * MIB, flags));
	/* The same by physical address, so that turning translation on needs no jump. */
	rig_poke(rig, RIG_TABLES + 8 * (RIG_RAM >> 30 & 511), pte(RIG_RAM, flags));
}
