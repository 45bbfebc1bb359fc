/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/help.h - what -help, -machine help, -device help and -netdev help print.
 */
#pragma once

#include "cli/cli.h"

/* Prints what was asked for and returns true; false when nothing was. Errors (no such driver) go to `err`. */
bool help_print(const struct cli *cli, FILE *to, int *result, struct mortise_error *err);
