/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test-base.c - options, numbers, guest memory, the MMIO map.
 */
#include "unit.h"

#include <sys/mman.h>

#include "base/mmio.h"
#include "base/options.h"
#include "base/ram.h"

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {
		{"0", 0},
		{"1", 1},
		{"0x10", 16},
		{"512", 512},
		{"1K", 1024},
		{"1.5M", 1572864},
		{"2g", UINT64_C(2) << 30},
		{"0.5T", UINT64_C(1) << 39},
		{"18446744073709551615", UINT64_MAX},
		{"15E", UINT64_C(15) << 60},
	};
	static const char *const bad[] = {
		"",
		" 1",
		"1 ",
		"-1",
		"+1",
		"x",
		"1X",
		"1KB",
		"0x",
		"1.5",
		"1.M",
		".5M",
		"16E",
		"0x1.8M",
		"1e3",
		"nan",
		"18446744073709551616",
	};
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(parse_size(good[i].text, &value), 0);
		assert_int_equal(value, good[i].value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		value = 77;
		if (parse_size(bad[i], &value) >= 0)
			fail_msg("'%s' was taken for a size", bad[i]);
		assert_int_equal(value, 77);
	}
	assert_true(parse_u64("1K", &value) < 0);
	assert_int_equal(parse_u64("0x1F", &value), 0);
	assert_int_equal(value, 31);
}

static void macs(void **state)
{
	static const char *const bad[] = {"",
					  "52:54:00:12:34",
					  "52:54:00:12:34:56:78",
					  "52-54-00-12-34-56",
					  "5:54:00:12:34:56",
					  "53:54:00:12:34:56",
					  "00:00:00:00:00:00",
					  "52:54:00:12:34:5g"};
	static const uint8_t expected[6] = {0x52, 0x54, 0, 0x12, 0x34, 0xab};
	uint8_t mac[6];

	assert_int_equal(parse_mac("52:54:00:12:34:aB", mac), 0);
	assert_memory_equal(mac, expected, 6);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(parse_mac(bad[i], mac) < 0);
}

static void option_lists(void **state)
{
	static const char *const flags[] = {"server", "wait", NULL}, *const repeatable[] = {"a+", NULL};
	_cleanup_(options_free_p) struct options *options = NULL;
	struct mortise_error err = {0};
	const char *text;
	uint64_t number;
	bool flag;

	assert_int_equal(options_parse(&options, "unix:/a,,b,server,nowait,size=1M,n=7", "path", flags, &err), 0);
	assert_int_equal(options_string(options, "path", &text, &err), 0);
	assert_string_equal(text, "unix:/a,b");
	assert_int_equal(options_bool(options, "server", &flag, &err), 0);
	assert_true(flag);
	assert_int_equal(options_bool(options, "wait", &flag, &err), 0);
	assert_false(flag);
	assert_int_equal(options_size(options, "size", &number, &err), 0);
	assert_int_equal(number, 1 << 20);
	assert_true(options_done(options, &err) < 0);
	assert_names(&err, "'n'");
	assert_int_equal(options_u64(options, "n", &number, &err), 0);
	assert_int_equal(options_done(options, &err), 0);
	assert_int_equal(options_u64(options, "absent", &number, &err), -ENOENT);

	options = options_free(options);
	assert_int_equal(options_parse(&options, "a=1,b=2,a=3,a=4", NULL, repeatable, &err), 0);
	assert_string_equal(options_find(options, "a")->value, "1");
	assert_string_equal(options_find(options, "a.1")->value, "3");
	assert_string_equal(options_find(options, "a.2")->value, "4");

	options = options_free(options);
	assert_true(options_parse(&options, "a=1,a=2", NULL, NULL, &err) < 0);
	assert_names(&err, "'a'");
	assert_null(options);
	assert_true(options_parse(&options, "=1", NULL, NULL, &err) < 0);
}

static void option_types(void **state)
{
	_cleanup_(options_free_p) struct options *options = options_new();
	struct mortise_error err = {0};
	const char *text;
	uint64_t number;
	bool flag;

	assert_int_equal(options_add(options, "string", "12", OPTION_STRING, &err), 0);
	assert_int_equal(options_add(options, "number", "12", OPTION_NUMBER, &err), 0);
	assert_int_equal(options_add(options, "bool", "on", OPTION_BOOL, &err), 0);
	assert_int_equal(options_u64(options, "string", &number, &err), -EINVAL);
	assert_names(&err, "Invalid parameter type for 'string', expected: integer");
	assert_int_equal(options_u64_text(options, "string", &number, &err), 0);
	assert_int_equal(options_string(options, "number", &text, &err), -EINVAL);
	assert_int_equal(options_bool(options, "number", &flag, &err), -EINVAL);
	assert_int_equal(options_u64_text(options, "bool", &number, &err), -EINVAL);
}

static void ram_bounds(void **state)
{
	_cleanup_(ram_free_p) struct ram *ram = NULL;
	struct mortise_error err = {0};
	const uint64_t size = 128 * MIB, base = UINT64_C(0x80000000);

	assert_int_equal(ram_new(&ram, 1 * MIB, false, &err), -EINVAL);
	assert_int_equal(ram_new(&ram, RAM_MAX + RAM_PAGE_SIZE, false, &err), -EINVAL);
	assert_int_equal(ram_new(&ram, size, false, &err), 0);
	assert_int_equal(ram_map(ram, base, size / 2, &err), 0);
	assert_true(ram_map(ram, base, size, &err) < 0);
	assert_int_equal(ram_map(ram, UINT64_C(1) << 32, size / 2, &err), 0);

	assert_ptr_equal(ram_at(ram, base, 1), ram->host);
	assert_ptr_equal(ram_at(ram, base, size / 2), ram->host);
	assert_ptr_equal(ram_at(ram, UINT64_C(1) << 32, 8), ram->host + size / 2);
	assert_null(ram_at(ram, base, size / 2 + 1));
	assert_null(ram_at(ram, base + size / 2, 1));
	assert_null(ram_at(ram, base - 1, 1));
	assert_null(ram_at(ram, base, 0));
	assert_null(ram_at(ram, UINT64_MAX, 2));
	assert_null(ram_at(ram, base + 8, UINT64_MAX));

	ram->host[5] = 1;
	assert_int_equal(ram_clear(ram, &err), 0);
	assert_int_equal(ram->host[5], 0);
}

static void count_write(void *opaque, uint64_t gpa, uint64_t len)
{
	++*(unsigned *)opaque;
}

static void ram_watching(void **state)
{
	_cleanup_(ram_free_p) struct ram *ram = NULL;
	_cleanup_free_ uint8_t *map = calloc(1, 128 * MIB >> RAM_PAGE_SHIFT);
	struct mortise_error err = {0};
	unsigned count = 0;

	assert_int_equal(ram_new(&ram, 128 * MIB, true, &err), 0);
	assert_int_equal(ram_map(ram, 0, 128 * MIB, &err), 0);
	ram_written(ram, 0, 4096);
	ram->watch = (struct ram_watch){.written = count_write, .opaque = &count, .code_map = map};
	map[2] = 1;
	ram_written(ram, 0, 2 * RAM_PAGE_SIZE);
	assert_int_equal(count, 0);
	ram_written(ram, 2 * RAM_PAGE_SIZE - 1, 2);
	assert_int_equal(count, 1);
	ram_written(ram, 3 * RAM_PAGE_SIZE, 1);
	assert_int_equal(count, 1);
	ram_written(ram, 0, 128 * MIB);
	assert_int_equal(count, 2);
	assert_int_equal(ram_clear(ram, &err), 0);
}

static int temporary_file(uint64_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, "data", 4, 0), 4);
	return fd;
}

/* The accelerator's part: which files there are. */
static int note_file(void *opaque, unsigned index, const struct ram_range *range, bool present)
{
	unsigned *there = opaque;

	assert_true(index < RAM_FILES_MAX);
	if (present && range->size == RAM_PAGE_SIZE)
		return -EIO;
	*there ^= 1u << index;
	return 0;
}

#define FILES (UINT64_C(1) << 40)

static void ram_files(void **state)
{
	_cleanup_(ram_free_p) struct ram *ram = NULL;
	const uint64_t size = 3 * MIB, apart = 128 * MIB;
	const int fd = temporary_file(size);
	struct ram_range ranges[RAM_FILES_MAX + 1];
	struct mortise_error err = {0};
	unsigned there = 0;
	char *stale, data[4];

	assert_int_equal(ram_new(&ram, 128 * MIB, false, &err), 0);
	assert_int_equal(ram_map(ram, 0, 128 * MIB, &err), 0);
	assert_int_equal(ram_map_file(ram, fd, size, true, &ranges[0], &err), -ENOTSUP);
	ram_place_files(ram, FILES);
	ram->watch = (struct ram_watch){.file = note_file, .opaque = &there};
	assert_null(ram_at(ram, FILES, 1));

	for (unsigned i = 0; i < RAM_FILES_MAX; i++) {
		assert_int_equal(ram_map_file(ram, fd, size, i > 0, &ranges[i], &err), 0);
		assert_int_equal(ranges[i].base, FILES + i * apart);
		assert_memory_equal(ram_at(ram, ranges[i].base, size), "data", 4);
	}
	assert_int_equal(there, UINT32_MAX);
	assert_int_equal(ram_map_file(ram, fd, size, true, &ranges[RAM_FILES_MAX], &err), -ENOSPC);
	assert_null(ram_at(ram, FILES, size + 1));
	assert_null(ram_at(ram, FILES - 1, 2));
	assert_null(ram_at(ram, FILES + size, 1));
	assert_null(ram_at(ram, FILES, 0));
	assert_null(ram_at(ram, FILES + 8, UINT64_MAX));

	/* The file changes where it is writable alone; its memory is nothing that could be given back. */
	memcpy(ram_at(ram, FILES, 4), "mine", 4);
	assert_int_equal(pread(fd, data, 4, 0), 4);
	assert_memory_equal(data, "data", 4);
	memcpy(ram_at(ram, FILES + apart, 4), "ours", 4);
	assert_int_equal(pread(fd, data, 4, 0), 4);
	assert_memory_equal(data, "ours", 4);
	assert_int_equal(ram_discard(ram, ram_at(ram, FILES, size), size), -EFAULT);

	/* Who has an address still, harms nobody; the place is for the next one. */
	stale = ram_at(ram, FILES + apart, 4);
	ram_unmap_file(ram, &ranges[1]);
	assert_int_equal(there, UINT32_MAX & ~2u);
	assert_null(ram_at(ram, FILES + apart, 1));
	memcpy(stale, "gone", 4);
	assert_int_equal(pread(fd, data, 4, 0), 4);
	assert_memory_equal(data, "ours", 4);
	assert_int_equal(ram_map_file(ram, fd, RAM_PAGE_SIZE, true, &ranges[1], &err), -EIO);
	assert_null(ram_at(ram, FILES + apart, 1));
	assert_int_equal(ram_map_file(ram, fd, apart, true, &ranges[1], &err), 0);
	assert_int_equal(ranges[1].base, FILES + apart);
	assert_int_equal(ram_map_file(ram, fd, size + 1, true, &ranges[0], &err), -EINVAL);
	for (unsigned i = 0; i < RAM_FILES_MAX; i++)
		ram_unmap_file(ram, &ranges[i]);
	assert_int_equal(there, 0);
	assert_int_equal(ram_map_file(ram, fd, RAM_FILES_SIZE + RAM_PAGE_SIZE, true, &ranges[0], &err), -ENOSPC);
	assert_int_equal(ram_map_file(ram, fd, RAM_FILES_SIZE, true, &ranges[0], &err), 0);
	assert_non_null(ram_at(ram, FILES, RAM_FILES_SIZE));
	close(fd);
}

static uint64_t read_offset(void *opaque, uint64_t offset, unsigned width)
{
	return *(uint64_t *)opaque + offset;
}

static void mmio(void **state)
{
	static const struct mmio_ops ops = {.read = read_offset};
	struct mmio_map map = {0};
	struct mortise_error err = {0};
	uint64_t names[40], value;

	/* In an order that is not the addresses'. */
	for (unsigned i = 0; i < 40; i++) {
		unsigned n = (i * 7) % 40;
		struct mmio_region region = {
			.name = "r", .base = n * 0x1000, .size = 0x200, .ops = &ops, .opaque = &names[n]};

		names[n] = n * 1000000;
		assert_int_equal(mmio_add(&map, &region, &err), 0);
		assert_int_equal(mmio_add(&map, &region, &err), -EEXIST);
	}
	for (unsigned n = 0; n < 40; n++) {
		assert_true(mmio_read(&map, n * 0x1000 + 0x1fc, 4, &value));
		assert_int_equal(value, n * 1000000 + 0x1fc);
		assert_false(mmio_read(&map, n * 0x1000 + 0x1fc, 8, &value));
		assert_false(mmio_read(&map, n * 0x1000 + 0x200, 1, &value));
	}
	assert_false(mmio_read(&map, UINT64_MAX, 8, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),	cmocka_unit_test(macs),	      cmocka_unit_test(option_lists),
		cmocka_unit_test(option_types), cmocka_unit_test(ram_bounds), cmocka_unit_test(ram_watching),
		cmocka_unit_test(ram_files),	cmocka_unit_test(mmio),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
