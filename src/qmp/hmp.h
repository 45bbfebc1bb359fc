/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/hmp.h - the few commands for people that human-monitor-command runs.
 */
#pragma once

#include "qmp/context.h"
#include "qmp/text.h"

#define HMP_WORD_MAX 32

/*
 * Appends what `line` prints; for one that is not known that is a line which says so, as with QEMU, and where it begins
 * with "info" `topic` is what it asks about: a plugged device may know. "" otherwise.
 */
void hmp_run(struct text *out, struct qmp_context *context, const char *line, char topic[HMP_WORD_MAX]);
