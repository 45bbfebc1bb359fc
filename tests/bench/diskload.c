/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/diskload.c - a load on a disk, run inside the guest: requests of one size, so many at a time, for so long.
 *
 * usage: diskload DEVICE read|write random|sequential BYTES DEPTH SECONDS
 * Prints the requests a second. Linux's own asynchronous I/O past the page cache; nothing but libc is needed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 64

struct load {
	int fd;
	int opcode, random;
	uint64_t bytes, blocks, next; /* the disk is so many requests long */
	aio_context_t context;
	struct iocb all[DEPTH_MAX];
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "diskload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t next_block(struct load *load)
{
	static uint64_t seed = 88172645463325252u;

	if (!load->random)
		return load->next++ % load->blocks;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % load->blocks;
}

static void submit(struct load *load, struct iocb **iocbs, long count)
{
	for (long i = 0; i < count; i++)
		iocbs[i]->aio_offset = (int64_t)(next_block(load) * load->bytes);
	for (long done = 0; done < count;) {
		long r = syscall(SYS_io_submit, load->context, count - done, iocbs + done);

		if (r < 0 && errno != EAGAIN && errno != EINTR)
			die("io_submit");
		done += r > 0 ? r : 0;
	}
}

static void prepare(struct load *load, char **argv, unsigned depth)
{
	off_t size;

	load->random = !strcmp(argv[3], "random");
	load->opcode = !strcmp(argv[2], "write") ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
	load->bytes = strtoull(argv[4], NULL, 10);
	load->fd = open(argv[1], O_RDWR | O_DIRECT);
	if (load->fd < 0)
		die(argv[1]);
	size = lseek(load->fd, 0, SEEK_END);
	if (size <= 0 || !load->bytes || (uint64_t)size < load->bytes)
		die("the disk is too small");
	load->blocks = (uint64_t)size / load->bytes;
	if (syscall(SYS_io_setup, depth, &load->context) < 0)
		die("io_setup");
	for (unsigned i = 0; i < depth; i++) {
		void *buffer;

		if (posix_memalign(&buffer, 4096, load->bytes))
			die("memory");
		memset(buffer, (int)i, load->bytes);
		load->all[i] = (struct iocb){.aio_fildes = (uint32_t)load->fd,
					     .aio_lio_opcode = (uint16_t)load->opcode,
					     .aio_buf = (uintptr_t)buffer,
					     .aio_nbytes = load->bytes};
	}
}

int main(int argc, char **argv)
{
	static struct load load;
	struct iocb *again[DEPTH_MAX];
	struct io_event events[DEPTH_MAX];
	unsigned depth = argc == 7 ? (unsigned)atoi(argv[5]) : 0;
	double start, end;
	uint64_t count = 0;

	if (!depth || depth > DEPTH_MAX) {
		fprintf(stderr, "usage: diskload DEVICE read|write random|sequential BYTES DEPTH SECONDS\n");
		return 2;
	}
	prepare(&load, argv, depth);
	for (unsigned i = 0; i < depth; i++)
		again[i] = &load.all[i];
	start = now();
	end = start + atof(argv[6]);
	submit(&load, again, depth);
	while (now() < end) {
		long r = syscall(SYS_io_getevents, load.context, 1, depth, events, NULL);

		if (r < 0 && errno != EINTR)
			die("io_getevents");
		for (long i = 0; i < r; i++) {
			if (events[i].res != (int64_t)load.bytes) {
				errno = (int)-events[i].res;
				die("request");
			}
			again[i] = (struct iocb *)(uintptr_t)events[i].obj;
		}
		count += r > 0 ? (uint64_t)r : 0;
		submit(&load, again, r > 0 ? r : 0);
	}
	printf("%.1f\n", (double)count / (now() - start));
	return 0;
}
