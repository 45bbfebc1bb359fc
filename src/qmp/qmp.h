/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/qmp.h - the monitors of one VM: its commands served, its events told. The face of this folder.
 */
#pragma once

#include "base/options.h"
#include "vm/vm.h"
#include <mortise/property.h>

struct qmp;

/* An option of the program, for query-command-line-options. */
struct qmp_option {
	const char *name;			    /* without the dash */
	const struct mortise_property *const *keys; /* tables of them, ended by NULL; NULL: none */
};

/*
 * `vm` is borrowed, and lives longer; so are `options`, ended by a NULL name. Control thread, as all here.
 */
int qmp_new(struct qmp **out, struct vm *vm, const struct qmp_option *options, struct mortise_error *err);
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
