/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/rest.c - how vCPU threads come to rest together, and go on.
 */
#include "accel/rest.h"

void rest_init(struct rest *rest, void (*all)(void *opaque), void *opaque)
{
	*rest = (struct rest){.all = all, .opaque = opaque, .asked = true};
	pthread_mutex_init(&rest->lock, NULL);
	pthread_cond_init(&rest->changed, NULL);
}

void rest_done(struct rest *rest)
{
	pthread_cond_destroy(&rest->changed);
	pthread_mutex_destroy(&rest->lock);
}

void rest_join(struct rest *rest)
{
	pthread_mutex_lock(&rest->lock);
	rest->threads++;
	pthread_mutex_unlock(&rest->lock);
}

void rest_ask(struct rest *rest)
{
	bool all;

	pthread_mutex_lock(&rest->lock);
	__atomic_store_n(&rest->asked, true, __ATOMIC_SEQ_CST);
	all = rest->resting == rest->threads;
	rest->owed = !all;
	pthread_cond_broadcast(&rest->changed);
	pthread_mutex_unlock(&rest->lock);
	if (all)
		rest->all(rest->opaque);
}

void rest_release(struct rest *rest)
{
	pthread_mutex_lock(&rest->lock);
	__atomic_store_n(&rest->asked, false, __ATOMIC_SEQ_CST);
	rest->owed = false;
	pthread_cond_broadcast(&rest->changed);
	pthread_mutex_unlock(&rest->lock);
}

void rest_end(struct rest *rest)
{
	pthread_mutex_lock(&rest->lock);
	rest->ending = true;
	__atomic_store_n(&rest->asked, true, __ATOMIC_SEQ_CST);
	pthread_cond_broadcast(&rest->changed);
	pthread_mutex_unlock(&rest->lock);
}

bool rest_here(struct rest *rest)
{
	bool ending;

	if (!__atomic_load_n(&rest->asked, __ATOMIC_SEQ_CST))
		return true;
	pthread_mutex_lock(&rest->lock);
	if (rest->asked && !rest->ending) {
		rest->resting++;
		if (rest->owed && rest->resting == rest->threads) {
			rest->owed = false;
			pthread_mutex_unlock(&rest->lock);
			rest->all(rest->opaque);
			pthread_mutex_lock(&rest->lock);
		}
		while (rest->asked && !rest->ending)
			pthread_cond_wait(&rest->changed, &rest->lock);
		rest->resting--;
	}
	ending = rest->ending;
	pthread_mutex_unlock(&rest->lock);
	return !ending;
}

void rest_await(struct rest *rest)
{
	pthread_mutex_lock(&rest->lock);
	while (!rest->asked)
		pthread_cond_wait(&rest->changed, &rest->lock);
	pthread_mutex_unlock(&rest->lock);
}
