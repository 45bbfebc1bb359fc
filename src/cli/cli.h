/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cli.h - the command line, taken apart.
 */
#pragma once

#include "base/cleanup.h"
#include "base/log.h"
#include "qmp/qmp.h"
#include "vm/config.h"

struct cli {
	struct vm_config vm;
	struct options_list
		chardevs;	  /* of -chardev, until cli_resolve_monitors() gives vm.chardevs what no -mon names */
	struct options_list mons; /* of -mon, until cli_resolve_monitors() */
	struct options_list monitors; /* of -qmp: `address`, `server`, `wait` */
	const char *pidfile;	      /* NULL: none */
	const char *log_file;	      /* NULL: stderr */
	enum mortise_log_level log_level;
	bool help, version, accel_help, machine_help, blockdev_help, device_help, netdev_help; /* print and end */
	const char *blockdev_help_of, *device_help_of;					       /* -device NAME,help */

	char **owned; /* strings that were put together here */
	size_t owned_count;
};

/* 0, or -EINVAL and a message that names the option. Strings are borrowed from `argv`, which must stay. */
int cli_parse(struct cli *cli, int argc, char **argv, struct mortise_error *err);
void cli_done(struct cli *cli);

/* The options, for -help. */
void cli_print_options(FILE *to);

/* The same for query-command-line-options, ended by a NULL name; those without effect are left out. Constant. */
const struct qmp_option *cli_options(void);

/* Turns a -drive into the -blockdev that it means; see cli/drive.c. */
int cli_add_drive(struct cli *cli, const char *text, struct mortise_error *err);

/* Appends; takes `options` over, also on failure. */
int cli_append(struct options_list *list, struct options *options, struct mortise_error *err);

/* -chardev, -object and -mon; a -mon is resolved into an entry of `monitors` once all options are known. */
int cli_add_chardev(struct cli *cli, const char *text, struct mortise_error *err);
int cli_add_object(struct cli *cli, const char *text, struct mortise_error *err);
int cli_add_monitor(struct cli *cli, const char *text, struct mortise_error *err);
int cli_resolve_monitors(struct cli *cli, struct mortise_error *err);
