/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/named-fds.h - descriptors that clients have passed in and named (getfd), until a command uses or closes them.
 *
 * They belong to the VM, not to a connection: a client may pass one in, leave, and use it when it is back. Control
 * thread.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include <mortise/error.h>

struct named_fds;

struct named_fds *named_fds_new(void);

/* Closes all; what is lent when its loan ends, as if it had not been freed. */
struct named_fds *named_fds_free(struct named_fds *store);

/* Takes `fd` in any case. One of the same name is closed first; -EBUSY when that is lent. */
int named_fds_add(struct named_fds *store, const char *name, int fd, struct mortise_error *err);

/* -ENOENT: there is none of that name; -EBUSY: it is lent. */
int named_fds_close(struct named_fds *store, const char *name, struct mortise_error *err);

/*
 * Lends a descriptor to a command under way, once at a time; returns its number. named_fds_settle() ends the loan: with
 * `taken` the descriptor is the borrower's now and its name is free.
 */
int named_fds_lend(struct named_fds *store, const char *name, struct mortise_error *err);
void named_fds_settle(struct named_fds *store, int fd, bool taken);
