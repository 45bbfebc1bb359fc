/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random programs on the JIT, with a small code cache, and on the interpreter: registers, memory, fcsr, instret and all
 * traps must come out the same.
 *
 * usage: tests/fuzz/jit [SEED [SECONDS]]; SECONDS is FUZZ_JIT_SECONDS or 5 if
 * not given, 0 without end. Says the seed that differs, which alone repeats it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../unit/hart-rig.h"
#include "accel/soft/decode.h"

#define CODE RIG_RAM
#define DATA (RIG_RAM + 1 * MIB)  /* what programs load from and store to, a window around it */
#define STATE (RIG_RAM + 2 * MIB) /* registers: 32 of each file on the way in, and on the way out */
#define LOG (RIG_RAM + 3 * MIB)	  /* where the next trap goes, and then all of them */
#define COMPARED (4 * MIB)

#define BODY 120 /* instructions at most */

/*
 * Registers that programs leave alone: pointers to DATA, one to nowhere, the loops' counters. Stores go by the pointers
 * alone, for no program is to change itself. The others are the handler's and, at the ends, the state's.
 */
enum { WILD = s1, HANDLER_A = 24, HANDLER_B, HANDLER_C, BASE, COUNTER, STATE_REG = 31 };

static uint64_t random_state;

static uint64_t next_random(void)
{
	/* splitmix64 */
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t below(uint32_t bound)
{
	return (uint32_t)(next_random() % bound);
}

/* Values at which instructions change their ways. */
static uint64_t random_value(void)
{
	static const uint64_t edges[] = {0,
					 1,
					 UINT64_MAX,
					 INT64_MAX,
					 (uint64_t)INT64_MIN,
					 INT32_MAX,
					 (uint64_t)INT32_MIN,
					 UINT32_MAX,
					 0x7ff0000000000000,
					 0xfff0000000000000,
					 0x7ff8000000000000,
					 0x7ff0000000000001,
					 0x3ff0000000000000,
					 0xffffffff7f800000,
					 0xffffffff7fc00000,
					 0xffffffff7f800001,
					 0xffffffff3f800000,
					 0x8000000000000000};

	switch (below(5)) {
	case 0:
		return edges[below(ARRAY_SIZE(edges))];
	case 1:
		return next_random() | UINT64_MAX << 32;
	case 2:
		return next_random() >> below(64);
	case 3:
		return DATA + below(4096);
	default:
		return next_random();
	}
}

static bool is_pointer(unsigned reg)
{
	return reg == BASE || reg == sp || reg == s0 || reg == WILD;
}

static bool is_store(unsigned code)
{
	return (code >= OP_SB && code <= OP_SD) || code == OP_FSW || code == OP_FSD ||
	       (code >= OP_SC_W && code <= OP_AMOMAXU_D);
}

static bool reserved(unsigned reg)
{
	return is_pointer(reg) || reg == COUNTER;
}

/* A random instruction that does not jump, wait or touch the machine's state. */
static uint32_t straight(void)
{
	static const uint8_t opcodes[] = {0x03, 0x07, 0x13, 0x13, 0x17, 0x1b, 0x23, 0x27, 0x2f, 0x33,
					  0x33, 0x37, 0x3b, 0x43, 0x47, 0x4b, 0x4f, 0x53, 0x53};

	for (;;) {
		uint32_t insn = (uint32_t)next_random();
		struct op op = {0};

		if (below(3)) {
			insn = (insn & ~0x7fu) | opcodes[below(sizeof(opcodes))];
			if (((insn & 0x7f) == 0x33 || (insn & 0x7f) == 0x3b) && below(4))
				insn &= below(2) ? 0x01ffffff : 0x41ffffff;
			if ((insn & 0x7f) == 0x2f)
				insn = (insn & ~0x7000u) | (2 + below(2)) << 12;
			/* Loads and stores mostly hit the data. */
			if (((insn & 0x5f) == 0x03 || (insn & 0x5f) == 0x07) && below(8))
				insn = (insn & ~(31u << 15)) | BASE << 15;
		} else {
			insn &= 0xffff;
			if ((insn & 3) == 3)
				continue;
		}
		decode(&op, insn);
		if (op.code >= OP_JAL && op.code < OP_ILLEGAL)
			continue;
		if (op.code != OP_ILLEGAL && (reserved(op.rd) || (is_store(op.code) && !is_pointer(op.rs1))))
			continue;
		return insn;
	}
}

/* A random integer computation on a few registers, so that one's result is the next one's operand. */
static uint32_t computation(void)
{
	static const uint8_t opcodes[] = {0x13, 0x1b, 0x1b, 0x33, 0x33, 0x3b, 0x3b, 0x3b};

	for (;;) {
		uint32_t insn = (uint32_t)next_random() & 0x43ff707f;
		struct op op = {0};

		insn = (insn & ~0xfffffu) | (insn & 0x7000) | opcodes[below(sizeof(opcodes))];
		insn |= (a0 + below(8)) << 7 | (below(8) ? a0 + below(8) : 0) << 15;
		if (insn & 0x20)
			insn = (insn & ~(31u << 20)) | (below(8) ? a0 + below(8) : 0) << 20;
		else if (below(2))
			insn |= below(32) << 20;
		decode(&op, insn);
		if (op.code <= OP_BSETI)
			return insn;
	}
}

static void emit(struct rig *rig, uint32_t insn)
{
	unsigned size = insn_length((uint16_t)insn);

	memcpy(ram_at(rig->ram, rig->at, size), &insn, size);
	rig->at += size;
}

/* Moves the state between memory and the registers; `store` or load. */
static void move_state(struct rig *rig, uint64_t at, bool store)
{
	rig_li(rig, STATE_REG, at);
	for (unsigned i = 0; i < 32; i++)
		emit(rig,
		     store ? rv_s(3, i, STATE_REG, 8 * (int32_t)i) | 4 : rv_i(0x07, 3, i, STATE_REG, 8 * (int32_t)i));
	for (unsigned i = 1; i < STATE_REG; i++)
		emit(rig, store ? SD(i, 256 + 8 * (int32_t)i, STATE_REG) : LD(i, 256 + 8 * (int32_t)i, STATE_REG));
}

/* Writes down cause, pc, value and instret of a trap, and goes on behind the instruction. */
static void emit_handler(struct rig *rig)
{
	rig_li(rig, HANDLER_A, LOG);
	EMIT(rig, LD(HANDLER_B, 0, HANDLER_A));
	EMIT(rig, CSRR(HANDLER_C, scause), SD(HANDLER_C, 0, HANDLER_B), CSRR(HANDLER_C, stval),
	     SD(HANDLER_C, 8, HANDLER_B), CSRR(HANDLER_C, rdinstret), SD(HANDLER_C, 16, HANDLER_B),
	     CSRR(HANDLER_C, sepc), SD(HANDLER_C, 24, HANDLER_B), ADDI(HANDLER_B, HANDLER_B, 32),
	     SD(HANDLER_B, 0, HANDLER_A));
	/* Two bytes more if the lowest two bits are set. */
	EMIT(rig, rv_i(0x03, 5, HANDLER_B, HANDLER_C, 0), rv_i(0x13, 7, HANDLER_B, HANDLER_B, 3),
	     rv_i(0x13, 3, HANDLER_B, HANDLER_B, 3), SLLI(HANDLER_B, HANDLER_B, 1), ADDI(HANDLER_C, HANDLER_C, 4),
	     rv_r(0x33, 0, 0x20, HANDLER_C, HANDLER_C, HANDLER_B), CSRW(sepc, HANDLER_C), SRET());
}

static void emit_at(struct rig *rig, uint64_t at, uint32_t insn)
{
	memcpy(ram_at(rig->ram, at, 4), &insn, 4);
}

/* A few straight instructions; returns how many. */
static unsigned emit_straight(struct rig *rig, unsigned most)
{
	unsigned count = below(most) + 1;

	for (unsigned i = 0; i < count; i++)
		emit(rig, straight());
	return count;
}

/* What is one op when it comes together: two shifts and an or, a shift there and back, a constant in pieces. */
static unsigned emit_pieces(struct rig *rig)
{
	bool word = below(2);
	unsigned opcode = word ? 0x1b : 0x13, width = word ? 32 : 64, by = below(width);
	unsigned back = below(4) ? (width - by) % width : below(width), count = 0;
	unsigned from = a0 + below(4), left = a0 + below(4), right = a0 + below(4), to = a0 + below(4);
	uint32_t shifts[2] = {rv_i(opcode, 1, left, from, (int32_t)by), rv_i(opcode, 5, right, from, (int32_t)back)};
	bool swapped = below(2);

	switch (below(3)) {
	case 0:
		emit(rig, shifts[swapped]);
		while (below(2)) {
			emit(rig, computation());
			count++;
		}
		emit(rig, shifts[!swapped]);
		emit(rig, below(2) ? rv_r(0x33, 6, 0, to, left, right) : rv_r(0x33, 6, 0, to, right, left));
		return count + 3;
	case 1:
		by = (const uint8_t[]){32, 32, 48, 56}[below(4)];
		emit(rig, SLLI(left, from, (int32_t)by));
		if (below(4) == 0)
			emit(rig, computation());
		emit(rig, rv_i(0x13, 5, below(2) ? left : to, left,
			       (int32_t)(below(2) ? by : below(64)) | (int32_t)below(2) << 10));
		return 3;
	default:
		emit(rig, below(2) ? AUIPC(left, below(1 << 20)) : LUI(left, below(1 << 20)));
		for (unsigned i = below(4); i; i--, count++)
			emit(rig, below(3) ? rv_i(below(2) ? 0x13 : 0x1b, 0, left, left, (int32_t)below(4096) - 2048)
					   : SLLI(left, left, (int32_t)below(20)));
		return count + 1;
	}
}

static unsigned emit_computation(struct rig *rig)
{
	unsigned count = below(12) + 1;

	for (unsigned i = 0; i < count; i++)
		emit(rig, computation());
	return count;
}

/* A loop that is one block, with another way out of it now and then. */
static unsigned emit_tight_loop(struct rig *rig)
{
	unsigned count = 3, counter = a0 + below(8);
	uint64_t start;
	bool other = below(2);

	EMIT(rig, ADDI(COUNTER, zero, (int32_t)below(300) + 1));
	start = rig->at;
	count += below(2) ? emit_pieces(rig) + emit_computation(rig) : emit_computation(rig);
	EMIT(rig, rv_i(below(2) ? 0x13 : 0x1b, 0, COUNTER, COUNTER, -1), BEQ(COUNTER, zero, other ? 8 : 4));
	count += 2;
	if (other)
		EMIT(rig, rv_b((const uint8_t[]){0, 1, 4, 5, 6, 7}[below(6)], counter,
			       below(2) ? COUNTER : a0 + below(8), (int32_t)(start - rig->at)));
	else
		EMIT(rig, BNE(COUNTER, zero, (int32_t)(start - rig->at)));
	return count;
}

/* Jumps over some instructions, by one of the ways to do it, if its condition holds. */
static unsigned emit_skip(struct rig *rig)
{
	uint64_t at = rig->at;
	unsigned kind = below(9), count;
	uint32_t insn;
	int32_t distance;

	rig->at += kind == 8 ? 8 : 4;
	count = emit_straight(rig, 6);
	distance = (int32_t)(rig->at - at);
	if (kind < 6)
		insn = rv_b((const uint8_t[]){0, 1, 4, 5, 6, 7}[kind], below(32), below(32), distance);
	else
		insn = JAL(below(2) ? 0 : below(10) + a0, distance);
	if (kind == 8) {
		insn = AUIPC(ra, 0);
		emit_at(rig, at + 4, rv_i(0x67, 0, below(10) + a0, ra, distance));
	}
	emit_at(rig, at, insn);
	return count + 1;
}

/* Does something a few times over. */
static unsigned emit_loop(struct rig *rig)
{
	unsigned count = 2;
	uint64_t start;

	EMIT(rig, ADDI(COUNTER, zero, (int32_t)below(6) + 1));
	start = rig->at;
	for (unsigned parts = below(3) + 1; parts; parts--)
		count += below(2) ? emit_skip(rig) : emit_straight(rig, 8);
	EMIT(rig, ADDI(COUNTER, COUNTER, -1), BNE(COUNTER, zero, (int32_t)(start - rig->at - 4)));
	return count;
}

static void emit_csr(struct rig *rig)
{
	/* fcsr, frm, fflags, and FS through sstatus */
	static const uint16_t csrs[] = {1, 2, 3};

	if (below(4))
		emit(rig, rv_i(0x73, 1 + below(3), below(10) + a0, below(20), csrs[below(3)]));
	else
		emit(rig, rv_i(0x73, 5, below(10) + a0, below(8), frm));
}

static void make_program(struct rig *rig)
{
	uint64_t handler = CODE + 64 * KIB, body;

	rig->at = handler;
	emit_handler(rig);
	rig->at = CODE;
	rig_li(rig, t0, handler);
	EMIT(rig, CSRW(stvec, t0));
	rig_li(rig, t0, 3 << 13);
	EMIT(rig, CSRS(sstatus, t0));
	rig_li(rig, t0, random_state >> 32 & 0xff & ~(UINT64_C(1) << 7));
	EMIT(rig, CSRW(3, t0));
	move_state(rig, STATE, false);
	/* Bodies often run over the end of a page. */
	body = CODE + 8 * KIB - 2 * below(200);
	EMIT(rig, J((int32_t)(body - rig->at)));
	rig->at = body;
	for (unsigned count = 0; count < BODY;) {
		switch (below(9)) {
		case 0:
			count += emit_loop(rig);
			break;
		case 6:
			count += emit_tight_loop(rig);
			break;
		case 7:
			count += emit_pieces(rig);
			break;
		case 8:
			count += emit_computation(rig);
			break;
		case 1:
			count += emit_skip(rig);
			break;
		case 2:
			emit_csr(rig);
			count++;
			break;
		default:
			count += emit_straight(rig, 12);
		}
	}
	move_state(rig, STATE + 1024, true);
	EMIT(rig, CSRR(t0, 3), CSRR(t1, rdinstret), SD(t0, 512, STATE_REG), SD(t1, 520, STATE_REG));
	rig_end(rig);
}

static void make_state(struct rig *rig)
{
	for (unsigned i = 0; i < 64; i++)
		rig_poke(rig, STATE + 8 * i, random_value());
	rig_poke(rig, STATE + 256 + 8 * BASE, DATA);
	rig_poke(rig, STATE + 256 + 8 * sp, DATA + below(64));
	rig_poke(rig, STATE + 256 + 8 * s0, DATA + 1024);
	rig_poke(rig, STATE + 256 + 8 * WILD, UINT64_C(0x4000000000) + below(4096));
	rig_poke(rig, LOG, LOG + 8);
	for (unsigned i = 0; i < 512; i++)
		rig_poke(rig, DATA - 2048 + 8 * i, random_value());
}

/* False: they differ, and what does was said. */
static bool run_seed(struct rig *rigs[2], uint64_t seed)
{
	uint8_t *ram[2];

	for (unsigned i = 0; i < 2; i++) {
		ram[i] = ram_at(rigs[i]->ram, RIG_RAM, COMPARED);
		memset(ram[i], 0, COMPARED);
		random_state = seed;
		make_state(rigs[i]);
		make_program(rigs[i]);
		if (!rig_run(rigs[i])) {
			printf("# seed %llu hangs %s\n", (unsigned long long)seed, i ? "interpreted" : "translated");
			return false;
		}
	}
	if (memcmp(ram[0], ram[1], COMPARED) == 0)
		return true;
	printf("# seed %llu differs, at offset: translated, interpreted\n", (unsigned long long)seed);
	for (size_t at = 0, shown = 0; at < COMPARED && shown < 12; at += 8)
		if (memcmp(ram[0] + at, ram[1] + at, 8) != 0) {
			printf("#   %6zx: %016llx %016llx\n", at, (unsigned long long)rig_peek(rigs[0], RIG_RAM + at),
			       (unsigned long long)rig_peek(rigs[1], RIG_RAM + at));
			shown++;
		}
	return false;
}

/* Makes a hart look around at any moment, which must not change what it computes. */
static void *disturb(void *arg)
{
	struct rig *rig = arg;
	const struct timespec pause = {.tv_nsec = 20000};

	for (;;) {
		hart_kick(&rig->soft->harts[0]);
		nanosleep(&pause, NULL);
		pthread_testcancel();
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	const char *given = argc > 2 ? argv[2] : getenv("FUZZ_JIT_SECONDS");
	long seconds = given ? strtol(given, NULL, 0) : 5;
	time_t end = time(NULL) + seconds;
	struct rig *rigs[2] = {rig_new_with(1, "jit-cache=64K"), rig_new_with(1, "jit=off")};
	uint64_t first = seed;
	pthread_t disturber;
	bool same;

	pthread_create(&disturber, NULL, disturb, rigs[0]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	do
		same = run_seed(rigs, seed++);
	while (same && (seconds == 0 || time(NULL) < end));
	printf("# %llu programs from seed %llu on\n", (unsigned long long)(seed - first), (unsigned long long)first);
	pthread_cancel(disturber);
	pthread_join(disturber, NULL);
	rig_free(rigs[0]);
	rig_free(rigs[1]);
	printf("1..1\n%sok 1 - the JIT does as the interpreter\n", same ? "" : "not ");
	return !same;
}
