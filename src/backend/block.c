/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block.c - the registry of block nodes: adding, deleting, finding, measuring.
 *
 * A name is taken from the moment block_add() accepts it until the node is closed. Whatever touches a file is a job on
 * a worker thread; its end comes back as a task on the control loop.
 */
#include "backend/block.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backend/block-node.h"
#include "base/log.h"

#define NODES_MAX 1024
#define THREADS_MAX 32	   /* a hung file system holds one thread for each file that is being opened or closed */
#define PATIENCE_SECONDS 5 /* how long the end of the program waits for files to close */

int block_nodes_new(struct block_nodes **out, struct loop *control, struct mortise_error *err)
{
	struct block_nodes *nodes = calloc(1, sizeof(*nodes));
	int r;

	if (!nodes)
		return mortise_fail(err, -ENOMEM, "Out of memory for block nodes");
	r = workers_new(&nodes->workers, "block-open", THREADS_MAX, err);
	if (r < 0) {
		free(nodes);
		return r;
	}
	pthread_mutex_init(&nodes->lock, NULL);
	nodes->control = control;
	nodes->last = &nodes->first;
	*out = nodes;
	return 0;
}

void block_nodes_set_source(struct block_nodes *nodes, const struct block_source *source)
{
	nodes->source = source;
}

bool block_hand_back(struct block_nodes *nodes, struct task *task, bool *flag)
{
	bool ended;

	pthread_mutex_lock(&nodes->lock);
	ended = nodes->ended;
	*flag = true;
	if (!ended)
		loop_post(nodes->control, task);
	pthread_mutex_unlock(&nodes->lock);
	return !ended;
}

static int close_node(struct mortise_block *node, struct mortise_error *err)
{
	block_medium_close(block_medium_of(node));
	return 0;
}

static void job_work(struct work *work)
{
	struct mortise_block *node = container_of(work, struct mortise_block, job.work);
	struct block_job *job = &node->job;

	job->result = job->run(node, job->reply ? &job->reply->error : NULL);
	if (!block_hand_back(node->nodes, &job->task, &job->finished))
		close_node(node, NULL);
}

static void job_done(struct task *task)
{
	struct mortise_block *node = container_of(task, struct mortise_block, job.task);

	node->job.busy = false;
	node->job.finish(node, steal_ptr(&node->job.reply), node->job.result);
}

static void start_job(struct mortise_block *node, int (*run)(struct mortise_block *, struct mortise_error *),
		      void (*finish)(struct mortise_block *, struct reply *, int), struct reply *reply)
{
	struct block_job *job = &node->job;

	job->work.run = job_work;
	job->task.run = job_done;
	job->run = run;
	job->finish = finish;
	job->reply = reply;
	job->busy = true;
	job->finished = false; /* nobody else looks: the last job was handed back */
	workers_submit(node->nodes->workers, &job->work);
}

static void free_node(struct mortise_block *node)
{
	struct block_claim *next;

	if (!node)
		return;
	for (struct block_claim *claim = node->claims; claim; claim = next) {
		next = claim->next;
		block_claim_free(claim);
	}
	block_medium_free(block_medium_of(node));
	free(node);
}
DEFINE_CLEANUP(struct mortise_block *, free_node)

static bool is_detached(const struct mortise_block *node)
{
	for (const struct block_claim *claim = node->claims; claim; claim = claim->next)
		if (!claim->detached)
			return false;
	return true;
}

struct block_nodes *block_nodes_free(struct block_nodes *nodes)
{
	struct mortise_block *next;
	bool in_use = false;

	if (!nodes)
		return NULL;
	pthread_mutex_lock(&nodes->lock);
	nodes->ended = true;
	for (struct mortise_block *node = nodes->first; node; node = node->next) {
		if (!is_detached(node))
			in_use = true; /* its device never came to rest: the file has to stay open under it */
		else if (!node->change && (!node->job.busy || node->job.finished))
			start_job(node, close_node, NULL, NULL);
	}
	pthread_mutex_unlock(&nodes->lock);
	if (workers_stop(nodes->workers, PATIENCE_SECONDS) < 0 || in_use) {
		log_warning("Block nodes are still busy: leaving them to the end of the process");
		return NULL;
	}
	block_reopens_free(nodes);
	for (struct mortise_block *node = nodes->first; node; node = next) {
		next = node->next;
		free_node(node);
	}
	pthread_mutex_destroy(&nodes->lock);
	free(nodes);
	return NULL;
}

struct mortise_block *block_find_any(struct block_nodes *nodes, const char *name)
{
	for (struct mortise_block *node = nodes->first; node; node = node->next)
		if (streq(node->name, name))
			return node;
	return NULL;
}

static void unlink_node(struct mortise_block *node)
{
	struct block_nodes *nodes = node->nodes;
	struct mortise_block **at = &nodes->first;

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	if (nodes->last == &node->next)
		nodes->last = at;
	nodes->count--;
}

struct mortise_block *block_find(struct block_nodes *nodes, const char *name)
{
	struct mortise_block *node = block_find_any(nodes, name);

	return node && node->state == BLOCK_OPEN ? node : NULL;
}

struct mortise_block *block_next(struct block_nodes *nodes, struct mortise_block *after)
{
	struct mortise_block *node = after ? after->next : nodes->first;

	while (node && node->state != BLOCK_OPEN)
		node = node->next;
	return node;
}

const char *block_name(const struct mortise_block *block)
{
	return block->name;
}

/* --- adding --- */

static int configure(struct mortise_block *node, struct options *list, struct mortise_error *err)
{
	_cleanup_(options_free_p) struct options *options = list;
	struct block_medium *medium;
	struct mortise_block *other;
	const char *name;
	int r = options_string(options, "node-name", &name, err);

	if (r == -ENOENT)
		return mortise_fail(err, -EINVAL, "Parameter 'node-name' is missing");
	if (r == 0)
		r = block_check_name(name, err);
	if (r < 0)
		return r;
	snprintf(node->name, sizeof(node->name), "%s", name);
	r = block_medium_new(&medium, node->nodes->source, steal_ptr(&options), err);
	if (r < 0)
		return r;
	atomic_init(&node->medium, medium);
	other = block_find_any(node->nodes, node->name);
	if (other)
		return mortise_fail(err, -EEXIST, "Duplicate nodes with node-name='%s'%s", node->name,
				    other->state == BLOCK_OPENING   ? " (it is still being opened)"
				    : other->state == BLOCK_CLOSING ? " (it is still being closed)"
								    : "");
	if (node->nodes->count >= NODES_MAX)
		return mortise_fail(err, -ENOSPC, "There are %d block nodes already: delete one with blockdev-del",
				    NODES_MAX);
	return 0;
}

static int open_node(struct mortise_block *node, struct mortise_error *err)
{
	struct block_medium *medium = block_medium_of(node);
	int r = block_medium_open(medium, err);

	if (r == 0)
		r = block_medium_lock(medium, err);
	if (r < 0)
		block_medium_close(medium);
	return r;
}

static void end_node(struct mortise_block *node, struct reply *reply, int result)
{
	struct loop *control = node->nodes->control;

	unlink_node(node);
	free_node(node);
	reply_post(reply, control, result);
}

static void finish_open(struct mortise_block *node, struct reply *reply, int result)
{
	if (result < 0) {
		end_node(node, reply, result);
		return;
	}
	node->state = BLOCK_OPEN;
	reply_post(reply, node->nodes->control, 0);
}

void block_add(struct block_nodes *nodes, struct options *options, struct reply *reply)
{
	_cleanup_(options_free_p) struct options *owned = options;
	_cleanup_(free_node_p) struct mortise_block *node = calloc(1, sizeof(*node));
	int r;

	if (node) {
		node->nodes = nodes;
		r = configure(node, steal_ptr(&owned), &reply->error);
	} else {
		r = mortise_fail(&reply->error, -ENOMEM, "Out of memory for a block node");
	}
	if (r < 0) {
		reply_post(reply, nodes->control, r);
		return;
	}
	*nodes->last = node;
	nodes->last = &node->next;
	nodes->count++;
	start_job(node, open_node, finish_open, reply);
	node = NULL;
}

/* --- deleting --- */

void block_close_if_idle(struct mortise_block *node)
{
	if (node->state == BLOCK_CLOSING && !node->claims && !block_is_busy(node))
		start_job(node, close_node, end_node, steal_ptr(&node->closing));
}

void block_del(struct block_nodes *nodes, const char *name, struct reply *reply)
{
	struct mortise_block *node = block_find_any(nodes, name);
	int r;

	if (!node || node->state == BLOCK_CLOSING) {
		r = mortise_fail(&reply->error, -ENOENT, "Failed to find node with node-name='%.128s'", name);
	} else if (node->state == BLOCK_OPENING) {
		r = mortise_fail(&reply->error, -EBUSY, "Node %s is in use: it is still being opened", name);
	} else if (node->claim) {
		r = mortise_fail(&reply->error, -EBUSY, "Node %s is in use by device '%s'", name, node->claim->owner);
	} else {
		node->state = BLOCK_CLOSING;
		node->closing = reply;
		block_close_if_idle(node);
		return;
	}
	reply_post(reply, nodes->control, r);
}

/* --- failures --- */

void block_nodes_on_failure(struct block_nodes *nodes,
			    void (*failed)(void *opaque, const struct block_failure *failure), void *opaque)
{
	nodes->failed = failed;
	nodes->failed_opaque = opaque;
}

/* --- the size --- */

static int measure_node(struct mortise_block *node, struct mortise_error *err)
{
	struct block_medium *medium = block_medium_of(node);

	return medium->driver->measure(medium, node->job.wanted, &node->job.size, err);
}

void block_set_size(struct mortise_block *node, struct block_medium *medium, uint64_t size)
{
	if (atomic_exchange(&medium->size, size) != size && node->claim)
		block_claim_changed(node->claim);
}

static void finish_measure(struct mortise_block *node, struct reply *reply, int result)
{
	if (result < 0)
		node->job.size = node->job.before;
	atomic_store(&block_medium_of(node)->size, node->job.size);
	if (node->job.size != node->job.before && node->claim)
		block_claim_changed(node->claim);
	reply_post(reply, node->nodes->control, result);
	block_close_if_idle(node);
}

int block_check_idle(const struct mortise_block *node, struct mortise_error *err)
{
	if (node->pinned)
		return mortise_fail(err, -EBUSY, "Node %s is busy: it is memory of the guest, by device '%s'",
				    node->name, node->claim->owner);
	if (node->state == BLOCK_OPEN && !block_is_busy(node))
		return 0;
	return mortise_fail(err, -EBUSY, "Node %s is busy: %s", node->name,
			    node->state == BLOCK_OPENING   ? "it is still being opened"
			    : node->state == BLOCK_CLOSING ? "it is being closed"
			    : node->change		   ? "it is being reopened"
							   : "its size is being changed");
}

static void measure(struct mortise_block *node, uint64_t wanted, struct reply *reply)
{
	struct block_medium *medium = block_medium_of(node);
	int r = block_check_idle(node, &reply->error);

	if (r == 0 && (medium->adapted ? !medium->adapted->measure : !medium->driver->measure))
		r = mortise_fail(&reply->error, -ENOTSUP, "The size of node %s (driver %s) is fixed", node->name,
				 medium->driver_name);
	if (r < 0) {
		reply_post(reply, node->nodes->control, r);
		return;
	}
	node->job.wanted = wanted;
	node->job.before = atomic_load(&medium->size);
	if (wanted && wanted < node->job.before)
		atomic_store(&medium->size, wanted); /* no write may bring back what is about to be cut off */
	start_job(node, measure_node, finish_measure, reply);
}

void block_refresh(struct mortise_block *node, struct reply *reply)
{
	measure(node, 0, reply);
}

void block_resize(struct mortise_block *node, uint64_t size, struct reply *reply)
{
	const struct block_medium *medium = block_medium_of(node);
	const uint32_t unit = medium->limits.logical;
	int r;

	if (medium->read_only)
		r = mortise_fail(&reply->error, -EROFS, "Node %s is read-only: its size stays as it is", node->name);
	else if (!size || size > INT64_MAX || size % unit)
		r = mortise_fail(&reply->error, -EINVAL,
				 "Parameter 'size' expects a multiple of %" PRIu32 " above 0, not %" PRIu64, unit,
				 size);
	else
		r = 0;
	if (r < 0)
		reply_post(reply, node->nodes->control, r);
	else
		measure(node, size, reply);
}

/* --- queries --- */

void block_describe(struct mortise_block *node, struct block_description *out)
{
	const struct block_medium *medium = block_medium_of(node);
	struct block_description description = {
		.node_name = node->name,
		.driver = medium->driver_name,
		.owner = node->claim ? node->claim->owner : NULL,
		.read_only = medium->read_only,
		.direct = medium->direct,
		.no_flush = medium->no_flush,
		.info.struct_size = sizeof(description.info),
	};

	medium->driver->describe(medium, &description);
	if (node->claim)
		description.aio = node->claim->aio;
	block_info(node, &description.info);
	for (size_t i = 0; i < ARRAY_SIZE(description.stats.operations); i++) {
		description.stats.operations[i] =
			atomic_load_explicit(&node->stats.operations[i], memory_order_relaxed);
		description.stats.bytes[i] = atomic_load_explicit(&node->stats.bytes[i], memory_order_relaxed);
		description.stats.failed[i] = atomic_load_explicit(&node->stats.failed[i], memory_order_relaxed);
		description.stats.nanoseconds[i] =
			atomic_load_explicit(&node->stats.nanoseconds[i], memory_order_relaxed);
	}
	*out = description;
}
