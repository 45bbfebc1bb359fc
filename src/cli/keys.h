/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/keys.h - the keys that options of the command line take, as data: they are parsed by these tables, and told by
 * query-command-line-options.
 */
#pragma once

#include "base/options.h"
#include <mortise/property.h>

/*
 * As options_parse(), for the option `name`: the first word is its first key, keys of type bool may stand alone, and a
 * key that the option does not have is refused with a hint at the nearest that it has.
 */
int keys_parse(struct options **out, const char *name, const char *text, struct mortise_error *err);

/* The keys of an option, in one or more tables ended by NULL; NULL: it takes a word, or nothing. */
const struct mortise_property *const *keys_of(const char *name);
