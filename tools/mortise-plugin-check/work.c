/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.c - requests being done, and what is left behind.
 */
#include <dirent.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "phases.h"

/* --- requests --- */

void work_feed(struct driver *driver)
{
	static const uint8_t frame[12 + 60] = {[12] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t junk[4096];

	for (unsigned set = 0; set < RIG_SETS; set++) {
		const int peer = driver->rig->peers[set], terminal = driver->rig->terminals[set];

		while (recv(peer, junk, sizeof(junk), MSG_DONTWAIT) > 0)
			;
		send(peer, frame + 12, sizeof(frame) - 12, MSG_DONTWAIT | MSG_NOSIGNAL);
		while (recv(terminal, junk, sizeof(junk), MSG_DONTWAIT) > 0)
			;
		send(terminal, "check\n", 6, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

void work_offer(struct driver *driver, const struct work *work, unsigned expected[DRIVER_QUEUES])
{
	struct request request;

	for (unsigned i = 0; i < work->count; i++) {
		if (!request_make(driver, &request))
			continue;
		if (work->spoilt)
			request_spoil(driver, &request);
		if (!driver_offer(driver, &request))
			continue;
		expected[request.queue] += request.answered;
		if (driver_random(driver, 2))
			driver_kick(driver, request.queue);
	}
	for (uint32_t i = 0; i < driver->rig->real->queue_count; i++)
		if (driver->queues[i].in_flight)
			driver_kick(driver, i);
}

/* In small steps, since the peers have to be fed meanwhile. */
static bool await(struct driver *driver, uint32_t queue, unsigned chains)
{
	const double end = now() + driver->rig->subject->patience;

	for (unsigned before = driver->queues[queue].in_flight; chains;) {
		const unsigned after = (driver_wait(driver, queue, 1, 0.01), driver->queues[queue].in_flight);

		if (after < before) {
			chains -= before - after < chains ? before - after : chains;
			before = after;
		} else {
			work_feed(driver);
			if (driver_broken(driver))
				return true;
			if (now() > end)
				return false;
		}
	}
	return true;
}

void work_do(struct driver *driver, const struct work *work)
{
	unsigned expected[DRIVER_QUEUES] = {0};

	work_offer(driver, work, expected);
	if (work->meddled)
		driver_meddle(driver);
	work_feed(driver);
	rig_settle(driver->rig);
	for (uint32_t i = 0; i < driver->rig->real->queue_count; i++) {
		/* Once is enough: it takes all the patience there is. */
		if (!rule_is_broken(RULE_ANSWERED) && !await(driver, i, expected[i]))
			rule_broken(RULE_ANSWERED, "%u requests in queue %u are not answered (while %s)",
				    driver->queues[i].in_flight, i, board->doing);
		if (expected[i])
			rule_kept(RULE_ANSWERED);
	}
	driver_harvest(driver);
}

/* --- what is left behind --- */

static unsigned entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

struct leftovers leftovers_now(void)
{
	return (struct leftovers){.descriptors = entries("/proc/self/fd"),
				  .threads = entries("/proc/self/task"),
				  .allocations = allocations_live()};
}

/* A thread that was joined is listed for a moment longer. */
static struct leftovers settled(const struct leftovers *before)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct leftovers left = leftovers_now();

	for (unsigned i = 0; i < 1000 && left.threads > before->threads; i++) {
		nanosleep(&pause, NULL);
		left = leftovers_now();
	}
	return left;
}

bool leftovers_grew(const struct leftovers *before)
{
	const struct leftovers left = settled(before);

	return left.descriptors > before->descriptors || left.threads > before->threads ||
	       left.allocations.blocks > before->allocations.blocks;
}

void leftovers_check(const struct leftovers *before, enum rule rule, const char *after)
{
	const struct leftovers left = settled(before);
	const bool own = rule == RULES;

	if (left.descriptors > before->descriptors)
		rule_broken(own ? RULE_DESCRIPTORS : rule, "%u descriptors more are open after %s",
			    left.descriptors - before->descriptors, after);
	if (left.threads > before->threads)
		rule_broken(own ? RULE_THREADS : rule, "%u threads more run after %s", left.threads - before->threads,
			    after);
	if (left.allocations.blocks > before->allocations.blocks)
		rule_broken(own ? RULE_MEMORY : rule, "%zu blocks more, of %zd bytes, are allocated after %s",
			    left.allocations.blocks - before->allocations.blocks,
			    (ssize_t)(left.allocations.bytes - before->allocations.bytes), after);
	if (!own) {
		rule_kept(rule);
		return;
	}
	rule_kept(RULE_DESCRIPTORS);
	rule_kept(RULE_THREADS);
	if (INTERPOSED)
		rule_kept(RULE_MEMORY);
}
