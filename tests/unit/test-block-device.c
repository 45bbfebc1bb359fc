/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/test-block-device.c - block devices, on a loop device. Skipped where one cannot be had (not root).
 */
#include "block-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "base/util.h"

#define DISK_SIZE (4 * MIB)

/* A loop device on `path` with 4096-byte sectors, which goes away with the last descriptor; -1: cannot be had. */
static int loop_device(const char *path, unsigned sector, char name[32])
{
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int file = open(path, O_RDWR | O_CLOEXEC);

	for (int tries = 0; control >= 0 && file >= 0 && tries < 10; tries++) {
		struct loop_config config = {
			.fd = (unsigned)file, .block_size = sector, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		_cleanup_close_ int device = -1;

		snprintf(name, 32, "/dev/loop%d", number);
		device = number < 0 ? -1 : open(name, O_RDWR | O_CLOEXEC);
		if (device < 0)
			break;
		if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
			return steal_fd(&device);
		if (errno != EBUSY) /* somebody else was faster */
			break;
	}
	return -1;
}

static void open_device(struct fixture *fixture, const char *name, const char *options)
{
	if (fixture_add(fixture, "node-name=d0,filename=%s%s", name, options))
		fail_msg("%s", fixture->error.message);
	fixture->block = block_find(fixture->nodes, "d0");
	assert_int_equal(block_claim(fixture->block, "v0", fixture->io, NULL), 0);
}

static void use_device(struct fixture *fixture, const char *options)
{
	char name[32];
	_cleanup_close_ int device = loop_device(fixture_file(fixture, "disk", DISK_SIZE), 4096, name);
	struct mortise_block_info info = {.struct_size = sizeof(info)};
	_cleanup_free_ uint8_t *data = aligned_alloc(4096, 8192);

	assert_true(device >= 0);
	open_device(fixture, name, options);
	block_info(fixture->block, &info);
	assert_int_equal(info.size, DISK_SIZE);
	assert_int_equal(info.logical_block_size, 4096);
	assert_in_range(info.physical_block_size, 4096, MIB);

	assert_int_equal(fixture_read(fixture, 8192, data, 4096), 0);
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(data[i], fixture_pattern(8192 + i));
	assert_int_equal(fixture_read(fixture, 512, data, 4096), 0); /* its sectors are larger */
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(data[i], fixture_pattern(512 + i));
	memset(data, 0x77, 4096);
	assert_int_equal(fixture_write(fixture, 4096, data, 4096), 0);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_FLUSH, 0, 0, NULL, 0, 0), 0);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_WRITE_ZEROES_OP, 0, 8192, NULL, 0, MIB), 0);
	assert_int_equal(fixture_request(fixture, MORTISE_BLOCK_DISCARD_OP, 0, 2 * MIB, NULL, 0, MIB), 0);
	assert_int_equal(fixture_read(fixture, 4096, data, 8192), 0);
	assert_int_equal(data[0], 0x77);
	assert_int_equal(data[4096], 0);
	assert_int_equal(fixture_resize(fixture, 2 * DISK_SIZE), -ENOTSUP);
	assert_error(fixture, "it is a block device");
	fixture_close(fixture);
}

static void test_buffered(void **state)
{
	use_device(*state, "");
}

static void test_direct(void **state)
{
	use_device(*state, ",driver=host_device,cache.direct=on");
}

static void test_threads(void **state)
{
	use_device(*state, ",file.driver=host_device,cache.direct=on,aio=threads");
}

static void test_grows(void **state)
{
	struct fixture *fixture = *state;
	char name[32];
	const char *path = fixture_file(fixture, "disk", DISK_SIZE);
	_cleanup_close_ int device = loop_device(path, 512, name);
	struct mortise_block_info info = {.struct_size = sizeof(info)};

	assert_true(device >= 0);
	open_device(fixture, name, "");
	assert_int_equal(truncate(path, 2 * DISK_SIZE), 0);
	assert_int_equal(ioctl(device, LOOP_SET_CAPACITY), 0);
	assert_int_equal(fixture_refresh(fixture), 0);
	block_info(fixture->block, &info);
	assert_int_equal(info.size, 2 * DISK_SIZE);
	fixture_close(fixture);
}

static void test_small_sectors_are_refused(void **state)
{
	struct fixture *fixture = *state;
	char name[32];
	_cleanup_close_ int device = loop_device(fixture_file(fixture, "disk", DISK_SIZE), 4096, name);

	assert_true(device >= 0);
	assert_int_equal(fixture_add(fixture, "node-name=d0,logical_block_size=512,filename=%s", name), -EINVAL);
	assert_error(fixture, "is below the 4096 bytes");
}

static bool possible(void)
{
	char path[] = "/tmp/mortise-loop.XXXXXX", name[32];
	_cleanup_close_ int fd = mkostemp(path, O_CLOEXEC), device = -1;

	if (fd >= 0 && ftruncate(fd, MIB) == 0)
		device = loop_device(path, 4096, name);
	unlink(path);
	return device >= 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_buffered),
		TEST(test_direct),
		TEST(test_threads),
		TEST(test_grows),
		TEST(test_small_sectors_are_refused),
	};

	if (!possible())
		return fixture_skip("no loop device can be made: needs root and /dev/loop-control");
	return cmocka_run_group_tests_name("block-device", tests, NULL, NULL);
}
