/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/options.h - a flat, ordered list of `key=value`, the one form in which the command line and QMP ask for things.
 *
 * `-device virtio-blk-device,drive=d0,id=d0` and the QMP command device_add become the same list. Nested JSON is
 * flattened with dots ("cache.direct"). Whoever consumes a key takes it; what is left over at the end is unknown.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/hint.h"
#include <mortise/error.h>

/* Where a value came from decides how strict its readers are: text from a command line may be anything. */
enum option_kind {
	OPTION_TEXT,   /* command line */
	OPTION_STRING, /* JSON string */
	OPTION_NUMBER, /* JSON number, as written */
	OPTION_BOOL,   /* JSON true/false, as "on"/"off" */
};

struct option {
	char *key;
	char *value;
	enum option_kind kind;
	bool taken;
	struct hint hint; /* the nearest of the keys that were asked for and are absent */
};

struct options {
	struct option *items;
	size_t count;
};

struct options *options_new(void);
struct options *options_free(struct options *options);
DEFINE_CLEANUP(struct options *, options_free)

/*
 * Parses "a=1,b=2" (a doubled comma stands for one; a key without `=` means on, `nokey` means key off when `key` is
 * one of `flags`, NULL-terminated or NULL). A key that is in `flags` with a '+' behind it may be repeated: its further
 * values are those of key.1, key.2 and so on. `first`, if not NULL, names the key of a leading value that has no `=`.
 */
int options_parse(struct options **out, const char *text, const char *first, const char *const *flags,
		  struct mortise_error *err);

/* Appends; -EEXIST when the key is there already, -ENOMEM. */
int options_add(struct options *options, const char *key, const char *value, enum option_kind kind,
		struct mortise_error *err);

/* Finds without taking; NULL when absent. */
const struct option *options_find(const struct options *options, const char *key);

/*
 * Readers: 0 and the value when the key is present, -ENOENT (no message) when it is absent, another negative errno and
 * a message when the value does not fit. Present keys are taken. Returned strings are borrowed from `options`.
 */
int options_string(struct options *options, const char *key, const char **out, struct mortise_error *err);
int options_bool(struct options *options, const char *key, bool *out, struct mortise_error *err);
int options_u64(struct options *options, const char *key, uint64_t *out, struct mortise_error *err);
int options_u64_text(struct options *options, const char *key, uint64_t *out,
		     struct mortise_error *err); /* a string that holds a number will do */
int options_size(struct options *options, const char *key, uint64_t *out, struct mortise_error *err);

/*
 * 0 when every key was taken, else -EINVAL: "Parameter 'x' is unexpected", and what may have been meant: of the keys
 * that readers have asked for in vain, the nearest.
 */
int options_done(const struct options *options, struct mortise_error *err);

/* Text to value, for those who hold text: decimal or 0x hex; sizes take K, M, G, T (powers of 1024) with a fraction. */
int parse_u64(const char *text, uint64_t *out);
int parse_size(const char *text, uint64_t *out);
int parse_bool(const char *text, bool *out);		 /* on/off, true/false, yes/no, 1/0 */
int id_check(const char *id, struct mortise_error *err); /* a letter, then letters, digits, "-._"; at most 127 */
int parse_mac(const char *text, uint8_t out[6]);	 /* six hex bytes with colons; unicast, not all zero */
