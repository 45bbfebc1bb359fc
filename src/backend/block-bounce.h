/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-bounce.h - a few aligned buffers for requests whose memory O_DIRECT would refuse.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>

#define BOUNCE_SIZE (size_t)(256 * 1024)
#define BOUNCE_ALIGN 4096
#define BOUNCE_MAX 16 /* buffers of one pool: 4 MiB */

/* Made by bounce_init(); buffers are allocated when needed and kept. Any thread. */
struct bounce_pool {
	pthread_mutex_t lock;
	void *idle[BOUNCE_MAX];
	unsigned idle_count, total;
};

void bounce_init(struct bounce_pool *pool);
void bounce_destroy(struct bounce_pool *pool); /* all buffers were given back */

/* -EAGAIN: all are in use; -ENOMEM. */
int bounce_get(struct bounce_pool *pool, void **out);
void bounce_put(struct bounce_pool *pool, void *buffer);
