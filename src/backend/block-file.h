/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-file.h - the state of an open raw file or block device, shared by the files of the `file` driver.
 */
#pragma once

#include "backend/block-node.h"

enum block_aio { BLOCK_AIO_IO_URING, BLOCK_AIO_THREADS, BLOCK_AIO_NATIVE };
enum block_locking { BLOCK_LOCKING_AUTO, BLOCK_LOCKING_ON, BLOCK_LOCKING_OFF };

struct block_file {
	const char *path;
	uint32_t aio;	     /* enum block_aio */
	uint32_t locking;    /* enum block_locking */
	uint64_t want_block; /* logical_block_size in bytes; 0: whatever fits */
	bool only_device;    /* driver=host_device */
	bool may_punch;	     /* discard=unmap */

	/* Set by open(), constant while the medium is open. */
	int fd;
	bool is_device;
	uint32_t memory_align; /* bytes; what an iovec's address must be a multiple of; 1: buffered */
	uint32_t length_align; /* bytes; the same for an iovec's length */

	/* What was learnt from failures; any thread, relaxed. */
	atomic_bool no_punch; /* the file system cannot free space */
	atomic_bool no_zero;  /* nor write zeroes cheaply */
	atomic_int
		sync_failed; /* the errno of the first failed fdatasync: data was lost, later successes mean nothing */
};

static inline struct block_file *block_file_of(const struct block_medium *medium)
{
	return medium->private;
}

/* The engines. -ENOSYS, -EPERM, -ENOMEM: no io_uring here. */
int block_uring_new(struct block_engine **out, struct block_file *file, struct block_claim *claim);
int block_threads_new(struct block_engine **out, struct block_file *file, struct block_claim *claim,
		      struct mortise_error *err);
