/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim-host.c - services: the plugin's calls to the host, looked at and handed on.
 *
 * The table begins as the core's own, so that a service which is appended to the ABI works here before it is looked at.
 */
#include "shim.h"

#include <errno.h>
#include <string.h>

#include "backend/block.h"
#include "backend/char.h"
#include "backend/net.h"
#include "base/util.h"
#include "plugin/plugin.h"

/* A service that was appended to the ABI: give it a function here where it has rules, then move this on. */
_Static_assert(sizeof(struct mortise_host) == offsetof(struct mortise_host, block_map) + sizeof(void (*)(void)),
	       "struct mortise_host has grown: see whether the new service needs a watch here");

/* Services that the plugin may call in any state, or not once it is quiesced, or not once it ends. */
enum when { ALWAYS, NOT_QUIESCED, NOT_ENDING };

/* A service begins: the host's code runs. The instance that asks; NULL: it may not, and has been told. */
static struct shim *begin(const char *service, struct mortise_device *device, enum when when)
{
	const struct call *call = call_now();

	rule_kept(RULE_OWN_THREAD);
	if (!call || !call->shim) {
		rule_broken(RULE_OWN_THREAD, "%s() is called %s", service, call_words());
		return NULL;
	}
	if (device && call->shim->device != device && device_loop(call->shim->device) != device_loop(device)) {
		rule_broken(RULE_OWN_THREAD, "%s() is called for another instance (%s)", service, call_words());
		return NULL;
	}
	if (when == NOT_QUIESCED && (streq(call->name, "save") || streq(call->name, "unrealize")))
		rule_broken(RULE_QUIESCE_SERVICES, "%s() is called in %s()", service, call->name);
	if (when == NOT_ENDING && streq(call->name, "unrealize"))
		rule_broken(RULE_ALLOWED, "%s() is called in unrealize()", service);
	if (when == NOT_ENDING && streq(call->name, "save"))
		rule_broken(RULE_QUIESCE_SERVICES, "%s() is called in save()", service);
	rule_kept(RULE_ALLOWED);
	call_set_inside(false);
	return device ? shim_of(device) : call->shim;
}

/* And ends: back into the plugin's. */
static void end(void)
{
	call_set_inside(true);
}

/* --- what the guest sees --- */

static void offer_features(struct mortise_device *device, uint64_t features)
{
	struct shim *shim = begin("offer_features", device, ALWAYS);

	if (!shim)
		return;
	rule_kept(RULE_OFFER);
	if (!shim->realizing)
		rule_broken(RULE_OFFER, "offer_features() is called %s", call_words());
	else if (features & ~shim->real->features)
		rule_broken(RULE_OFFER, "features 0x%llx are offered that the class does not have",
			    (unsigned long long)(features & ~shim->real->features));
	if (shim->realizing)
		device_offer_features(device, features);
	end();
}

static void write_config(struct mortise_device *device, uint32_t offset, const void *data, uint32_t size)
{
	struct shim *shim = begin("write_config", device, NOT_QUIESCED);

	if (!shim)
		return;
	device_write_config(device, offset, data, size);
	end();
}

static void read_config(struct mortise_device *device, uint32_t offset, void *data, uint32_t size)
{
	if (!begin("read_config", device, ALWAYS))
		return;
	device_read_config(device, offset, data, size);
	end();
}

static void needs_reset(struct mortise_device *device, const char *why)
{
	if (!begin("needs_reset", device, NOT_QUIESCED))
		return;
	if (!why)
		rule_broken(RULE_ALLOWED, "needs_reset() gets no reason (%s)", call_words());
	else
		device_needs_reset(device, why);
	end();
}

static void offer_ring_features(struct mortise_device *device, uint64_t features)
{
	struct shim *shim = begin("offer_ring_features", device, ALWAYS);

	if (!shim)
		return;
	if (!shim->realizing)
		rule_broken(RULE_OFFER, "offer_ring_features() is called %s", call_words());
	else
		plugin_host.offer_ring_features(device, features);
	end();
}

static void report_event(struct mortise_device *device, uint32_t event, const struct mortise_value *values)
{
	if (!begin("event", device, NOT_ENDING))
		return;
	plugin_host.event(device, event, values);
	end();
}

/* --- virtqueues --- */

static struct mortise_chain *queue_pop(struct mortise_device *device, uint32_t queue)
{
	struct shim *shim = begin("queue_pop", device, NOT_QUIESCED);
	struct mortise_chain *chain;

	if (!shim)
		return NULL;
	if (queue >= shim->real->queue_count)
		rule_broken(RULE_ALLOWED, "queue_pop() gets queue %u of %u (%s)", queue, shim->real->queue_count,
			    call_words());
	chain = device_queue_pop(device, queue);
	if (chain)
		chain = shown_new(shim, chain);
	end();
	return chain;
}

static void queue_push(struct mortise_device *device, struct mortise_chain *chain, uint64_t written)
{
	struct shim *shim = begin("queue_push", device, NOT_QUIESCED);
	struct mortise_chain *core;

	if (!shim)
		return;
	core = shown_take(shim, chain, "queue_push", false);
	if (core)
		device_queue_push(device, core, written);
	end();
}

static void queue_unpop(struct mortise_device *device, struct mortise_chain *chain)
{
	struct shim *shim = begin("queue_unpop", device, NOT_QUIESCED);
	struct mortise_chain *core;

	if (!shim)
		return;
	core = shown_take(shim, chain, "queue_unpop", true);
	if (core)
		device_queue_unpop(device, core);
	end();
}

static int vring_lend(struct mortise_device *device, uint32_t queue, struct mortise_vring *vring)
{
	int r;

	if (!begin("vring_lend", device, NOT_QUIESCED))
		return -EPERM;
	r = call_fails() ? -ENOMEM : plugin_host.vring_lend(device, queue, vring);
	end();
	return r;
}

static void vring_return(struct mortise_device *device, uint32_t queue, int32_t next)
{
	if (!begin("vring_return", device, NOT_QUIESCED))
		return;
	plugin_host.vring_return(device, queue, next);
	end();
}

/* --- backends --- */

static void submit(struct mortise_block *block, struct mortise_block_request *request)
{
	struct shim *shim = begin("block_submit", NULL, NOT_QUIESCED);

	if (!shim)
		return;
	io_submit(shim, block, request);
	end();
}

static int set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size)
{
	int r;

	if (!begin("net_set_offloads", NULL, ALWAYS))
		return -EPERM;
	if (header_size != 10 && header_size != 12)
		rule_broken(RULE_ALLOWED, "net_set_offloads() gets a header of %u bytes", header_size);
	r = net_set_offloads(net, offloads, header_size);
	end();
	return r;
}

static int send_frame(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	int r;

	if (!begin("net_send", NULL, NOT_QUIESCED))
		return -EPERM;
	r = call_fails() ? -EIO : net_send(net, queue, iov, count);
	end();
	return r;
}

static int64_t receive_frame(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	int64_t r;

	if (!begin("net_receive", NULL, NOT_QUIESCED))
		return -EPERM;
	r = call_fails() ? -EAGAIN : net_receive(net, queue, iov, count);
	end();
	return r;
}

static void poll_net(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	if (!begin("net_poll", NULL, ALWAYS))
		return;
	net_poll(net, queue, events);
	end();
}

static int64_t read_char(struct mortise_chardev *chardev, void *data, uint64_t room)
{
	int64_t r;

	if (!begin("char_read", NULL, NOT_QUIESCED))
		return -EPERM;
	r = call_fails() ? -ENOTCONN : char_read(chardev, data, room);
	end();
	return r;
}

static int64_t write_char(struct mortise_chardev *chardev, const void *data, uint64_t size)
{
	int64_t r;

	if (!begin("char_write", NULL, NOT_QUIESCED))
		return -EPERM;
	r = call_fails() ? -ENOTCONN : char_write(chardev, data, size);
	end();
	return r;
}

static void poll_char(struct mortise_chardev *chardev, uint32_t events)
{
	if (!begin("char_poll", NULL, ALWAYS))
		return;
	char_poll(chardev, events);
	end();
}

static int connect_char(struct mortise_chardev *chardev)
{
	int r;

	if (!begin("char_connect", NULL, NOT_QUIESCED))
		return -EPERM;
	r = call_fails() ? -ECONNREFUSED : plugin_host.char_connect(chardev);
	end();
	return r;
}

/* --- what wakes the instance up --- */

static int timer_set(struct mortise_device *device, uint32_t id, uint64_t deadline)
{
	struct shim *shim = begin("timer_set", device, NOT_ENDING);
	int r;

	if (!shim)
		return -EPERM;
	if (id >= MORTISE_TIMERS || !shim->real->timer)
		rule_broken(RULE_ALLOWED, "timer_set() gets timer %u%s", id,
			    shim->real->timer ? "" : ", without timer()");
	r = deadline && call_fails() ? -ENOMEM : device_timer_set(device, id, deadline);
	end();
	return r;
}

static void note_watch(struct shim *shim, int fd, uint32_t events)
{
	int i = 0;

	while (i < shim->watch_count && shim->watched[i] != fd)
		i++;
	if (!events && i < shim->watch_count)
		shim->watched[i] = shim->watched[--shim->watch_count];
	else if (events && i == shim->watch_count && i < WATCHES_MAX)
		shim->watched[shim->watch_count++] = fd;
}

static int watch(struct mortise_device *device, int fd, uint32_t events, void *opaque)
{
	struct shim *shim = begin("watch", device, NOT_ENDING);
	int r;

	if (!shim)
		return -EPERM;
	if (!shim->real->fd_ready)
		rule_broken(RULE_ALLOWED, "watch() is called, without fd_ready()");
	r = events && call_fails() ? -ENOMEM : device_watch(device, fd, events, opaque);
	if (r == 0)
		note_watch(shim, fd, events);
	end();
	return r;
}

/* --- guest memory --- */

static int memory_discard(struct mortise_device *device, const struct iovec *iov, uint32_t count)
{
	struct shim *shim = begin("memory_discard", device, NOT_QUIESCED);
	int r;

	if (!shim)
		return -EPERM;
	for (uint32_t i = 0; i < count; i++)
		if (!shown_holds(shim, iov[i].iov_base, iov[i].iov_len))
			rule_broken(RULE_ALLOWED, "memory_discard() gets memory that is no held chain's (%s)",
				    call_words());
	r = call_fails() ? -EFAULT : device_memory_discard(device, iov, count);
	end();
	return r;
}

static int memory_discard_at(struct mortise_device *device, uint64_t address, uint64_t size)
{
	int r;

	if (!begin("memory_discard_at", device, NOT_QUIESCED))
		return -EPERM;
	r = call_fails() ? -EFAULT : device_memory_discard_at(device, address, size);
	end();
	return r;
}

const struct mortise_host *shim_host(void)
{
	static struct mortise_host table;

	table = plugin_host;
	table.offer_features = offer_features;
	table.write_config = write_config;
	table.read_config = read_config;
	table.needs_reset = needs_reset;
	table.offer_ring_features = offer_ring_features;
	table.event = report_event;
	table.queue_pop = queue_pop;
	table.queue_push = queue_push;
	table.queue_unpop = queue_unpop;
	table.vring_lend = vring_lend;
	table.vring_return = vring_return;
	table.block_submit = submit;
	table.net_set_offloads = set_offloads;
	table.net_send = send_frame;
	table.net_receive = receive_frame;
	table.net_poll = poll_net;
	table.timer_set = timer_set;
	table.watch = watch;
	table.memory_discard = memory_discard;
	table.memory_discard_at = memory_discard_at;
	table.char_read = read_char;
	table.char_write = write_char;
	table.char_poll = poll_char;
	table.char_connect = connect_char;
	return &table;
}
