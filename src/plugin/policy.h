/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/policy.h - which plugins may be loaded: their names and the SHA-256 of their files, and until when.
 *
 * A policy is a text of one statement a line (in an option: between semicolons); # begins a comment.
 *
 *     allow NAME [SHA256]   the file NAME.so, with that content (once a line; several may be given) or any; * for NAME:
 * all load NAME [SHA256]    the same, and it is loaded at the start lockdown              no plugin file is loaded any
 * more once the VM has started, nor upgraded
 *
 * What no statement allows is refused. Every decision is logged.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include <mortise/error.h>

struct policy;

/*
 * From "inline:STATEMENT;STATEMENT...", or the path of a file, which root and the user alone must be able to write.
 * -EINVAL: the message says in which line, and what is wrong there.
 */
int policy_new(struct policy **out, const char *option, struct mortise_error *err);
struct policy *policy_free(struct policy *policy);
DEFINE_CLEANUP(struct policy *, policy_free)

/* Whether a file of that name, without .so, and content may be loaded. -EPERM. */
int policy_check(const struct policy *policy, const char *name, const char *sha256, struct mortise_error *err);

bool policy_locks_down(const struct policy *policy);

/* The next name that is to be loaded at the start, after `*at` (0 at first); NULL: no more. */
const char *policy_next_load(const struct policy *policy, size_t *at);
