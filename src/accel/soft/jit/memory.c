/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/jit/memory.c - memory for code: two mappings of the same pages, so that none is ever both written and run.
 *
 * x86 processors look for writes to code that they have fetched by its physical address, and each hart's thread writes
 * its own code only: the jump that leads there behind a write is all the ordering that is needed.
 */
#include "accel/soft/jit/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* Linux from 6.3 on wants to be told that a memfd is for code; older ones refuse the flag. */
static int open_memfd(void)
{
	int fd = memfd_create("mortise-jit", MFD_CLOEXEC | MFD_EXEC);

	return fd < 0 && errno == EINVAL ? memfd_create("mortise-jit", MFD_CLOEXEC) : fd;
}

static int refused(struct mortise_error *err)
{
	int error = -errno;

	return mortise_fail(err, error, "The host gives no memory for code: %s; -accel soft,jit=off does without",
			    strerror(-error));
}

int jit_memory_map(uint8_t **write, uint8_t **exec, size_t size, struct mortise_error *err)
{
	_cleanup_close_ int fd = open_memfd();
	void *writable, *executable;
	int r;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return refused(err);
	writable = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (writable == MAP_FAILED)
		return refused(err);
	executable = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (executable == MAP_FAILED) {
		r = refused(err);
		munmap(writable, size);
		return r;
	}
	*write = writable;
	*exec = executable;
	return 0;
}

void jit_memory_unmap(uint8_t *write, uint8_t *exec, size_t size)
{
	munmap(write, size);
	munmap(exec, size);
}
