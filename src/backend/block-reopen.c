/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-reopen.c - blockdev-reopen: other media, or other options, for nodes that devices may be using.
 *
 * All nodes of one call get their new medium, or none does. The new media are opened; the requests of those devices
 * are held until those submitted earlier are over; what was written is put on stable storage; the locks pass from the
 * old media to the new ones; each device's own thread exchanges the two and lets requests go on; the old media are
 * closed. Whatever fails before the exchange leaves everything as it was.
 */
#include <errno.h>

#include "backend/block-node.h"
#include "base/log.h"

struct block_reopen {
	struct block_nodes *nodes;
	struct block_reopen *next;
	struct reply *reply;
	int result; /* what the reply will say */
	struct mortise_error error;
	unsigned waiting; /* for answers of that many loops */
	bool lingering;	  /* claims that were released meanwhile keep the old media from being closed */

	/* The job under way on a worker thread. */
	int (*run)(struct block_reopen *reopen, struct mortise_error *err);
	void (*finish)(struct block_reopen *reopen);
	struct work work;
	struct task task;
	bool finished; /* guarded by the registry's lock */

	unsigned count;
	struct block_switch changes[];
};

#define EACH_CHANGE(change, reopen) \
	(struct block_switch *change = (reopen)->changes; change < (reopen)->changes + (reopen)->count; change++)

/* The claim whose loop takes part: nobody can have claimed the node meanwhile. */
static struct block_claim *claim_of(const struct block_switch *change)
{
	return change->claim ? change->node->claim : NULL;
}

static struct block_reopen *reopen_free(struct block_reopen *reopen)
{
	if (!reopen)
		return NULL;
	for
		EACH_CHANGE(change, reopen)
		{
			if (change->engine)
				change->engine->detach(change->engine);
			block_medium_free(change->medium);
		}
	free(reopen);
	return NULL;
}
DEFINE_CLEANUP(struct block_reopen *, reopen_free)

void block_reopens_free(struct block_nodes *nodes)
{
	struct block_reopen *next;

	for (struct block_reopen *reopen = nodes->reopens; reopen; reopen = next) {
		next = reopen->next;
		reopen_free(reopen);
	}
}

/* --- jobs --- */

static int close_media(struct block_reopen *reopen, struct mortise_error *err)
{
	for
		EACH_CHANGE(change, reopen)
	block_medium_close(change->medium);
	return 0;
}

static void job_work(struct work *work)
{
	struct block_reopen *reopen = container_of(work, struct block_reopen, work);
	struct mortise_error error = {""};
	int r = reopen->run(reopen, &error);

	if (r < 0) {
		reopen->result = r;
		reopen->error = error;
	}
	if (!block_hand_back(reopen->nodes, &reopen->task, &reopen->finished))
		close_media(reopen, NULL);
}

static void job_done(struct task *task)
{
	struct block_reopen *reopen = container_of(task, struct block_reopen, task);

	reopen->finish(reopen);
}

static void start_job(struct block_reopen *reopen, int (*run)(struct block_reopen *, struct mortise_error *),
		      void (*finish)(struct block_reopen *))
{
	reopen->work.run = job_work;
	reopen->task.run = job_done;
	reopen->run = run;
	reopen->finish = finish;
	workers_submit(reopen->nodes->workers, &reopen->work);
}

/* --- the last step: closing what is not in the nodes --- */

static void finish_closing(struct block_reopen *reopen)
{
	struct block_reopen **at = &reopen->nodes->reopens;

	while (*at != reopen)
		at = &(*at)->next;
	*at = reopen->next;
	for
		EACH_CHANGE(change, reopen)
		{
			change->node->change = NULL;
			block_close_if_idle(change->node);
		}
	reopen->reply->error = reopen->error;
	reply_post(reopen->reply, reopen->nodes->control, reopen->result);
	reopen_free(reopen);
}

static void close_when_unused(struct block_reopen *reopen)
{
	reopen->lingering = true;
	for
		EACH_CHANGE(change, reopen)
	for (const struct block_claim *claim = change->node->claims; claim; claim = claim->next)
		if (claim != change->node->claim)
			return;
	start_job(reopen, close_media, finish_closing);
}

void block_reopen_claim_gone(struct mortise_block *node)
{
	if (node->change->reopen->lingering)
		close_when_unused(node->change->reopen);
}

/* --- the exchange --- */

static void end_exchange(struct block_reopen *reopen)
{
	for
		EACH_CHANGE(change, reopen)
		{
			struct block_claim *claim = claim_of(change);

			if (!claim || !change->install)
				continue;
			claim->aio = claim->engine->name;
			block_claim_changed(claim);
		}
	close_when_unused(reopen);
}

static void on_exchanged(struct task *task)
{
	struct block_switch *change = container_of(task, struct block_switch, answer);
	struct block_reopen *reopen = change->reopen;

	if (!--reopen->waiting)
		end_exchange(reopen);
}

/* After a failure the same without an exchange: requests go on with the media that they were held for. */
static void exchange(struct block_reopen *reopen)
{
	for
		EACH_CHANGE(change, reopen)
		{
			struct block_claim *claim = claim_of(change);

			change->install = reopen->result == 0;
			if (claim) {
				reopen->waiting++;
				change->answer.run = on_exchanged;
				block_claim_go_on(claim, change);
			} else if (change->install) {
				change->medium = atomic_exchange(&change->node->medium, change->medium);
			}
		}
	if (!reopen->waiting)
		end_exchange(reopen);
}

/* --- settling: no request is under way --- */

static int lock_media(struct block_reopen *reopen, struct mortise_error *err)
{
	for
		EACH_CHANGE(change, reopen)
		{
			int r = block_medium_lock(change->medium, err);

			if (r < 0)
				return r;
		}
	return 0;
}

static void relock(struct block_reopen *reopen)
{
	struct mortise_error err = {""};

	for
		EACH_CHANGE(change, reopen)
	block_medium_unlock(change->medium);
	for
		EACH_CHANGE(change, reopen)
	if (block_medium_lock(block_medium_of(change->node), &err) < 0)
		log_error("node %s goes on without its lock: %s", change->node->name, err.message);
}

/* Old and new media may be the same files, even crosswise: so all locks are given back before any is taken. */
static int settle(struct block_reopen *reopen, struct mortise_error *err)
{
	int r = 0;

	for
		EACH_CHANGE(change, reopen)
		{
			struct block_medium *old = block_medium_of(change->node);

			if (r == 0 && old->driver->sync)
				r = old->driver->sync(old, err);
		}
	if (r < 0)
		return r;
	for
		EACH_CHANGE(change, reopen)
	block_medium_unlock(block_medium_of(change->node));
	r = lock_media(reopen, err);
	if (r < 0)
		relock(reopen);
	return r;
}

static void on_held(struct task *task)
{
	struct block_switch *change = container_of(task, struct block_switch, answer);
	struct block_reopen *reopen = change->reopen;

	if (!--reopen->waiting)
		start_job(reopen, settle, exchange);
}

static void hold(struct block_reopen *reopen)
{
	for
		EACH_CHANGE(change, reopen)
		{
			if (!change->claim)
				continue;
			reopen->waiting++;
			change->answer.run = on_held;
			block_claim_hold(change->claim, change);
		}
	if (!reopen->waiting)
		start_job(reopen, settle, exchange);
}

/* --- opening --- */

static int open_media(struct block_reopen *reopen, struct mortise_error *err)
{
	int r = 0;

	for
		EACH_CHANGE(change, reopen)
	if (r == 0)
		r = block_medium_open(change->medium, err);
	return r;
}

/* Blocks may be larger than those that the device told its driver of: see block-shape.h. */
static int attach(struct block_switch *change, struct mortise_error *err)
{
	struct block_claim *claim = change->node->claim;
	int r;

	if (!claim)
		return 0;
	r = change->medium->driver->attach(&change->engine, change->medium, claim, err);
	if (r == 0)
		change->claim = claim;
	return r;
}

static void opened(struct block_reopen *reopen)
{
	for
		EACH_CHANGE(change, reopen)
	if (reopen->result == 0)
		reopen->result = attach(change, &reopen->error);
	if (reopen->result < 0)
		close_when_unused(reopen);
	else
		hold(reopen);
}

/* --- the request --- */

static int configure(struct block_reopen *reopen, struct options *list, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = list;
	struct block_switch *change = &reopen->changes[reopen->count];
	const char *name;
	int r = options_string(options, "node-name", &name, err);

	if (r == -ENOENT)
		return mortise_fail(err, -EINVAL, "Parameter 'node-name' is missing");
	if (r < 0)
		return r;
	change->node = block_find_any(reopen->nodes, name);
	if (!change->node)
		return mortise_fail(err, -ENOENT, "Failed to find node with node-name='%.128s'", name);
	for
		EACH_CHANGE(other, reopen)
	if (other->node == change->node)
		return mortise_fail(err, -EINVAL, "Node %s is named twice", name);
	r = block_check_idle(change->node, err);
	if (r == 0)
		r = block_medium_new(&change->medium, reopen->nodes->source, steal_ptr(&options), err);
	if (r < 0)
		return r;
	change->reopen = reopen;
	reopen->count++;
	return 0;
}

void block_reopen(struct block_nodes *nodes, struct options **lists, unsigned count, struct reply *reply)
{
	_cleanup_(reopen_free_p) struct block_reopen *reopen =
		calloc(1, sizeof(*reopen) + count * sizeof(reopen->changes[0]));
	int r = reopen ? 0 : mortise_fail(&reply->error, -ENOMEM, "Out of memory for reopening nodes");

	if (reopen)
		reopen->nodes = nodes;
	for (unsigned i = 0; i < count; i++) {
		if (r == 0)
			r = configure(reopen, steal_ptr(&lists[i]), &reply->error);
		else
			lists[i] = options_free(lists[i]);
	}
	if (r < 0 || !count) {
		reply_post(reply, nodes->control, r);
		return;
	}
	reopen->reply = reply;
	for
		EACH_CHANGE(change, reopen)
	change->node->change = change;
	reopen->next = nodes->reopens;
	nodes->reopens = reopen;
	start_job(steal_ptr(&reopen), open_media, opened);
}

/* --- another file, all else as it was --- */

static bool is_key(const struct option *option, const char *key)
{
	return streq(option->key, key) || (str_starts(option->key, "file.") && streq(option->key + 5, key));
}

/* `read_only`: "on", "off", or NULL for what it was. */
static int changed_options(struct options **out, const struct block_medium *medium, const char *filename,
			   const char *read_only, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = options_new();
	int r = options ? 0 : mortise_fail(err, -ENOMEM, "Out of memory for another medium");

	for (size_t i = 0; r == 0 && i < medium->options->count; i++) {
		const struct option *option = &medium->options->items[i];
		const char *value = is_key(option, "filename") ? filename : option->value;

		if (!read_only || !(is_key(option, "read-only") || is_key(option, "auto-read-only")))
			r = options_add(options, option->key, value, option->kind, err);
	}
	if (r == 0 && read_only)
		r = options_add(options, "read-only", read_only, OPTION_BOOL, err);
	if (r == 0)
		*out = steal_ptr(&options);
	return r;
}

void block_change_medium(struct mortise_block *node, const char *filename, const char *read_only, struct reply *reply)
{
	const struct block_medium *medium = block_medium_of(node);
	struct options *options;
	int r;

	if (medium->driver != &block_driver_file)
		r = mortise_fail(&reply->error, -ENOTSUP, "Node %s (driver %s) has no file to change", node->name,
				 medium->driver_name);
	else
		r = changed_options(&options, medium, filename, read_only, &reply->error);
	if (r < 0)
		reply_post(reply, node->nodes->control, r);
	else
		block_reopen(node->nodes, &options, 1, reply);
}
