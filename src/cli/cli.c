/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cli.c - the command line: QEMU's and StratoVirt's words, one table.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/ram.h"
#include "base/util.h"
#include "cli/keys.h"

struct cli_option {
	const char *name;     /* without its dash */
	const char *argument; /* what it is called in the help; NULL: takes none; "[X]": may be left out */
	const char *help;     /* NULL: accepted for the sake of clients, without effect */
	int (*set)(struct cli *cli, const char *value, struct mortise_error *err);
};

int cli_append(struct options_list *list, struct options *options, struct mortise_error *err)
{
	struct options **items = realloc(list->items, (list->count + 1) * sizeof(*items));

	if (!items) {
		options_free(options);
		return mortise_fail(err, -ENOMEM, "Out of memory for the command line");
	}
	list->items = items;
	items[list->count++] = options;
	return 0;
}

static char *own(struct cli *cli, const char *text)
{
	char *copy = strdup(text), **owned = realloc(cli->owned, (cli->owned_count + 1) * sizeof(*owned));

	if (owned)
		cli->owned = owned;
	if (!copy || !owned) {
		free(copy);
		return NULL;
	}
	return cli->owned[cli->owned_count++] = copy;
}

/* --- the options that are more than a word --- */

/* The keys of -machine that are the VM's; the board takes the others. */
static int set_machine(struct cli *cli, const char *value, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL, *board = options_new();
	bool flag;
	int r;

	if (streq(value, "help")) {
		cli->machine_help = true;
		return 0;
	}
	if (!board)
		return mortise_fail(err, -ENOMEM, "Out of memory for the command line");
	r = keys_parse(&options, "machine", value, err);
	for (size_t i = 0; r == 0 && i < options->count; i++) {
		const struct option *option = &options->items[i];

		if (streq(option->key, "type"))
			cli->vm.machine = own(cli, option->value);
		else if (streq(option->key, "accel"))
			cli->vm.accel = own(cli, option->value);
		else if (streq(option->key, "dumpdtb"))
			cli->vm.dumpdtb = own(cli, option->value);
		else if (streq(option->key, "mem-share"))
			r = options_bool(options, "mem-share", &cli->vm.ram_shared, err);
		else if (streq(option->key, "dump-guest-core")) /* guest memory is never part of a core dump */
			r = options_bool(options, "dump-guest-core", &flag, err);
		else
			r = options_add(board, option->key, option->value, OPTION_TEXT, err);
	}
	if (r < 0)
		return r;
	options_free(cli->vm.machine_options);
	cli->vm.machine_options = steal_ptr(&board);
	return 0;
}

static int set_accel(struct cli *cli, const char *value, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL, *rest = options_new();
	int r;

	if (streq(value, "help")) {
		cli->accel_help = true;
		return 0;
	}
	if (!rest)
		return mortise_fail(err, -ENOMEM, "Out of memory for the command line");
	r = keys_parse(&options, "accel", value, err);
	for (size_t i = 0; r == 0 && i < options->count; i++) {
		const struct option *option = &options->items[i];

		if (streq(option->key, "name"))
			cli->vm.accel = own(cli, option->value);
		else
			r = options_add(rest, option->key, option->value, OPTION_TEXT, err);
	}
	if (r < 0)
		return r;
	options_free(cli->vm.accel_options);
	cli->vm.accel_options = steal_ptr(&rest);
	return 0;
}

static int set_memory(struct cli *cli, const char *value, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL;
	const char *text;
	uint64_t size;
	int r = keys_parse(&options, "m", value, err);

	if (r == 0)
		r = options_string(options, "size", &text, err);
	if (r == -ENOENT)
		return mortise_fail(err, -EINVAL, "it lacks a size");
	if (r == 0)
		r = options_done(options, err);
	if (r < 0)
		return r;
	if (parse_size(text, &size) < 0)
		return mortise_fail(err, -EINVAL, "'%s' is not a size such as 512M or 2G", text);
	if (strspn(text, "0123456789") == strlen(text)) {
		if (size > RAM_MAX / MIB)
			size = RAM_MAX / MIB + 1;
		size *= MIB; /* a bare number counts MiB, as in QEMU */
	}
	if (size < RAM_MIN || size > RAM_MAX)
		return mortise_fail(err, -EINVAL, "%s is not possible; give 128M to 64G", text);
	cli->vm.ram_size = ALIGN_UP(size, RAM_PAGE_SIZE);
	return 0;
}

/* How CPUs are grouped makes no difference to the guest; but it has to make sense. */
static int check_topology(struct options *options, uint64_t cpus, struct mortise_error *err)
{
	static const char *const groups[] = {"sockets", "dies", "clusters", "cores", "threads"};
	uint64_t left = cpus;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		uint64_t count = 1;
		int r = options_u64(options, groups[i], &count, err);

		if (r < 0 && r != -ENOENT)
			return r;
		if (!count || left % count)
			return mortise_fail(err, -EINVAL, "%" PRIu64 " CPUs cannot be grouped like this", cpus);
		left /= count;
	}
	return 0;
}

static int set_cpus(struct cli *cli, const char *value, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL;
	uint64_t cpus = 0, most;
	int r = keys_parse(&options, "smp", value, err);

	if (r == 0)
		r = options_u64(options, "cpus", &cpus, err);
	if (r == 0 || r == -ENOENT) {
		r = options_u64(options, "maxcpus", &most, err);
		if (r == 0 && most != cpus)
			return mortise_fail(err, -EINVAL, "CPUs cannot be plugged: maxcpus must equal cpus");
		r = r == -ENOENT ? 0 : r;
	}
	if (r < 0)
		return r;
	if (!cpus || cpus > VM_CPUS_MAX)
		return mortise_fail(err, -EINVAL, "'%s' is not a number of CPUs from 1 to %d", value, VM_CPUS_MAX);
	cli->vm.cpus = (unsigned)cpus;
	return check_topology(options, cpus, err);
}

static int append_parsed(struct options_list *list, const char *name, const char *value, struct mortise_error *err)
{
	struct options *options;
	int r = keys_parse(&options, name, value, err);

	return r < 0 ? r : cli_append(list, options, err);
}

/* "help" sets *all, "DRIVER,help" *of; all else is one more of `list`. */
static int add_or_help(struct cli *cli, const char *name, const char *value, struct options_list *list, bool *all,
		       const char **of, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL;
	const struct option *driver;
	int r;

	if (streq(value, "help") || streq(value, "?")) {
		*all = true;
		return 0;
	}
	r = keys_parse(&options, name, value, err);
	if (r < 0)
		return r;
	driver = options_find(options, "driver");
	if (driver && (options_find(options, "help") || options_find(options, "?"))) {
		*of = own(cli, driver->value);
		return 0;
	}
	return cli_append(list, steal_ptr(&options), err);
}

static int add_device(struct cli *cli, const char *value, struct mortise_error *err)
{
	return add_or_help(cli, "device", value, &cli->vm.devices, &cli->device_help, &cli->device_help_of, err);
}

static int add_blockdev(struct cli *cli, const char *value, struct mortise_error *err)
{
	return add_or_help(cli, "blockdev", value, &cli->vm.blockdevs, &cli->blockdev_help, &cli->blockdev_help_of,
			   err);
}

static int add_netdev(struct cli *cli, const char *value, struct mortise_error *err)
{
	static const char *const repeatable[] = {"hostfwd+", NULL};
	struct options *options;
	int r;

	if (streq(value, "help")) {
		cli->netdev_help = true;
		return 0;
	}
	r = options_parse(&options, value, "type", repeatable, err);
	return r < 0 ? r : cli_append(&cli->vm.netdevs, options, err);
}

static int add_qmp(struct cli *cli, const char *value, struct mortise_error *err)
{
	return append_parsed(&cli->monitors, "qmp", value, err);
}

static int set_name(struct cli *cli, const char *value, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL;
	const struct option *name;
	int r = keys_parse(&options, "name", value, err);

	if (r < 0)
		return r;
	name = options_find(options, "guest");
	if (!name)
		return mortise_fail(err, -EINVAL, "it lacks the name");
	cli->vm.name = own(cli, name->value);
	return 0;
}

static int set_uuid(struct cli *cli, const char *value, struct mortise_error *err)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i = 0;

	while (form[i] && (form[i] == '-' ? value[i] == '-' : isxdigit((unsigned char)value[i])))
		i++;
	if (form[i] || value[i])
		return mortise_fail(err, -EINVAL, "it is not of the form %s, of hexadecimal digits", form);
	cli->vm.uuid = value;
	return 0;
}

static int set_log(struct cli *cli, const char *value, struct mortise_error *err)
{
	cli->log_file = value;
	return 0;
}

static int set_log_level(struct cli *cli, const char *value, struct mortise_error *err)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (streq(value, levels[i])) {
			cli->log_level = (enum mortise_log_level)i;
			return 0;
		}
	}
	return mortise_fail(err, -EINVAL, "'%s' is none of error, warning, info, debug", value);
}

/* --- those that are --- */

#define STRING_OPTION(function, field)                                                     \
	static int function(struct cli *cli, const char *value, struct mortise_error *err) \
	{                                                                                  \
		cli->field = value;                                                        \
		return 0;                                                                  \
	}

#define FLAG_OPTION(function, field)                                                       \
	static int function(struct cli *cli, const char *value, struct mortise_error *err) \
	{                                                                                  \
		cli->field = true;                                                         \
		return 0;                                                                  \
	}

STRING_OPTION(set_kernel, vm.kernel)
STRING_OPTION(set_initrd, vm.initrd)
STRING_OPTION(set_append, vm.append)
STRING_OPTION(set_serial, vm.serial)
STRING_OPTION(set_plugin_dir, vm.plugin_dir)
STRING_OPTION(set_plugin_policy, vm.plugin_policy)
STRING_OPTION(set_pidfile, pidfile)
FLAG_OPTION(set_paused, vm.start_paused)
FLAG_OPTION(set_no_reboot, vm.no_reboot)
FLAG_OPTION(set_help, help)
FLAG_OPTION(set_version, version)

static int ignore(struct cli *cli, const char *value, struct mortise_error *err)
{
	return 0;
}

static const struct cli_option table[] = {
	{"machine", "TYPE[,accel=A][,KEY=VALUE...]", "the board; `-machine help` lists boards and their keys",
	 set_machine},
	{"accel", "NAME[:NAME...][,KEY=VALUE...]",
	 "what runs the guest's CPUs: the first of these that can; `-accel help` lists them and their keys", set_accel},
	{"m", "SIZE", "guest memory, 128M to 64G; a bare number counts MiB [256M]", set_memory},
	{"smp", "N", "number of CPUs [1]", set_cpus},
	{"kernel", "FILE", "RISC-V kernel Image (raw or gzip'd) or ELF program", set_kernel},
	{"initrd", "FILE", "initial RAM disk", set_initrd},
	{"append", "TEXT", "kernel command line", set_append},
	{"drive", "file=FILE,id=ID[,readonly=on][,direct=on]",
	 "a disk image for a -device to use, in older words than -blockdev", cli_add_drive},
	{"blockdev", "DRIVER,node-name=ID,filename=FILE[,...]",
	 "a block node, in the words of QMP's blockdev-add; `-blockdev help` lists drivers, `-blockdev DRIVER,help` "
	 "options",
	 add_blockdev},
	{"netdev", "TYPE,id=ID[,...]", "a network backend, in the words of QMP's netdev_add", add_netdev},
	{"device", "DRIVER[,id=ID][,addr=N][,...]",
	 "a device; `-device help` lists drivers, `-device DRIVER,help` options", add_device},
	{"serial", "stdio|file:PATH|none", "where the serial line ends [stdio on a terminal, else none]", set_serial},
	{"qmp", "unix:PATH|tcp:HOST:PORT,server[,nowait]", "a QMP monitor on a socket", add_qmp},
	{"chardev", "socket|file|null,id=ID[,path=PATH][,server=on,wait=off]",
	 "a stream for a device, or a socket for a -mon", cli_add_chardev},
	{"mon", "ID,mode=control", "a QMP monitor on a -chardev", cli_add_monitor},
	{"object", "TYPE,id=ID[,...]", "a backend for a device, by its id", cli_add_object},
	{"plugin-dir", "DIR", "where device plugins are looked for [" PLUGINDIR "]", set_plugin_dir},
	{"plugin-policy", "FILE|inline:STATEMENT[;STATEMENT...]",
	 "which plugins may be loaded, and whether any after the start [all, at any time]", set_plugin_policy},
	{"name", "NAME", "the VM's name", set_name},
	{"uuid", "UUID", "the VM's UUID", set_uuid},
	{"S", NULL, "do not start the guest; wait for QMP's cont", set_paused},
	{"no-reboot", NULL, "end instead of restarting when the guest resets the machine", set_no_reboot},
	{"pidfile", "FILE", "holds the process number, locked, while the VM lives", set_pidfile},
	{"D", "[FILE]", "append the log to a file [stderr]", set_log},
	{"log-level", "LEVEL", "error, warning, info or debug [warning]", set_log_level},
	{"version", NULL, "print the version and end", set_version},
	{"help", NULL, "print this and end", set_help},
	{"h", NULL, NULL, set_help},
	{"disable-seccomp", NULL, NULL, ignore},
	{"no-user-config", NULL, NULL, ignore},
	{"nodefaults", NULL, NULL, ignore},
	{"nographic", NULL, NULL, ignore},
	{"no-acpi", NULL, NULL, ignore},
	{"no-hpet", NULL, NULL, ignore},
};

/* QEMU's names for the lists of keys that are not called as their options. */
static const char *list_name(const char *name)
{
	return streq(name, "m") ? "memory" : streq(name, "smp") ? "smp-opts" : name;
}

const struct qmp_option *cli_options(void)
{
	static struct qmp_option options[ARRAY_SIZE(table) + 1];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].help)
			options[count++] = (struct qmp_option){list_name(table[i].name), keys_of(table[i].name)};
	return options;
}

void cli_print_options(FILE *to)
{
	fprintf(to, "usage: mortise [OPTION]...\n"
		    "A virtual machine monitor whose devices are plugins.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct cli_option *option = &table[i];

		if (option->help)
			fprintf(to, "  -%s%s%s\n        %s\n", option->name, option->argument ? " " : "",
				option->argument ? option->argument : "", option->help);
	}
	fprintf(to, "\nOn a terminal, Ctrl-a x quits and Ctrl-a h helps. See mortise(1).\n");
}

static const struct cli_option *find_option(const char *argument, struct mortise_error *err)
{
	const char *name = argument + 1 + str_starts(argument, "--");
	struct hint hint = {0};
	const char *meant;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (streq(table[i].name, name))
			return &table[i];
		if (table[i].help)
			hint_offer(&hint, name, table[i].name);
	}
	meant = hint_nearest(&hint, name);
	if (meant)
		mortise_fail(err, -EINVAL, "Option '%s' is not known; did you mean '-%s'?", argument, meant);
	else
		mortise_fail(err, -EINVAL, "Option '%s' is not known; `mortise -help` lists all", argument);
	return NULL;
}

int cli_parse(struct cli *cli, int argc, char **argv, struct mortise_error *err)
{
	*cli = (struct cli){.log_level = MORTISE_LOG_WARNING,
			    .vm = {.cpus = 1, .ram_size = 256 * MIB, .plugin_dir = PLUGINDIR}};
	for (int i = 1; i < argc; i++) {
		const struct cli_option *option;
		struct mortise_error why = {0};
		const char *value = NULL;
		int r;

		if (argv[i][0] != '-' || !argv[i][1])
			return mortise_fail(err, -EINVAL, "Argument '%s' is unexpected: options begin with '-'",
					    argv[i]);
		option = find_option(argv[i], err);
		if (!option)
			return -EINVAL;
		if (option->argument && i + 1 < argc && !(option->argument[0] == '[' && argv[i + 1][0] == '-'))
			value = argv[++i];
		else if (option->argument && option->argument[0] != '[')
			return mortise_fail(err, -EINVAL, "Option '-%s' needs an argument: %s", option->name,
					    option->argument);
		r = option->set(cli, value, &why);
		if (r < 0)
			return mortise_fail(err, r, "Option '-%s %s': %s", option->name, value ? value : "",
					    why.message);
	}
	if (!cli->vm.serial)
		cli->vm.serial = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? "stdio" : "none";
	return cli_resolve_monitors(cli, err);
}

static void free_list(struct options_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		options_free(list->items[i]);
	free(list->items);
}

void cli_done(struct cli *cli)
{
	free_list(&cli->vm.blockdevs);
	free_list(&cli->vm.netdevs);
	free_list(&cli->vm.devices);
	free_list(&cli->chardevs);
	free_list(&cli->vm.chardevs);
	free_list(&cli->vm.objects);
	free_list(&cli->mons);
	free_list(&cli->monitors);
	options_free(cli->vm.machine_options);
	options_free(cli->vm.accel_options);
	for (size_t i = 0; i < cli->owned_count; i++)
		free(cli->owned[i]);
	free(cli->owned);
}
