/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-bounce.c - a pool of aligned buffers.
 */
#include "backend/block-bounce.h"

#include <errno.h>
#include <stdlib.h>

void bounce_init(struct bounce_pool *pool)
{
	pthread_mutex_init(&pool->lock, NULL);
	pool->idle_count = pool->total = 0;
}

void bounce_destroy(struct bounce_pool *pool)
{
	while (pool->idle_count)
		free(pool->idle[--pool->idle_count]);
	pthread_mutex_destroy(&pool->lock);
}

int bounce_get(struct bounce_pool *pool, void **out)
{
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	if (pool->idle_count) {
		*out = pool->idle[--pool->idle_count];
	} else if (pool->total == BOUNCE_MAX) {
		r = -EAGAIN;
	} else if (posix_memalign(out, BOUNCE_ALIGN, BOUNCE_SIZE)) {
		r = -ENOMEM;
	} else {
		pool->total++;
	}
	pthread_mutex_unlock(&pool->lock);
	return r;
}

void bounce_put(struct bounce_pool *pool, void *buffer)
{
	pthread_mutex_lock(&pool->lock);
	pool->idle[pool->idle_count++] = buffer;
	pthread_mutex_unlock(&pool->lock);
}
