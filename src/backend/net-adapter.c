/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net-adapter.c - netdevs of drivers that are written to mortise/net-driver.h, and the services for them.
 */
#include "backend/net-adapter.h"

#include <errno.h>
#include <string.h>

#include "base/wakeups.h"
#include <mortise/plugin.h>

struct adapter {
	struct mortise_net net;
	const struct mortise_net_driver *driver;
	struct wakeups wakeups;
	unsigned char self[] __attribute__((aligned(16)));
};

static struct adapter *adapter_of(struct mortise_net *net)
{
	return container_of(net, struct adapter, net);
}

/* --- services --- */

MORTISE_PRINTF(3, 4)
static void service_log(struct mortise_net *net, enum mortise_log_level level, const char *format, ...)
{
	char text[896];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_write(MIN(level, MORTISE_LOG_DEBUG), "netdev '%s': %s", net->id, text);
}

static const char *service_name(struct mortise_net *net)
{
	return net->id;
}

static void service_describe(struct mortise_net *net, const char *text)
{
	snprintf(net->info, sizeof(net->info), "%s", text);
}

static void service_ready(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	if (net->attached && queue < net->queue_pairs)
		net_ready(net, queue, events & net->wish[queue]);
}

static void service_link_changed(struct mortise_net *net, uint32_t up)
{
	if (net->attached)
		net_link_changed(net, up);
	else
		atomic_store(&net->link_up, up != 0);
}

static void service_flush_later(struct mortise_net *net)
{
	if (net->attached && adapter_of(net)->driver->flush)
		net_flush_later(net);
}

static int service_timer_set(struct mortise_net *net, uint32_t id, uint64_t deadline)
{
	struct adapter *adapter = adapter_of(net);

	return adapter->wakeups.loop ? wakeups_timer_set(&adapter->wakeups, id, deadline) : -EINVAL;
}

static int service_watch(struct mortise_net *net, int fd, uint32_t events, void *opaque)
{
	struct adapter *adapter = adapter_of(net);

	return adapter->wakeups.loop ? wakeups_watch(&adapter->wakeups, fd, events, opaque) : -EINVAL;
}

static const struct mortise_net_services services = {
	.size = sizeof(services),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.log = service_log,
	.name = service_name,
	.describe = service_describe,
	.ready = service_ready,
	.link_changed = service_link_changed,
	.flush_later = service_flush_later,
	.clock_ns = wakeups_clock_ns,
	.timer_set = service_timer_set,
	.watch = service_watch,
};

/* --- the driver's calls --- */

static int adapter_open(struct mortise_net *net, struct mortise_error *err)
{
	struct adapter *adapter = adapter_of(net);
	struct mortise_net_info info = {.struct_size = sizeof(info), .queue_pairs = 1, .link_up = 1};
	struct mortise_error why = {0};
	int r = adapter->driver->open(adapter->self, net, &services, &info, &why);

	if (r < 0)
		return mortise_fail(err, r, "%s", *why.message ? why.message : strerror(-r));
	if (!info.queue_pairs || info.queue_pairs > NET_QUEUE_PAIRS_MAX ||
	    (info.queue_pairs > 1 && !adapter->driver->set_queues)) {
		if (adapter->driver->close)
			adapter->driver->close(adapter->self);
		return mortise_fail(err, -EPROTO,
				    "Could not open netdev '%s': type '%s' says that it has %u queue pairs", net->id,
				    adapter->driver->driver, info.queue_pairs);
	}
	net->offloads = info.offloads;
	net->queue_pairs = info.queue_pairs;
	net->mtu = info.mtu;
	if (!info.link_up)
		atomic_store(&net->link_up, false);
	return 0;
}

static void adapter_close(struct mortise_net *net)
{
	const struct adapter *adapter = adapter_of(net);

	if (adapter->driver->close)
		adapter->driver->close((void *)adapter->self);
}

static int adapter_attach(struct mortise_net *net)
{
	struct adapter *adapter = adapter_of(net);
	int r;

	adapter->wakeups = (struct wakeups){.loop = net->loop,
					    .timer = adapter->driver->timer,
					    .fd_ready = adapter->driver->fd_ready,
					    .self = adapter->self};
	r = adapter->driver->attach ? adapter->driver->attach(adapter->self) : 0;
	if (r < 0) {
		wakeups_end(&adapter->wakeups);
		adapter->wakeups.loop = NULL;
	}
	return r;
}

static void adapter_detach(struct mortise_net *net)
{
	struct adapter *adapter = adapter_of(net);

	if (adapter->driver->detach)
		adapter->driver->detach(adapter->self);
	wakeups_end(&adapter->wakeups);
	adapter->wakeups.loop = NULL;
}

static int adapter_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size)
{
	struct adapter *adapter = adapter_of(net);

	return adapter->driver->set_offloads ? adapter->driver->set_offloads(adapter->self, offloads, header_size) : 0;
}

static int adapter_set_queues(struct mortise_net *net, uint32_t pairs)
{
	struct adapter *adapter = adapter_of(net);

	return adapter->driver->set_queues(adapter->self, pairs);
}

static int adapter_send(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct adapter *adapter = adapter_of(net);

	return adapter->driver->send(adapter->self, queue, iov, count);
}

static int64_t adapter_receive(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	struct adapter *adapter = adapter_of(net);

	return adapter->driver->receive(adapter->self, queue, iov, count);
}

static void adapter_poll(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	struct adapter *adapter = adapter_of(net);

	adapter->driver->poll(adapter->self, queue, events);
}

static void adapter_flush(struct mortise_net *net)
{
	struct adapter *adapter = adapter_of(net);

	adapter->driver->flush(adapter->self);
}

static const struct net_driver driver = {
	.open = adapter_open,
	.close = adapter_close,
	.attach = adapter_attach,
	.detach = adapter_detach,
	.set_offloads = adapter_set_offloads,
	.set_queues = adapter_set_queues,
	.send = adapter_send,
	.receive = adapter_receive,
	.poll = adapter_poll,
	.flush = adapter_flush,
};

struct mortise_net *net_adapter_new(const struct mortise_net_driver *of)
{
	struct adapter *adapter = calloc(1, sizeof(*adapter) + of->net_size);

	if (!adapter)
		return NULL;
	adapter->driver = of;
	adapter->net.driver = &driver;
	adapter->net.adapted = of;
	return &adapter->net;
}

void *net_adapter_self(struct mortise_net *net)
{
	return adapter_of(net)->self;
}
