/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - nothing but the order of start and stop.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/pidfile.h"
#include "qmp/qmp.h"
#include "vm/vm.h"

static void on_signal(evutil_socket_t signal, short what, void *vm)
{
	vm_quit(vm, "host-signal");
}

/* SIGTERM, SIGINT and SIGHUP end the VM in good order. */
static void watch_signals(struct event *events[3], struct loop *loop, struct vm *vm)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		events[i] = evsignal_new(loop_base(loop), signals[i], on_signal, vm);
		if (events[i])
			evsignal_add(events[i], NULL);
	}
}

static int dump_dtb(struct vm *vm, const char *path, struct mortise_error *err)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ void *data = NULL;
	size_t size;
	int r = vm_dump(vm, &data, &size, err);

	if (r < 0)
		return r;
	file = fopen(path, "we");
	if (!file || fwrite(data, 1, size, file) != size || fflush(file))
		return mortise_fail(err, -errno, "Could not write the device tree to '%s': %m", path);
	return 0;
}

static int open_monitors(struct qmp *qmp, const struct options_list *monitors, struct mortise_error *err)
{
	int r = 0;

	for (size_t i = 0; i < monitors->count && r == 0; i++)
		r = qmp_listen(qmp, monitors->items[i], err);
	return r;
}

static int run(const struct cli *cli, struct loop *loop, struct mortise_error *err)
{
	_cleanup_(vm_free_p) struct vm *vm = NULL;
	_cleanup_(qmp_free_p) struct qmp *qmp = NULL;
	struct event *signals[3] = {NULL};
	int r = vm_new(&vm, &cli->vm, loop, err);

	if (r < 0)
		return r;
	if (cli->vm.dumpdtb)
		return dump_dtb(vm, cli->vm.dumpdtb, err);
	r = qmp_new(&qmp, vm, cli_options(), err);
	if (r == 0)
		r = open_monitors(qmp, &cli->monitors, err);
	if (r == 0)
		r = vm_start(vm, err);
	if (r < 0)
		return r;
	qmp_start(qmp);
	watch_signals(signals, loop, vm);
	if (!vm_quitting(vm))
		loop_run(loop);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signals[i])
			event_free(signals[i]);
	return 0;
}

static int start(const struct cli *cli, struct mortise_error *err)
{
	_cleanup_(loop_free_p) struct loop *loop = NULL;
	struct pidfile pidfile = {0};
	int r = 0;

	log_set_level(cli->log_level);
	if (cli->log_file)
		r = log_open(cli->log_file, err);
	log_step("options parsed");
	if (r == 0)
		r = loop_new(&loop, err);
	if (r == 0 && cli->pidfile)
		r = pidfile_take(&pidfile, cli->pidfile, err);
	if (r == 0)
		r = run(cli, loop, err);
	pidfile_release(&pidfile);
	return r;
}

int main(int argc, char **argv)
{
	struct mortise_error error = {0};
	struct cli cli;
	int r;

	log_start();
	r = cli_parse(&cli, argc, argv, &error);
	signal(SIGPIPE, SIG_IGN);
	if (r == 0 && !help_print(&cli, stdout, &r, &error))
		r = start(&cli, &error);
	cli_done(&cli);
	if (r < 0)
		fprintf(stderr, "mortise: %s\n", error.message);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
