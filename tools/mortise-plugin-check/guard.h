/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - memory with fences around it, and what a fault in it means.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "board.h"

/*
 * Memory that ends where its pages end (but for what alignment costs, which is looked after too), between two pages
 * that nobody may touch. Its content can be closed: then nobody may touch that either.
 */
struct area {
	struct area *next;
	uint8_t *pages, *data;
	size_t room, size; /* bytes: of the pages between the fences, of the data */
	const char *what;
	enum rule beyond, closed; /* what a fault beyond the data breaks, and one in it */
};

/* Zeroed, aligned to 16; open. NULL: no memory. */
struct area *area_new(size_t size, const char *what, enum rule beyond, enum rule closed);

/* Other content of another size, at most that of area_new(): zeroed, open. */
void area_reuse(struct area *area, size_t size);
void area_open(struct area *area);
void area_close(struct area *area);

/* Whether anything next to the data was written, which breaks a rule. */
void area_check(const struct area *area);

/* Has faults become findings; `guest` is the guest's memory as a plugin sees it. */
void guard_faults(const void *guest, size_t size);
