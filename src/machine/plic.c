/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/plic.c - the RISC-V platform-level interrupt controller: RISC-V PLIC specification 1.0.0.
 */
#include "machine/plic.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/util.h"

#define WORDS (PLIC_SOURCES / 32)
#define MAX_PRIORITY 7

/* Register blocks, by offset: one word a source, one bit a source, then enables and registers by context. */
#define PENDING_BASE 0x1000
#define ENABLE_BASE 0x2000
#define ENABLE_STRIDE 0x80
#define CONTEXT_BASE 0x200000
#define CONTEXT_STRIDE 0x1000
#define CONTEXT_THRESHOLD 0x0
#define CONTEXT_CLAIM 0x4

struct context {
	uint32_t enabled[WORDS];
	uint32_t threshold;
	bool raised; /* what the hart was told last */
};

struct plic {
	pthread_mutex_t lock; /* below every device's lock; the accelerator's set_irq() is called with it held */
	struct accel *accel;
	unsigned context_count;
	uint32_t level[WORDS]; /* the lines */
	uint32_t pending[WORDS];
	uint32_t claimed[WORDS]; /* the gateway forwards nothing until completion */
	uint8_t priority[PLIC_SOURCES];
	struct context contexts[];
};

/* The pending, enabled source of the highest priority above `floor`, the lowest number first; 0: none. */
static unsigned best_source(const struct plic *plic, const struct context *context, unsigned floor)
{
	unsigned best = 0;

	for (unsigned word = 0; word < WORDS; word++) {
		uint32_t candidates = plic->pending[word] & context->enabled[word];

		while (candidates) {
			unsigned source = word * 32 + (unsigned)__builtin_ctz(candidates);

			candidates &= candidates - 1;
			if (plic->priority[source] > floor) {
				floor = plic->priority[source];
				best = source;
			}
		}
	}
	return best;
}

static void update(struct plic *plic)
{
	for (unsigned i = 0; i < plic->context_count; i++) {
		struct context *context = &plic->contexts[i];
		bool raise = best_source(plic, context, context->threshold) != 0;

		if (raise != context->raised) {
			context->raised = raise;
			plic->accel->set_irq(plic->accel, i, ACCEL_IRQ_RISCV_SEI, raise);
		}
	}
}

static void set_line(void *opaque, unsigned number, bool level)
{
	struct plic *plic = opaque;
	uint32_t bit = UINT32_C(1) << (number % 32);
	unsigned word = number / 32;

	pthread_mutex_lock(&plic->lock);
	if (level) {
		plic->level[word] |= bit;
		if (!(plic->claimed[word] & bit) && !(plic->pending[word] & bit)) {
			plic->pending[word] |= bit;
			update(plic);
		}
	} else {
		plic->level[word] &= ~bit;
	}
	pthread_mutex_unlock(&plic->lock);
}

static uint32_t claim(struct plic *plic, struct context *context)
{
	unsigned source = best_source(plic, context, 0);

	if (source) {
		plic->pending[source / 32] &= ~(UINT32_C(1) << (source % 32));
		plic->claimed[source / 32] |= UINT32_C(1) << (source % 32);
		update(plic);
	}
	return source;
}

static void complete(struct plic *plic, const struct context *context, uint64_t source)
{
	unsigned word = (unsigned)(source / 32);
	uint32_t bit = UINT32_C(1) << (source % 32);

	/* A completion for a source that is not enabled for the context is ignored. */
	if (source >= PLIC_SOURCES || !(context->enabled[word] & bit))
		return;
	plic->claimed[word] &= ~bit;
	if (plic->level[word] & bit) {
		plic->pending[word] |= bit;
		update(plic);
	}
}

/* Where an offset leads: which context, and the byte within its block; false when there is none. */
static bool context_at(struct plic *plic, uint64_t offset, uint64_t base, uint64_t stride, struct context **context,
		       uint64_t *inside)
{
	uint64_t index = (offset - base) / stride;

	if (offset < base || index >= plic->context_count)
		return false;
	*context = &plic->contexts[index];
	*inside = (offset - base) % stride;
	return true;
}

static uint64_t plic_read(void *opaque, uint64_t offset, unsigned width)
{
	struct plic *plic = opaque;
	struct context *context;
	uint64_t value = 0, at;

	if (width != 4)
		return 0;
	pthread_mutex_lock(&plic->lock);
	if (offset < PLIC_SOURCES * 4) {
		value = plic->priority[offset / 4];
	} else if (offset >= PENDING_BASE && offset < PENDING_BASE + WORDS * 4) {
		value = plic->pending[(offset - PENDING_BASE) / 4];
	} else if (context_at(plic, offset, CONTEXT_BASE, CONTEXT_STRIDE, &context, &at)) {
		if (at == CONTEXT_THRESHOLD)
			value = context->threshold;
		else if (at == CONTEXT_CLAIM)
			value = claim(plic, context);
	} else if (offset < CONTEXT_BASE && context_at(plic, offset, ENABLE_BASE, ENABLE_STRIDE, &context, &at)) {
		if (at < WORDS * 4)
			value = context->enabled[at / 4];
	}
	pthread_mutex_unlock(&plic->lock);
	return value;
}

static void plic_write(void *opaque, uint64_t offset, uint64_t value, unsigned width)
{
	struct plic *plic = opaque;
	struct context *context;
	uint64_t at;

	if (width != 4)
		return;
	pthread_mutex_lock(&plic->lock);
	if (offset < PLIC_SOURCES * 4) {
		/* Source 0 does not exist and never has a priority. */
		if (offset)
			plic->priority[offset / 4] = (uint8_t)MIN(value, MAX_PRIORITY);
		update(plic);
	} else if (context_at(plic, offset, CONTEXT_BASE, CONTEXT_STRIDE, &context, &at)) {
		if (at == CONTEXT_THRESHOLD) {
			context->threshold = (uint32_t)MIN(value, MAX_PRIORITY);
			update(plic);
		} else if (at == CONTEXT_CLAIM) {
			complete(plic, context, value);
		}
	} else if (offset < CONTEXT_BASE && context_at(plic, offset, ENABLE_BASE, ENABLE_STRIDE, &context, &at)) {
		if (at < WORDS * 4) {
			context->enabled[at / 4] = (uint32_t)value;
			update(plic);
		}
	}
	pthread_mutex_unlock(&plic->lock);
}

const struct mmio_ops plic_mmio_ops = {.read = plic_read, .write = plic_write};

int plic_new(struct plic **out, unsigned contexts, struct mortise_error *err)
{
	struct plic *plic = calloc(1, sizeof(*plic) + contexts * sizeof(plic->contexts[0]));

	if (!plic)
		return mortise_fail(err, -ENOMEM, "Out of memory for the interrupt controller");
	pthread_mutex_init(&plic->lock, NULL);
	plic->context_count = contexts;
	*out = plic;
	return 0;
}

struct plic *plic_free(struct plic *plic)
{
	if (plic)
		pthread_mutex_destroy(&plic->lock);
	free(plic);
	return NULL;
}

void plic_attach(struct plic *plic, struct accel *accel)
{
	plic->accel = accel;
}

void plic_reset(struct plic *plic)
{
	pthread_mutex_lock(&plic->lock);
	memset(plic->claimed, 0, sizeof(plic->claimed));
	memset(plic->priority, 0, sizeof(plic->priority));
	memcpy(plic->pending, plic->level, sizeof(plic->pending));
	for (unsigned i = 0; i < plic->context_count; i++) {
		plic->contexts[i].threshold = 0;
		memset(plic->contexts[i].enabled, 0, sizeof(plic->contexts[i].enabled));
	}
	update(plic);
	pthread_mutex_unlock(&plic->lock);
}

struct irq_line plic_line(struct plic *plic, unsigned number)
{
	return (struct irq_line){.set = set_line, .controller = plic, .number = number};
}

void plic_pulse(struct plic *plic, unsigned number)
{
	set_line(plic, number, true);
	set_line(plic, number, false);
}
