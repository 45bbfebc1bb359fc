/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mortise/block.h - reading and writing a block node from a device.
 */
#ifndef MORTISE_BLOCK_H
#define MORTISE_BLOCK_H

#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A block node that the host has claimed for an instance; opaque. */
struct mortise_block;

enum mortise_block_flag {
	MORTISE_BLOCK_READ_ONLY = 1u << 0,
	MORTISE_BLOCK_DISCARD = 1u << 1,     /* discard frees space */
	MORTISE_BLOCK_WRITE_ZEROES = 1u << 2 /* writing zeroes is cheaper than writing data */
};

/* What a node is. Fill `struct_size` before asking; the host fills no more than that many bytes. */
struct mortise_block_info {
	uint32_t struct_size;
	uint32_t flags;		      /* enum mortise_block_flag, or'ed */
	uint64_t size;		      /* bytes, a multiple of 512; may change, see the class callback block_changed() */
	uint32_t logical_block_size;  /* bytes, a power of two, 512 or more; requests that are multiples of 512 only are
					 read, changed and written */
	uint32_t physical_block_size; /* bytes */
	uint32_t optimal_io_size;     /* bytes; 0: unknown */
	uint32_t max_segments;	      /* iovecs in one request */
	uint64_t max_transfer;	      /* bytes in one request */

	/* Since ABI 1.1. */
	uint64_t max_discard; /* bytes in one DISCARD or WRITE_ZEROES */
};

/*
 * Where the guest finds what block_map() made memory of. Fill `struct_size` before asking; the host fills no more than
 * that many bytes.
 */
struct mortise_mapping {
	uint32_t struct_size;
	uint32_t reserved; /* 0 */
	uint64_t address;  /* guest-physical, a multiple of 128 MiB */
	uint64_t size;	   /* bytes: the node's */
};

enum mortise_block_op {
	MORTISE_BLOCK_READ = 1,
	MORTISE_BLOCK_WRITE = 2,
	MORTISE_BLOCK_FLUSH = 3, /* what was completed before is on stable storage */
	MORTISE_BLOCK_DISCARD_OP = 4,
	MORTISE_BLOCK_WRITE_ZEROES_OP = 5
};

enum mortise_block_request_flag {
	MORTISE_BLOCK_UNMAP = 1u << 0 /* WRITE_ZEROES: the space may be freed */
};

/*
 * One request. Memory of the plugin (usually in a chain's `priv`), lent to the host from block_submit() until done()
 * is called, which always happens exactly once, on the instance's thread, never from inside block_submit().
 * `result` is 0 or a negative errno. A range past the node's end is
 * -EINVAL, a write to a read-only node -EROFS, a full disk -ENOSPC, a vanished medium -EIO.
 */
struct mortise_block_request {
	void (*done)(struct mortise_block_request *request, int result);
	uint32_t op;		 /* enum mortise_block_op */
	uint32_t flags;		 /* enum mortise_block_request_flag, or'ed */
	uint64_t offset;	 /* bytes */
	uint64_t length;	 /* bytes; for READ and WRITE the sum of the iovecs */
	const struct iovec *iov; /* READ and WRITE; lent until done() */
	uint32_t iov_count;
	uint32_t reserved; /* 0 */
	uint64_t host[8];  /* the host's own; leave alone */
};

#ifdef __cplusplus
}
#endif

#endif
