/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/qmp.h - the monitors of one VM: its commands served, its events told. The face of this folder.
 */
#pragma once

#include "base/options.h"
#include "vm/vm.h"

struct qmp;

/*
 * `vm` is borrowed, and lives longer; so are `options`, the names of the program's options (NULL-terminated), for
 * query-command-line-options. Control thread, as all here.
 */
int qmp_new(struct qmp **out, struct vm *vm, const char *const *options, struct mortise_error *err);
struct qmp *qmp_free(struct qmp *qmp);
DEFINE_CLEANUP(struct qmp *, qmp_free)

/*
 * Opens a monitor, as -qmp (`address`: unix:PATH or tcp:HOST:PORT) or -chardev socket (id; path, or host and port) say
 * it, with server and wait. All keys are taken, or it fails. With wait=on it returns when a client has come. Clients
 * are not served before qmp_start().
 */
int qmp_listen(struct qmp *qmp, struct options *options, struct mortise_error *err);

/* The VM has started: what clients ask for can be done. */
void qmp_start(struct qmp *qmp);
