/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/shell.h - verbs one after the other, with history and completion.
 */
#pragma once

#include "verbs.h"

/* Until the end of the input. Returns the last verb's status. */
int shell_run(struct session *session);
