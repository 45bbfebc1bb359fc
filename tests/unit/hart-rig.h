/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hart-rig.h - a VM of harts, memory and one device, for tests that run small guest programs.
 */
#pragma once

#include <semaphore.h>

#include "accel/soft/soft.h"
#include "base/options.h"
#include "base/util.h"
#include "rv.h"
#include "unit.h"

#define RIG_RAM UINT64_C(0x80000000)
#define RIG_SIZE (128 * MIB)
#define RIG_DEVICE UINT64_C(0x10000000) /* eight registers of eight bytes, read back as written */

struct rig {
	struct ram *ram;
	struct mmio_map mmio;
	struct options *options;
	struct accel *accel;
	struct soft *soft;
	sem_t requested, paused;
	enum accel_guest_request request;
	uint64_t registers[8];
	unsigned accesses;
	char console[256];
	unsigned console_size;
	uint64_t at;	 /* where rig_emit() appends */
	unsigned tables; /* page tables made, beside the root */
};

struct rig *rig_new(unsigned harts);

/* The same with other options of -accel than the test's. */
struct rig *rig_new_with(unsigned harts, const char *options);
void rig_free(struct rig *rig);

/* Appends code at rig->at. */
void rig_emit(struct rig *rig, uint32_t insn);
#define EMIT(rig, ...)                                              \
	do {                                                        \
		const uint32_t code_[] = {__VA_ARGS__};             \
		for (unsigned i_ = 0; i_ < ARRAY_SIZE(code_); i_++) \
			rig_emit(rig, code_[i_]);                   \
	} while (0)

/* Loads any constant into `rd`. */
void rig_li(struct rig *rig, unsigned rd, uint64_t value);

/* An SBI call of `extension` and `function`; arguments are in a0 and up already. */
void rig_sbi(struct rig *rig, uint32_t extension, uint32_t function);

/* Ends the program. */
void rig_end(struct rig *rig);

/* Starts hart 0 at RIG_RAM and lets it run until the guest ends its program; false after a minute. VM paused then.
 */
bool rig_run(struct rig *rig);

/* The same in pieces. */
void rig_start(struct rig *rig);
bool rig_wait(struct rig *rig);
void rig_pause(struct rig *rig);

void rig_poke(struct rig *rig, uint64_t gpa, uint64_t value);
uint64_t rig_peek(struct rig *rig, uint64_t gpa);
uint64_t rig_x(struct rig *rig, unsigned reg);

/* Sv39 tables, from RIG_TABLES on, that map RAM's first 32 MiB at RIG_KERNEL for the supervisor, all allowed. */
#define RIG_TABLES (RIG_RAM + 64 * MIB)
#define RIG_KERNEL UINT64_C(0xffffffc000000000)
#define RIG_SATP(asid) (UINT64_C(8) << 60 | (uint64_t)(asid) << 44 | RIG_TABLES >> 12)
void rig_tables(struct rig *rig);

/* Maps one 4 KiB page; flags are the PTE's low bits. Returns the PTE's address. */
uint64_t rig_map(struct rig *rig, uint64_t va, uint64_t gpa, unsigned flags);

enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_U = 16, PTE_G = 32, PTE_A = 64, PTE_D = 128 };
