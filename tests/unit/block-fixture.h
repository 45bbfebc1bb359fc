/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/block-fixture.h - a registry of block nodes, a device's thread and a folder, for the tests of block nodes.
 *
 * The test's own thread is the control thread: what answers later is waited for by turning the control loop.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/block.h"

#define SECTOR 512u

struct fixture {
	struct loop *control, *io;
	struct block_nodes *nodes;
	struct mortise_block *block; /* what fixture_open() opened and claimed */
	struct mortise_error error;  /* of the last call that failed */
	char dir[64];
	const char *options; /* appended to those of fixture_open() */
};

/* Group of tests with a fixture each; `options` may be NULL. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A file in the folder: `size` bytes of fixture_pattern(). The path is good until the next call. */
const char *fixture_path(struct fixture *fixture, const char *name);
const char *fixture_file(struct fixture *fixture, const char *name, uint64_t size);
uint8_t fixture_pattern(uint64_t offset);

/* Synchronous forms; the result, and fixture->error on failure. `text` is a format of command line options. */
int fixture_add(struct fixture *fixture, const char *text, ...) __attribute__((format(printf, 2, 3)));
int fixture_add_options(struct fixture *fixture, struct options *options);
int fixture_del(struct fixture *fixture, const char *name);
int fixture_reopen(struct fixture *fixture, const char *const *texts); /* ended by NULL */
int fixture_change_medium(struct fixture *fixture, const char *filename, const char *read_only);
int fixture_refresh(struct fixture *fixture);
int fixture_resize(struct fixture *fixture, uint64_t size);

/* A new node d0 on a new file "disk" of `size` bytes, claimed for the device's loop. */
void fixture_open(struct fixture *fixture, uint64_t size);
void fixture_close(struct fixture *fixture);

/* One request, waited for. */
int fixture_request(struct fixture *fixture, unsigned op, unsigned flags, uint64_t offset, const struct iovec *iov,
		    unsigned count, uint64_t length);
int fixture_read(struct fixture *fixture, uint64_t offset, void *data, size_t length);
int fixture_write(struct fixture *fixture, uint64_t offset, const void *data, size_t length);

/* Open descriptors of this process. */
unsigned fixture_descriptors(void);

/* The report of a program that cannot run here; returns main()'s status. */
int fixture_skip(const char *why);

/* Asserts that fixture->error holds `text`. */
void assert_error(const struct fixture *fixture, const char *text);
