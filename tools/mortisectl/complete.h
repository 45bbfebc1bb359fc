/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/mortisectl/complete.h - what the shell offers after a Tab: verbs, QMP commands and their arguments, devices.
 */
#pragma once

#include <stdbool.h>

#include "verbs.h"

/* Asks the VM for its commands and hands completion to libedit; `session` is borrowed until complete_end(). */
void complete_begin(struct session *session);
void complete_end(void);

/* Whether the VM has such a QMP command. */
bool complete_is_command(const char *word);
