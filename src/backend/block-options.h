/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-options.h - reading blockdev-add options in either spelling: `filename` or `file.filename`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"

#define BLOCK_NAME_MAX 127
#define BLOCK_KEY_SIZE 80 /* bytes of "file." and a key, with the NUL */

struct block_options {
	struct options *list;
	bool nested; /* whether "file." may stand before a key */
};

/*
 * As the readers of base/options.h: 0, -ENOENT without a message when absent (`*out` keeps its value), or another error
 * and a message. Giving both spellings is fine as long as they agree.
 */
int block_option_string(struct block_options *options, const char *key, const char **out, struct mortise_error *err);
int block_option_bool(struct block_options *options, const char *key, bool *out, struct mortise_error *err);
int block_option_size(struct block_options *options, const char *key, uint64_t *out, struct mortise_error *err);

/* One of `words` (NULL-terminated), as its index. */
int block_option_enum(struct block_options *options, const char *key, const char *const *words, unsigned *out,
		      struct mortise_error *err);

/* The spelling in which `key` is given: itself where it is absent. -EINVAL when two are, and contradict each other. */
int block_option_spelling(struct block_options *options, const char *key, char spelling[BLOCK_KEY_SIZE],
			  struct mortise_error *err);

/* A node-name or device id: a letter or digit, then letters, digits, '-', '.', '_'; at most BLOCK_NAME_MAX. */
int block_check_name(const char *name, struct mortise_error *err);

/*
 * The driver named by `driver` and `file.driver`: NULL where none is (or only "raw", which stands for whatever lies
 * below). Also settles options->nested.
 */
int block_option_driver(struct block_options *options, const char **out, struct mortise_error *err);
