/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test-cli.c - the command line, good and bad.
 */
#include "unit.h"

#include "cli/cli.h"

#define PARSE(cli, err, ...)                                                        \
	cli_parse(cli, (int)ARRAY_SIZE(((const char *[]){"mortise", __VA_ARGS__})), \
		  (char **)(const char *[]){"mortise", __VA_ARGS__}, err)

static const char *value_of(const struct options *options, const char *key)
{
	const struct option *option = options_find(options, key);

	return option ? option->value : NULL;
}

static void whole_line(void **state)
{
	struct mortise_error err = {0};
	struct cli cli;

	assert_int_equal(PARSE(&cli, &err, "-name", "vm,debug-threads=on", "-machine", "microvm,accel=soft,blk-slots=4",
			       "-m", "512", "-smp", "2", "-kernel", "K", "-initrd", "I", "-append", "console=ttyS0",
			       "-drive", "id=d0,file=/a,,b,readonly=on,direct=off,if=none,format=raw", "-device",
			       "virtio-blk-device,drive=d0,id=d0", "-qmp", "unix:/q,server,nowait", "-S", "-D",
			       "-disable-seccomp"),
			 0);
	assert_string_equal(cli.vm.name, "vm");
	assert_string_equal(cli.vm.machine, "microvm");
	assert_string_equal(cli.vm.accel, "soft");
	assert_string_equal(value_of(cli.vm.machine_options, "blk-slots"), "4");
	assert_int_equal(cli.vm.ram_size, 512 * MIB);
	assert_int_equal(cli.vm.cpus, 2);
	assert_true(cli.vm.start_paused);
	assert_null(cli.log_file);
	assert_int_equal(cli.vm.blockdevs.count, 1);
	assert_string_equal(value_of(cli.vm.blockdevs.items[0], "node-name"), "d0");
	assert_string_equal(value_of(cli.vm.blockdevs.items[0], "filename"), "/a,b");
	assert_string_equal(value_of(cli.vm.blockdevs.items[0], "read-only"), "on");
	assert_string_equal(value_of(cli.vm.blockdevs.items[0], "cache.direct"), "off");
	assert_null(value_of(cli.vm.blockdevs.items[0], "if"));
	assert_int_equal(cli.vm.devices.count, 1);
	assert_string_equal(value_of(cli.vm.devices.items[0], "driver"), "virtio-blk-device");
	assert_int_equal(cli.monitors.count, 1);
	assert_string_equal(value_of(cli.monitors.items[0], "address"), "unix:/q");
	cli_done(&cli);
}

static void memory_sizes(void **state)
{
	struct mortise_error err = {0};
	struct cli cli;

	assert_int_equal(PARSE(&cli, &err, "-m", "1.5G"), 0);
	assert_int_equal(cli.vm.ram_size, 1536 * MIB);
	cli_done(&cli);
	assert_int_equal(PARSE(&cli, &err, "-m", "size=64G"), 0);
	assert_int_equal(cli.vm.ram_size, 64 * GIB);
	cli_done(&cli);
}

static void refusals(void **state)
{
	static const struct {
		const char *option, *value, *named;
	} bad[] = {
		{"-m", "64", "64"},
		{"-m", "65G", "65G"},
		{"-m", "99999999999999", "99999999999999"},
		{"-m", "much", "much"},
		{"-m", "size=1G,slots=3", "slots"},
		{"-smp", "0", "0"},
		{"-smp", "two", "two"},
		{"-smp", "2,maxcpus=4", "maxcpus"},
		{"-drive", "file=/x", "'id'"},
		{"-drive", "id=a,file=/x,format=qcow2", "qcow2"},
		{"-drive", "id=a,file=/x,if=ide", "ide"},
		{"-drive", "id=a,file=/x,cache=odd", "odd"},
		{"-log-level", "loud", "loud"},
		{"-kernle", "x", "'-kernel'"},
		{"-xyzzyplugh", "x", "-help"},
		{"stray", "x", "stray"},
		{"-kernel", NULL, "needs an argument"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *argv[] = {"mortise", bad[i].option, bad[i].value, NULL};
		struct mortise_error err = {0};
		struct cli cli;

		if (cli_parse(&cli, bad[i].value ? 3 : 2, (char **)argv, &err) >= 0)
			fail_msg("'%s %s' was taken", bad[i].option, bad[i].value);
		assert_names(&err, bad[i].named);
		cli_done(&cli);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_line),
		cmocka_unit_test(memory_sizes),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
