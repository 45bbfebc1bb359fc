/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim-chains.c - chains as the plugin sees them: copies between fences, closed when they are given back.
 *
 * The core's chain remembers its copy in its `priv`, so that `priv` keeps its content from one use to the next.
 */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"

static struct shown *free_list; /* closed; the instance's thread, and there is one instance at work at a time */

static struct shown *make(uint32_t room, uint32_t priv_size)
{
	struct shown *shown = calloc(1, sizeof(*shown));

	if (!shown)
		return NULL;
	shown->room = room;
	shown->view =
		area_new(sizeof(*shown->chain) + room * sizeof(struct iovec), "a chain", RULE_PRIV, RULE_CHAIN_GONE);
	shown->priv = area_new(priv_size, "a chain's priv", RULE_PRIV, RULE_CHAIN_GONE);
	if (shown->view && shown->priv)
		return shown;
	free(shown);
	return NULL;
}

/* One that is free and has room, or a new one; its `priv` zeroed. */
static struct shown *take(uint32_t room, uint32_t priv_size)
{
	for (struct shown **at = &free_list; *at; at = &(*at)->next) {
		struct shown *shown = *at;

		if (shown->room < room)
			continue;
		*at = shown->next;
		area_reuse(shown->priv, priv_size);
		return shown;
	}
	return make(MAX(room, 16), priv_size);
}

static void give_back(struct shown *shown)
{
	shown->core = NULL;
	area_close(shown->view);
	area_close(shown->priv);
}

static struct iovec *copy(struct iovec *to, const struct iovec *from, uint32_t count)
{
	memcpy(to, from, count * sizeof(*to));
	return to;
}

struct mortise_chain *shown_new(struct shim *shim, struct mortise_chain *core)
{
	struct shown **of_core = core->priv, *shown = *of_core;
	const uint32_t room = core->out_count + core->in_count;
	struct iovec *iov;

	if (shown && shown->room < room) {
		struct area *priv = shown->priv; /* what is in it stays */

		shown = make(room, (uint32_t)priv->size);
		if (shown) {
			area_open(priv);
			memcpy(shown->priv->data, priv->data, priv->size);
			area_close(priv);
		}
	} else if (!shown) {
		shown = take(room, shim->real->request_size);
	} else {
		area_open(shown->priv);
	}
	if (!shown)
		phase_no_memory();
	if (shown != *of_core) {
		shown->next = shim->shown;
		shim->shown = shown;
		*of_core = shown;
	}
	area_reuse(shown->view, sizeof(*core) + room * sizeof(*iov));
	shown->chain = (struct mortise_chain *)shown->view->data;
	iov = (struct iovec *)(shown->chain + 1);
	*shown->chain = *core;
	shown->chain->out = copy(iov, core->out, core->out_count);
	shown->chain->in = copy(iov + core->out_count, core->in, core->in_count);
	shown->chain->priv = shown->priv->data;
	shown->core = core;
	shown->popped = ++shim->popped;
	shim->in_flight++;
	return shown->chain;
}

/* Whether nothing of its queue was popped later and is still held. */
static bool is_last(const struct shim *shim, const struct shown *shown)
{
	for (const struct shown *other = shim->shown; other; other = other->next)
		if (other->core && other->core->queue == shown->core->queue && other->popped > shown->popped)
			return false;
	return true;
}

struct mortise_chain *shown_take(struct shim *shim, struct mortise_chain *chain, const char *service, bool last)
{
	struct mortise_chain *core;
	struct shown *shown = shim->shown;

	while (shown && (!shown->core || shown->chain != chain))
		shown = shown->next;
	rule_kept(RULE_CHAIN_ONCE);
	rule_kept(RULE_CHAIN_GONE);
	if (!shown) {
		rule_broken(RULE_CHAIN_ONCE, "%s() gets a chain that the plugin does not hold (%s)", service,
			    call_words());
		return NULL;
	}
	if (last && !is_last(shim, shown)) {
		rule_broken(RULE_CHAIN_ONCE, "%s() gets a chain that was not popped last (%s)", service, call_words());
		return NULL;
	}
	area_check(shown->view);
	area_check(shown->priv);
	core = shown->core;
	give_back(shown);
	shim->in_flight--;
	return core;
}

void shown_forget(struct shim *shim)
{
	struct shown *shown;

	while ((shown = shim->shown)) {
		shim->shown = shown->next;
		give_back(shown);
		shown->next = free_list;
		free_list = shown;
	}
	shim->in_flight = 0;
}

static bool holds(const struct iovec *iov, uint32_t count, uintptr_t base, uint64_t size)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t offset = base - (uintptr_t)iov[i].iov_base;

		if (offset <= iov[i].iov_len && size <= iov[i].iov_len - offset)
			return true;
	}
	return false;
}

bool shown_holds(const struct shim *shim, const void *base, uint64_t size)
{
	for (const struct shown *shown = shim->shown; shown; shown = shown->next)
		if (shown->core && (holds(shown->core->out, shown->core->out_count, (uintptr_t)base, size) ||
				    holds(shown->core->in, shown->core->in_count, (uintptr_t)base, size)))
			return true;
	return false;
}
