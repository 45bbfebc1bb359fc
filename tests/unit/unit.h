/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/unit.h - cmocka, and what every unit test needs besides.
 */
#pragma once

/* cmocka.h wants these before it, in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include <mortise/error.h>

/* A message must have been left, and it must name `what`. */
static inline void assert_names(const struct mortise_error *err, const char *what)
{
	if (!strstr(err->message, what))
		fail_msg("'%s' is not named in: %s", what, err->message);
}
