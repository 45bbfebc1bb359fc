/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/keys.c - the tables of keys, and parsing by them.
 */
#include "cli/keys.h"

#include <errno.h>
#include <string.h>

#include "backend/net.h"
#include "base/util.h"

#define NET_TYPES_MAX 15
#define FLAGS_MAX 15 /* keys of type bool in one table */

/* A key of text, of numbers, ...; `value` is what its absence means, NULL: nothing, or something that varies. */
#define KEY(key, of, value, about) .name = key, .type = MORTISE_PROPERTY_##of, .fallback = value, .help = about

static const struct mortise_property machine_keys[] = {
	{KEY("type", STRING, NULL, "the board; microvm: the one that the kernel was made for")},
	{KEY("accel", STRING, NULL, "what runs the guest's CPUs, as -accel")},
	{KEY("blk-slots", U32, "6", "slots for disks")},
	{KEY("net-slots", U32, "2", "slots for NICs")},
	{KEY("any-slots", U32, "16", "slots for devices of any other type")},
	{KEY("mac0", MAC, NULL, "address of the NIC in slot 0; made from the VM's UUID or name when absent")},
	{KEY("mac1", MAC, NULL, "the same of slot 1, and so on to mac7")},
	{KEY("mac2", MAC, NULL, "of slot 2")},
	{KEY("mac3", MAC, NULL, "of slot 3")},
	{KEY("mac4", MAC, NULL, "of slot 4")},
	{KEY("mac5", MAC, NULL, "of slot 5")},
	{KEY("mac6", MAC, NULL, "of slot 6")},
	{KEY("mac7", MAC, NULL, "of slot 7")},
	{KEY("mem-share", BOOL, "off", "guest memory that other processes can map")},
	{KEY("dump-guest-core", BOOL, "off", "makes no difference: guest memory is never part of a core dump")},
	{KEY("dumpdtb", STRING, NULL, "write the device tree (x86_64: the ACPI tables) to this file and end")},
	{KEY("acpi", BOOL, "on", "x86_64; off: for kernels without ACPI, slots are on the kernel's command line")},
	{.name = NULL},
};

static const struct mortise_property accel_keys[] = {
	{KEY("name", STRING, NULL, "kvm, soft; with colons between them the first that can")},
	{KEY("jit", BOOL, "on", "soft: make host code of the guest's code, or interpret it")},
	{KEY("jit-cache", SIZE, "64M", "soft: room for host code, for each hart")},
	{KEY("jit-dump", STRING, NULL, "soft: write the host code to files of this name")},
	{.name = NULL},
};

static const struct mortise_property memory_keys[] = {
	{KEY("size", SIZE, "256M", "guest memory; a bare number counts MiB")},
	{.name = NULL},
};

static const struct mortise_property smp_keys[] = {
	{KEY("cpus", U32, "1", "number of CPUs")},
	{KEY("maxcpus", U32, NULL, "the same number: CPUs cannot be plugged")},
	{KEY("sockets", U32, NULL, "how they are grouped makes no difference to the guest")},
	{KEY("dies", U32, NULL, "the same")},
	{KEY("clusters", U32, NULL, "the same")},
	{KEY("cores", U32, NULL, "the same")},
	{KEY("threads", U32, NULL, "the same")},
	{.name = NULL},
};

static const struct mortise_property name_keys[] = {
	{KEY("guest", STRING, NULL, "the VM's name")},
	{KEY("debug-threads", BOOL, "on", "makes no difference: threads have names")},
	{.name = NULL},
};

static const struct mortise_property drive_keys[] = {
	{KEY("file", STRING, NULL, "the image's path")},
	{KEY("filename", STRING, NULL, "the same")},
	{KEY("id", STRING, NULL, "name, for -device's drive")},
	{KEY("node-name", STRING, NULL, "the same")},
	{KEY("if", STRING, "none", "must be none")},
	{KEY("format", STRING, "raw", "must be raw")},
	{KEY("driver", STRING, NULL, "file, host_device or null-co")},
	{KEY("size", SIZE, "1G", "of a null-co")},
	{KEY("readonly", BOOL, "off", "whether the guest cannot write")},
	{KEY("read-only", BOOL, "off", "the same")},
	{KEY("auto-read-only", BOOL, "off", "whether it becomes read-only where it cannot be written")},
	{KEY("cache", STRING, "writeback", "writeback, none (past the host's cache) or unsafe (flushes are ignored)")},
	{KEY("direct", BOOL, "off", "whether the host's page cache is bypassed")},
	{KEY("cache.direct", BOOL, "off", "the same")},
	{KEY("cache.no-flush", BOOL, "off", "whether the guest's flushes are ignored")},
	{KEY("discard", STRING, "unmap", "unmap frees what the guest trims, ignore does not")},
	{KEY("detect-zeroes", STRING, "off", "must be off")},
	{KEY("aio", STRING, "io_uring", "threads, native or io_uring")},
	{KEY("locking", STRING, "auto", "whether the image is locked against other processes")},
	{KEY("logical_block_size", SIZE, NULL, "bytes in the smallest request")},
	{KEY("rerror", STRING, "report", "must be report: the guest is told, and so are the monitors")},
	{KEY("werror", STRING, "report", "the same")},
	{.name = NULL},
};

static const struct mortise_property device_keys[] = {
	{KEY("driver", STRING, NULL, "the plugin's name")},
	{KEY("id", STRING, NULL, "name, for device_del")},
	{KEY("addr", U32, NULL, "slot, counted from 0; the first free one when absent")},
	{KEY("lun", U32, NULL, "slot less one")},
	{KEY("bus", STRING, NULL, "the device that this one is plugged into")},
	{KEY("iothread", STRING, NULL, "the iothread object that serves it")},
	{.name = NULL},
};

static const struct mortise_property chardev_keys[] = {
	{KEY("backend", STRING, NULL, "socket, file or null")},
	{KEY("id", STRING, NULL, "name")},
	{KEY("path", STRING, NULL, "of the unix socket or the file")},
	{KEY("host", STRING, "localhost", "a monitor's")},
	{KEY("port", STRING, NULL, "a monitor's")},
	{KEY("server", BOOL, "off", "listen, or connect")},
	{KEY("wait", BOOL, "on", "whether a monitor waits for its client before the guest starts")},
	{KEY("reconnect", U32, "0", "a client's: seconds between attempts to reach the server; 0: one alone")},
	{KEY("reconnect-ms", U32, "0", "the same in milliseconds")},
	{.name = NULL},
};

static const struct mortise_property mon_keys[] = {
	{KEY("chardev", STRING, NULL, "the -chardev that it is on")},
	{KEY("mode", STRING, NULL, "must be control")},
	{KEY("id", STRING, NULL, "a name of its own, which nothing asks for")},
	{KEY("pretty", BOOL, "off", "makes no difference: answers are one line each")},
	{.name = NULL},
};

static const struct mortise_property qmp_keys[] = {
	{KEY("address", STRING, NULL, "unix:PATH or tcp:HOST:PORT")},
	{KEY("server", BOOL, "off", "must be on")},
	{KEY("wait", BOOL, "on", "whether to wait for a client before the guest starts")},
	{.name = NULL},
};

static const struct mortise_property object_keys[] = {
	{KEY("qom-type", STRING, NULL, "iothread, rng-random")},
	{KEY("id", STRING, NULL, "name")},
	{KEY("filename", STRING, "/dev/urandom", "rng-random: where the bytes come from")},
	{.name = NULL},
};

static const struct mortise_property blockdev_keys[] = {
	{KEY("driver", STRING, "raw", "raw, file, host_device or null-co: QMP's blockdev-add has their keys")},
	{KEY("node-name", STRING, NULL, "name")},
	{.name = NULL},
};

/* A netdev's type has its own table: see netdev_tables(). */
static const struct mortise_property netdev_keys[] = {
	{KEY("type", STRING, NULL, "tap, user, stream, dgram, socket")},
	{KEY("id", STRING, NULL, "name")},
	{.name = NULL},
};

static const struct {
	const char *name;
	const struct mortise_property *keys;
	bool open; /* other keys are checked by whoever consumes them */
} options_with_keys[] = {
	{"machine", machine_keys, true},   {"accel", accel_keys, true},	  {"m", memory_keys, false},
	{"smp", smp_keys, false},	   {"name", name_keys, false},	  {"drive", drive_keys, false},
	{"blockdev", blockdev_keys, true}, {"netdev", netdev_keys, true}, {"device", device_keys, true},
	{"chardev", chardev_keys, true},   {"mon", mon_keys, false},	  {"qmp", qmp_keys, true},
	{"object", object_keys, true},
};

static size_t find(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(options_with_keys) && !streq(options_with_keys[i].name, name))
		i++;
	return i;
}

/* Those of all types, after the common ones. */
static const struct mortise_property *const *netdev_tables(void)
{
	static const struct mortise_property *tables[NET_TYPES_MAX + 2];
	size_t count = 0;

	tables[count++] = netdev_keys;
	for (const struct net_type *type = net_type_next(NULL); type && count <= NET_TYPES_MAX;
	     type = net_type_next(type))
		tables[count++] = type->properties;
	return tables;
}

const struct mortise_property *const *keys_of(const char *name)
{
	static const struct mortise_property *tables[ARRAY_SIZE(options_with_keys)][2];
	size_t i = find(name);

	if (i == ARRAY_SIZE(options_with_keys))
		return NULL;
	if (options_with_keys[i].keys == netdev_keys)
		return netdev_tables();
	tables[i][0] = options_with_keys[i].keys;
	return tables[i];
}

static int check_key(const struct mortise_property *keys, const char *key, struct mortise_error *err)
{
	struct hint hint = {0};
	const char *meant;

	for (const struct mortise_property *known = keys; known->name; known++) {
		if (streq(known->name, key))
			return 0;
		hint_offer(&hint, key, known->name);
	}
	meant = hint_nearest(&hint, key);
	return mortise_fail(err, -EINVAL, "Parameter '%s' is unexpected%s%s%s", key, meant ? "; did you mean '" : "",
			    meant ? meant : "", meant ? "'?" : "");
}

int keys_parse(struct options **out, const char *name, const char *text, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = NULL;
	const size_t at = find(name);
	const struct mortise_property *keys = options_with_keys[at].keys;
	const char *flags[FLAGS_MAX + 1] = {NULL};
	size_t count = 0;
	int r;

	for (const struct mortise_property *key = keys; key->name; key++)
		if (key->type == MORTISE_PROPERTY_BOOL && count < FLAGS_MAX)
			flags[count++] = key->name;
	r = options_parse(&options, text, keys->name, flags, err);
	for (size_t i = 0; r == 0 && i < options->count && !options_with_keys[at].open; i++)
		r = check_key(keys, options->items[i].key, err);
	if (r == 0)
		*out = steal_ptr(&options);
	return r;
}
