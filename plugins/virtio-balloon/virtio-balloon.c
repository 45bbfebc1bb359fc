/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-balloon.c - a balloon (virtio 1.2, 5.5): guest memory that the operator takes back, and gives again.
 *
 * The host is told of pages that the guest does without, and gives them back to its own kernel. How large the balloon
 * is to be and is lies in the configuration, which the host keeps: there is no other state.
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <mortise/plugin.h>

#define BIT(n) (UINT64_C(1) << (n))
#define CONFIG(field) offsetof(struct virtio_balloon_config, field)
#define CONFIG_SIZE CONFIG(free_page_hint_cmd_id)
#define PAGE_SHIFT VIRTIO_BALLOON_PFN_SHIFT
#define PAGES_MAX 65536 /* that one chain can name, so that no driver holds the thread up; Linux's are of 256 */
#define STATS_MAX 64	/* entries, of which drivers have more kinds than are known here */
#define POLL_TIMER 0
#define NS_PER_S UINT64_C(1000000000)

enum { QUEUE_INFLATE, QUEUE_DEFLATE, QUEUE_OTHERS, QUEUE_COUNT = 4 };

struct balloon {
	/* properties */
	uint8_t deflate_on_oom, reporting;
	uint32_t poll_interval; /* s; 0: never */

	const struct mortise_host *host;
	struct mortise_device *device;
	uint32_t wished;		    /* pages that the balloon is to have */
	uint64_t memory;		    /* bytes that the guest has without a balloon */
	uint32_t stats_queue, report_queue; /* 0: not negotiated */

	/* counters, in bytes but for some of the guest's own */
	uint64_t size, reported;
	uint64_t stats[VIRTIO_BALLOON_S_NR];
};

static uint32_t read_pages(const struct balloon *balloon, uint32_t offset)
{
	uint32_t pages;

	balloon->host->read_config(balloon->device, offset, &pages, sizeof(pages));
	return le32toh(pages);
}

/* What the guest has left. It may have said anything. */
static uint64_t actual(const struct balloon *balloon)
{
	const uint64_t size = (uint64_t)read_pages(balloon, CONFIG(actual)) << PAGE_SHIFT;

	return size < balloon->memory ? balloon->memory - size : 0;
}

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct balloon *balloon = self;
	struct mortise_memory_region region = {.struct_size = sizeof(region)};

	balloon->host = host;
	balloon->device = device;
	for (uint32_t i = 0; host->memory_region(device, i, &region) == 0; i++)
		balloon->memory += region.size;
	host->offer_features(device, BIT(VIRTIO_BALLOON_F_STATS_VQ) |
					     (balloon->deflate_on_oom ? BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) : 0) |
					     (balloon->reporting ? BIT(VIRTIO_BALLOON_F_REPORTING) : 0));
	return 0;
}

/* --- statistics: the driver's one buffer comes back to it when new ones are wanted (5.5.6.3) --- */

static void poll_later(struct balloon *balloon)
{
	const struct mortise_host *host = balloon->host;

	if (balloon->poll_interval && balloon->stats_queue)
		host->timer_set(balloon->device, POLL_TIMER, host->clock_ns() + balloon->poll_interval * NS_PER_S);
}

/* The buffer stays in the ring: nothing is held. */
static void take_stats(struct balloon *balloon)
{
	struct mortise_chain *chain = balloon->host->queue_pop(balloon->device, balloon->stats_queue);
	struct virtio_balloon_stat stat;

	if (!chain)
		return;
	for (unsigned i = 0; i < STATS_MAX; i++) {
		if (mortise_iov_take(&chain->out, &chain->out_count, &stat, sizeof(stat)) < sizeof(stat))
			break;
		if (le16toh(stat.tag) < VIRTIO_BALLOON_S_NR)
			balloon->stats[le16toh(stat.tag)] = le64toh(stat.val);
	}
	balloon->host->queue_unpop(balloon->device, chain);
}

static void timer(void *self, uint32_t id)
{
	struct balloon *balloon = self;
	struct mortise_chain *chain = balloon->host->queue_pop(balloon->device, balloon->stats_queue);

	if (chain) {
		balloon->host->queue_push(balloon->device, chain, 0);
		take_stats(balloon); /* there is none: asks to be notified of it */
	}
	poll_later(balloon);
}

/* --- pages --- */

/* Gives back what the guest has named, in runs: neighbours mostly come one after the other, up or down. */
static void inflate(const struct balloon *balloon, struct mortise_chain *chain)
{
	uint64_t first = 0, count = 0;
	uint32_t entry;

	for (unsigned i = 0; i < PAGES_MAX; i++) {
		if (mortise_iov_take(&chain->out, &chain->out_count, &entry, sizeof(entry)) < sizeof(entry))
			break;
		entry = le32toh(entry);
		if (count && entry == first + count) {
			count++;
		} else if (count && entry + UINT64_C(1) == first) {
			first--;
			count++;
		} else {
			if (count)
				balloon->host->memory_discard_at(balloon->device, first << PAGE_SHIFT,
								 count << PAGE_SHIFT);
			first = entry;
			count = 1;
		}
	}
	if (count)
		balloon->host->memory_discard_at(balloon->device, first << PAGE_SHIFT, count << PAGE_SHIFT);
}

/* Pages that are free now, and may be used again once the chain is back (5.5.6.7). */
static void report(struct balloon *balloon, const struct mortise_chain *chain)
{
	if (balloon->host->memory_discard(balloon->device, chain->in, chain->in_count) == 0)
		balloon->reported += chain->in_size;
}

/* What is deflated comes back by itself when the guest touches it. */
static void notify(void *self, uint32_t queue)
{
	struct balloon *balloon = self;
	struct mortise_chain *chain;

	if (queue >= QUEUE_OTHERS && queue == balloon->stats_queue) {
		take_stats(balloon);
		return;
	}
	while ((chain = balloon->host->queue_pop(balloon->device, queue))) {
		if (queue == QUEUE_INFLATE)
			inflate(balloon, chain);
		else if (queue == balloon->report_queue)
			report(balloon, chain);
		balloon->host->queue_push(balloon->device, chain, 0);
	}
}

/* --- life --- */

/* Drivers number those queues that they have negotiated, leaving no gap. */
static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct balloon *balloon = self;
	uint32_t queue = QUEUE_OTHERS;

	balloon->stats_queue = features & BIT(VIRTIO_BALLOON_F_STATS_VQ) ? queue++ : 0;
	balloon->report_queue = features & BIT(VIRTIO_BALLOON_F_REPORTING) ? queue++ : 0;
	balloon->size = (uint64_t)read_pages(balloon, CONFIG(actual)) << PAGE_SHIFT;
	poll_later(balloon);
	return 0;
}

/* Again whenever the driver may have written over it. */
static void write_wished(const struct balloon *balloon)
{
	const uint32_t pages = htole32(balloon->wished);

	balloon->host->write_config(balloon->device, CONFIG(num_pages), &pages, sizeof(pages));
}

/* A driver that is new knows of no balloon yet, but will be told how large one is wished. */
static void reset(void *self)
{
	struct balloon *balloon = self;
	const uint32_t none = 0;

	write_wished(balloon);
	balloon->host->write_config(balloon->device, CONFIG(actual), &none, sizeof(none));
	balloon->host->timer_set(balloon->device, POLL_TIMER, 0);
	balloon->size = 0;
	balloon->stats_queue = balloon->report_queue = 0;
}

static void config_written(void *self, uint32_t offset, uint32_t size)
{
	struct balloon *balloon = self;
	const struct mortise_value data[] = {{.number = actual(balloon)}};

	if (offset < CONFIG(actual))
		write_wished(balloon);
	if (offset + size <= CONFIG(actual))
		return;
	balloon->size = balloon->memory - data[0].number;
	balloon->host->event(balloon->device, 0, data);
}

/* --- handing over to another instance: the host has told it what the driver wrote --- */

#define SAVED_VERSION 1

struct saved {
	uint32_t version, wished; /* little endian */
};

static int64_t save(void *self, void *data, uint64_t room)
{
	const struct balloon *balloon = self;
	const struct saved saved = {htole32(SAVED_VERSION), htole32(balloon->wished)};

	if (room < sizeof(saved))
		return -ENOSPC;
	memcpy(data, &saved, sizeof(saved));
	return sizeof(saved);
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct balloon *balloon = self;
	struct saved saved;

	if (size != sizeof(saved))
		return mortise_fail(err, -EINVAL, "The state of a balloon is %llu bytes long, expected %zu",
				    (unsigned long long)size, sizeof(saved));
	memcpy(&saved, data, sizeof(saved));
	if (le32toh(saved.version) != SAVED_VERSION)
		return mortise_fail(err, -EINVAL, "The state of a balloon has version %u, expected %u",
				    le32toh(saved.version), SAVED_VERSION);
	balloon->wished = le32toh(saved.wished);
	write_wished(balloon);
	return 0;
}

/* --- the monitor --- */

static void run_balloon(void *self, struct mortise_call *call, const struct mortise_value *arguments)
{
	struct balloon *balloon = self;
	const uint64_t value = arguments[0].number;
	const uint64_t size = value < balloon->memory ? balloon->memory - value : 0;

	balloon->wished = (uint32_t)(size >> PAGE_SHIFT);
	write_wished(balloon);
	balloon->host->call_return(call, NULL);
}

static void run_query(void *self, struct mortise_call *call, const struct mortise_value *arguments)
{
	struct balloon *balloon = self;
	const struct mortise_value values[] = {{.number = actual(balloon)}};

	balloon->host->call_return(call, values);
}

static const struct mortise_field target[] = {
	{.name = "value",
	 .type = MORTISE_FIELD_UINT,
	 .min = 1,
	 .max = INT64_MAX,
	 .help = "bytes to leave to the guest"},
	{0},
};
static const struct mortise_field info[] = {
	{.name = "actual", .type = MORTISE_FIELD_UINT, .help = "bytes that the guest has"},
	{0},
};
static const struct mortise_command commands[] = {
	{"balloon", "Asks the guest to do with this much memory; BALLOON_CHANGE tells how far it has come", target,
	 NULL, run_balloon},
	{"query-balloon", "Tells how much memory the guest has left to itself", NULL, info, run_query},
	{0},
};
static const struct mortise_event events[] = {
	{"BALLOON_CHANGE", "the guest has changed the size of its balloon", info, MORTISE_EVENT_LATEST, 0},
	{0},
};

#define STAT(tag, name, unit, help)                                                                     \
	{                                                                                               \
		name, MORTISE_COUNTER_INSTANT, unit,                                                    \
			(uint32_t)(offsetof(struct balloon, stats) + (tag) * sizeof(uint64_t)), 0, help \
	}
static const struct mortise_counter counters[] = {
	{"balloon-size", MORTISE_COUNTER_INSTANT, MORTISE_COUNTER_BYTES, offsetof(struct balloon, size), 0,
	 "what the guest does without"},
	{"reported-free", MORTISE_COUNTER_CUMULATIVE, MORTISE_COUNTER_BYTES, offsetof(struct balloon, reported), 0,
	 "free memory that the guest has reported, and the host has back"},
	STAT(VIRTIO_BALLOON_S_SWAP_IN, "swap-in", MORTISE_COUNTER_BYTES, "swapped in"),
	STAT(VIRTIO_BALLOON_S_SWAP_OUT, "swap-out", MORTISE_COUNTER_BYTES, "swapped out"),
	STAT(VIRTIO_BALLOON_S_MAJFLT, "major-faults", MORTISE_COUNTER_NUMBER, "page faults that needed a disk"),
	STAT(VIRTIO_BALLOON_S_MINFLT, "minor-faults", MORTISE_COUNTER_NUMBER, "page faults that did not"),
	STAT(VIRTIO_BALLOON_S_MEMFREE, "free-memory", MORTISE_COUNTER_BYTES, "not used for anything"),
	STAT(VIRTIO_BALLOON_S_MEMTOT, "total-memory", MORTISE_COUNTER_BYTES, "known to the guest's kernel"),
	STAT(VIRTIO_BALLOON_S_AVAIL, "available-memory", MORTISE_COUNTER_BYTES, "for programs, without swapping"),
	STAT(VIRTIO_BALLOON_S_CACHES, "disk-caches", MORTISE_COUNTER_BYTES, "given up quickly when need be"),
	STAT(VIRTIO_BALLOON_S_HTLB_PGALLOC, "hugetlb-allocations", MORTISE_COUNTER_NUMBER, "huge pages allocated"),
	STAT(VIRTIO_BALLOON_S_HTLB_PGFAIL, "hugetlb-failures", MORTISE_COUNTER_NUMBER, "huge pages not to be had"),
	{0},
};
static const struct mortise_monitor monitor = MORTISE_MONITOR(commands, events, counters);

/* --- the description --- */

static const struct mortise_property properties[] = {
	{.name = "deflate-on-oom",
	 .type = MORTISE_PROPERTY_BOOL,
	 .offset = offsetof(struct balloon, deflate_on_oom),
	 .fallback = "off",
	 .help = "let the guest take memory out of the balloon before it kills programs for want of it"},
	{.name = "free-page-reporting",
	 .type = MORTISE_PROPERTY_BOOL,
	 .offset = offsetof(struct balloon, reporting),
	 .fallback = "off",
	 .help = "have the guest report what is free, and take it back until the guest uses it again"},
	{.name = "guest-stats-polling-interval",
	 .type = MORTISE_PROPERTY_U32,
	 .offset = offsetof(struct balloon, poll_interval),
	 .fallback = "0",
	 .help = "seconds between two looks at the guest's statistics, for query-stats; 0: once, at its start"},
	{.name = NULL},
};

static const struct mortise_class virtio_balloon = {
	.size = sizeof(virtio_balloon),
	.property_size = sizeof(struct mortise_property),
	.driver = "virtio-balloon",
	.summary = "Balloon, to take guest memory back",
	.virtio_id = 5,
	.queue_count = QUEUE_COUNT,
	.features =
		BIT(VIRTIO_BALLOON_F_STATS_VQ) | BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) | BIT(VIRTIO_BALLOON_F_REPORTING),
	.config_size = CONFIG_SIZE,
	.instance_size = sizeof(struct balloon),
	.properties = properties,
	.realize = realize,
	.activate = activate,
	.notify = notify,
	.config_written = config_written,
	.reset = reset,
	.save = save,
	.restore = restore,
	.timer = timer,
	.monitor = &monitor,
};

static const struct mortise_class *const classes[] = {&virtio_balloon, NULL};

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 1,
	.name = "virtio-balloon",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.summary = "Guest memory taken back and given again (virtio 1.2, 5.5)",
	.classes = classes,
};
