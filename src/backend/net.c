/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/net.c - the registry of netdevs, who has claimed which, and the services that devices call.
 */
#include "backend/net-driver.h"

#include <errno.h>
#include <semaphore.h>

#include "backend/net-adapter.h"
#include "base/log.h"
#include "base/properties.h"
#include "base/util.h"

#define ID_MAX 127
#define WORKERS_MAX 4
#define STOP_SECONDS 2

struct nets {
	struct loop *control;
	struct workers *workers;
	struct mortise_net *first;
	const struct net_source *source; /* NULL: there are built-in types alone */
};

static const struct net_driver *const drivers[] = {&net_tap, &net_user, &net_stream, &net_dgram, &net_socket, NULL};

/* --- making and ending --- */

static struct mortise_net *net_free(struct mortise_net *net)
{
	if (!net)
		return NULL;
	if (net->adapted && net->nets)
		net->nets->source->used(net->nets->source->opaque, net->adapted, -1);
	options_free(net->options);
	free(net->owner);
	free(net->id);
	free(net);
	return NULL;
}
DEFINE_CLEANUP(struct mortise_net *, net_free)

static void unlink_net(struct nets *nets, struct mortise_net *net)
{
	struct mortise_net **at = &nets->first;

	while (*at && *at != net)
		at = &(*at)->next;
	if (*at)
		*at = net->next;
}

int nets_new(struct nets **out, struct loop *control, struct mortise_error *err)
{
	_cleanup_free_ struct nets *nets = calloc(1, sizeof(*nets));
	int r;

	if (!nets)
		return mortise_fail(err, -ENOMEM, "Out of memory for the netdevs");
	r = workers_new(&nets->workers, "netdev", WORKERS_MAX, err);
	if (r < 0)
		return r;
	nets->control = control;
	*out = steal_ptr(&nets);
	return 0;
}

void nets_set_source(struct nets *nets, const struct net_source *source)
{
	nets->source = source;
}

struct nets *nets_free(struct nets *nets)
{
	if (!nets)
		return NULL;
	if (workers_stop(nets->workers, STOP_SECONDS) < 0)
		return NULL; /* what the kernel does not let go of is left to it */
	while (nets->first) {
		struct mortise_net *net = nets->first;

		if (net->state == NET_OPEN || (net->state == NET_OPENING && net->job_result == 0))
			net->driver->close(net);
		nets->first = net->next;
		net_free(net);
	}
	free(nets);
	return NULL;
}

/* Control thread: a worker has opened or closed `net`. */
static void job_done(struct task *task)
{
	struct mortise_net *net = container_of(task, struct mortise_net, job_done);
	struct nets *nets = net->nets;
	struct reply *reply = steal_ptr(&net->reply);
	const int result = net->job_result;

	if (net->state == NET_OPENING && result == 0) {
		net->state = NET_OPEN;
	} else {
		reply->error = net->job_error;
		unlink_net(nets, net);
		net_free(net);
	}
	reply_post(reply, nets->control, result);
}

static void job_run(struct work *work)
{
	struct mortise_net *net = container_of(work, struct mortise_net, job);

	if (net->state == NET_OPENING)
		net->job_result = net->driver->open(net, &net->job_error);
	else
		net->driver->close(net);
	loop_post(net->nets->control, &net->job_done);
}

/* Opens or closes on a worker and answers `reply` afterwards. */
static void job_start(struct mortise_net *net, enum net_state state, struct reply *reply)
{
	net->state = state;
	net->reply = reply;
	net->job_result = 0;
	net->job.run = job_run;
	net->job_done.run = job_done;
	workers_submit(net->nets->workers, &net->job);
}

/* --- options --- */

static int unknown_type(const char *type, const char *why, struct mortise_error *err)
{
	char known[160] = "";

	for (size_t i = 0; drivers[i]; i++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", i ? ", " : "",
			 drivers[i]->type.name);
	if (!type)
		return mortise_fail(err, -EINVAL, "Parameter 'type' is missing; known types: %s", known);
	return mortise_fail(err, -EINVAL, "There is no netdev type '%.64s'; known types: %s%s%s", type, known,
			    why ? ", and plugins': " : "", why ? why : "");
}

/* A netdev of a type that is not built in. */
static int make_adapted(struct mortise_net **out, struct nets *nets, const char *type, struct mortise_error *err)
{
	const struct mortise_net_driver *driver;
	struct mortise_error why = {0};
	int r;

	if (!nets->source)
		return unknown_type(type, NULL, err);
	r = nets->source->find(nets->source->opaque, type, &driver, &why);
	if (r == -ENOENT || r == -EINVAL)
		return unknown_type(type, why.message, err);
	if (r < 0)
		return mortise_fail(err, r, "Parameter 'type' does not accept value '%.64s': %s", type, why.message);
	*out = net_adapter_new(driver);
	if (!*out)
		return mortise_fail(err, -ENOMEM, "Out of memory for a netdev");
	nets->source->used(nets->source->opaque, driver, 1);
	return 0;
}

/* A netdev of the type that the options ask for. */
static int make(struct mortise_net **out, struct nets *nets, struct options *options, struct mortise_error *err)
{
	const struct net_driver *driver = NULL;
	const char *type = NULL;
	int r = options_string(options, "type", &type, err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!type && options_find(options, "ifname"))
		type = "tap";
	for (size_t i = 0; drivers[i] && type && !driver; i++)
		if (streq(drivers[i]->type.name, type))
			driver = drivers[i];
	if (!driver)
		return type ? make_adapted(out, nets, type, err) : unknown_type(NULL, NULL, err);
	if (driver->resolve)
		driver = driver->resolve(options, err);
	if (!driver)
		return -EINVAL;
	*out = calloc(1, driver->size);
	if (!*out)
		return mortise_fail(err, -ENOMEM, "Out of memory for a netdev");
	(*out)->driver = driver;
	return 0;
}

static int take_properties(struct mortise_net *net, struct options *options, struct mortise_error *err)
{
	const struct mortise_property *property =
		net->adapted ? net->adapted->properties : net->driver->type.properties;
	void *self = net->adapted ? net_adapter_self(net) : net;
	int r = 0;

	for (; r == 0 && property && property->name; property++)
		r = property_set(property, options, self, err);
	return r;
}

static int read_id(struct nets *nets, struct options *options, const char **out, struct mortise_error *err)
{
	const char *id = NULL;
	int r = options_string(options, "id", &id, err);

	if (r == -ENOENT || (r == 0 && !*id))
		return mortise_fail(err, -EINVAL, "Parameter 'id' is missing");
	if (r < 0)
		return r;
	if (strlen(id) > ID_MAX)
		return mortise_fail(err, -EINVAL, "Parameter 'id' is longer than %d bytes", ID_MAX);
	for (struct mortise_net *net = nets->first; net; net = net->next)
		if (streq(net->id, id))
			return mortise_fail(err, -EEXIST, "There is a netdev '%s' already; choose another id%s", id,
					    net->owner ? "" : " or delete it with netdev_del");
	*out = id;
	return 0;
}

/* Everything that can be told without touching the system. Takes `options` over on success. */
static int net_parse(struct mortise_net **out, struct nets *nets, struct options *options, struct mortise_error *err)
{
	_cleanup_(net_free_p) struct mortise_net *net = NULL;
	const char *id = NULL;
	int r;

	r = read_id(nets, options, &id, err);
	if (r == 0)
		r = make(&net, nets, options, err);
	if (r < 0)
		return r;
	net->nets = nets;
	net->id = strdup(id);
	if (!net->id)
		return mortise_fail(err, -ENOMEM, "Out of memory for netdev '%s'", id);
	net->queue_pairs = 1;
	net->header_size = 12;
	atomic_store(&net->link_up, true);
	r = take_properties(net, options, err);
	if (r == 0 && net->driver->parse)
		r = net->driver->parse(net, options, err);
	if (r == 0)
		r = options_done(options, err);
	if (r < 0)
		return r;
	*out = steal_ptr(&net);
	return 0;
}

void net_add(struct nets *nets, struct options *options, struct reply *reply)
{
	_cleanup_(options_free_p) struct options *owned = options;
	_cleanup_(net_free_p) struct mortise_net *net = NULL;
	int r;

	r = net_parse(&net, nets, options, &reply->error);
	if (r < 0) {
		reply_post(reply, nets->control, r);
		return;
	}
	net->options = steal_ptr(&owned);
	net->next = nets->first;
	nets->first = net;
	job_start(steal_ptr(&net), NET_OPENING, reply);
}

void net_del(struct nets *nets, const char *id, struct reply *reply)
{
	struct mortise_net *net = net_find(nets, id);
	int r;

	if (!net) {
		r = mortise_fail(&reply->error, -ENOENT, "There is no netdev '%s'", id);
	} else if (net->owner) {
		r = mortise_fail(&reply->error, -EBUSY, "Netdev '%s' is in use by device '%s'; delete that first", id,
				 net->owner);
	} else {
		job_start(net, NET_CLOSING, reply);
		return;
	}
	reply_post(reply, nets->control, r);
}

struct mortise_net *net_find(struct nets *nets, const char *id)
{
	for (struct mortise_net *net = nets->first; net; net = net->next)
		if (net->state == NET_OPEN && streq(net->id, id))
			return net;
	return NULL;
}

/* --- claims: the hand-over between the control thread and the instance's --- */

static bool link_is_up(const struct mortise_net *net)
{
	return atomic_load_explicit(&net->link_up, memory_order_relaxed) &&
	       !atomic_load_explicit(&net->link_taken, memory_order_relaxed);
}

int net_claim(struct mortise_net *net, const char *owner, struct loop *loop, struct mortise_error *err)
{
	if (net->owner)
		return mortise_fail(err, -EBUSY, "Netdev '%s' is in use by device '%s'", net->id, net->owner);
	net->owner = strdup(owner);
	if (!net->owner)
		return mortise_fail(err, -ENOMEM, "Out of memory for the claim of netdev '%s'", net->id);
	net->loop = loop;
	return 0;
}

static void attach_now(struct task *task)
{
	struct mortise_net *net = container_of(task, struct mortise_net, attach_task);
	int r = net->driver->attach(net);

	net->attached = r == 0;
	if (r < 0) {
		log_error("Netdev '%s' does not come up: %s", net->id, strerror(-r));
		net_link_changed(net, false);
	}
}

void net_on_ready(struct mortise_net *net,
		  void (*ready)(void *opaque, struct mortise_net *net, uint32_t queue, uint32_t events), void *opaque)
{
	net->ready = ready;
	net->opaque = opaque;
	net->attach_task.run = attach_now;
	net->attach_posted = true;
	loop_post(net->loop, &net->attach_task);
}

struct detach {
	struct mortise_net *net;
	struct task task;
	sem_t done;
};

static void detach_now(struct task *task)
{
	struct detach *detach = container_of(task, struct detach, task);
	struct mortise_net *net = detach->net;

	if (net->attached)
		net->driver->detach(net);
	net->attached = false;
	net->ready = NULL;
	/* The loop may still hold link_task and flush_hook, from this round; nothing arms them again from now on. */
	if (atomic_load(&net->link_posted) || net->flush_hook.armed)
		loop_post(net->loop, task);
	else
		sem_post(&detach->done);
}

void net_release(struct mortise_net *net)
{
	struct detach detach = {.net = net, .task.run = detach_now};

	if (net->attach_posted) {
		sem_init(&detach.done, 0, 0);
		loop_post(net->loop, &detach.task);
		while (sem_wait(&detach.done) < 0 && errno == EINTR)
			;
		sem_destroy(&detach.done);
	}
	net->attach_posted = false;
	net->loop = NULL;
	memset(net->wish, 0, sizeof(net->wish));
	net->header_size = 12;
	free(steal_ptr(&net->owner));
}

/* --- the link --- */

static void poll_now(struct mortise_net *net, uint32_t queue)
{
	if (net->attached)
		net->driver->poll(net, queue, atomic_load(&net->link_taken) ? 0 : net->wish[queue]);
}

static void link_now(struct task *task)
{
	struct mortise_net *net = container_of(task, struct mortise_net, link_task);

	atomic_store(&net->link_posted, false);
	for (uint32_t queue = 0; queue < net->queue_pairs; queue++)
		poll_now(net, queue);
	if (net->ready)
		net->ready(net->opaque, net, 0, MORTISE_NET_LINK);
}

static void post_link(struct mortise_net *net)
{
	net->link_task.run = link_now;
	if (!atomic_exchange(&net->link_posted, true))
		loop_post(net->loop, &net->link_task);
}

void net_link_changed(struct mortise_net *net, bool up)
{
	if (atomic_exchange(&net->link_up, up) != up)
		post_link(net);
}

void net_set_link(struct mortise_net *net, bool up)
{
	if (atomic_exchange(&net->link_taken, !up) == up && net->attach_posted)
		post_link(net);
}

/* --- batches --- */

static void flush_now(struct end_hook *hook)
{
	struct mortise_net *net = container_of(hook, struct mortise_net, flush_hook);

	if (net->attached)
		net->driver->flush(net);
}

void net_flush_later(struct mortise_net *net)
{
	net->flush_hook.run = flush_now;
	loop_at_end(net->loop, &net->flush_hook);
}

/* --- services: the instance's thread --- */

void net_info(struct mortise_net *net, struct mortise_net_info *info)
{
	struct mortise_net_info full = {
		.struct_size = sizeof(full),
		.offloads = net->offloads,
		.queue_pairs = net->queue_pairs,
		.mtu = net->mtu,
		.link_up = link_is_up(net),
	};

	full.struct_size = MIN(info->struct_size, full.struct_size);
	memcpy(info, &full, full.struct_size);
}

int net_set_offloads(struct mortise_net *net, uint32_t offloads, uint32_t header_size)
{
	if (header_size != 10 && header_size != 12)
		return -EINVAL;
	if (!net->attached)
		return -ENODEV;
	net->header_size = header_size;
	return net->driver->set_offloads(net, offloads & net->offloads, header_size);
}

int net_set_queues(struct mortise_net *net, uint32_t pairs)
{
	if (!pairs || pairs > net->queue_pairs)
		return -EINVAL;
	if (!net->attached)
		return -ENODEV;
	return net->queue_pairs == 1 ? 0 : net->driver->set_queues(net, pairs);
}

static uint64_t iov_size(const struct iovec *iov, uint32_t count)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < count; i++)
		size += iov[i].iov_len;
	return size;
}

int net_send(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	uint64_t size = iov_size(iov, count);
	int r;

	if (queue >= net->queue_pairs || size < net->header_size + NET_FRAME_MIN ||
	    size > net->header_size + NET_FRAME_MAX)
		r = -EINVAL;
	else if (!link_is_up(net))
		r = -ENOTCONN;
	else
		r = net->driver->send(net, queue, iov, count);
	if (r == 0) {
		net_count(&net->sent, 1);
		net_count(&net->sent_bytes, size - net->header_size);
	} else if (r != -EAGAIN) {
		net_count(&net->dropped, 1);
	}
	return r;
}

int64_t net_receive(struct mortise_net *net, uint32_t queue, const struct iovec *iov, uint32_t count)
{
	const uint64_t size = iov_size(iov, count);
	int64_t n;

	if (queue >= net->queue_pairs || !link_is_up(net) || size < net->header_size)
		return -EAGAIN;
	n = net->driver->receive(net, queue, iov, count);
	if (n >= 0 && ((uint64_t)n < net->header_size || (uint64_t)n > size)) {
		if (!net->untrue)
			log_error("netdev '%s': its driver says that a frame has %lld bytes, which cannot be: lost",
				  net->id, (long long)n);
		net->untrue = true;
		return -EAGAIN;
	}
	if (n > 0) {
		net_count(&net->received, 1);
		net_count(&net->received_bytes, (uint64_t)n - net->header_size);
	}
	return n;
}

void net_poll(struct mortise_net *net, uint32_t queue, uint32_t events)
{
	if (queue >= net->queue_pairs)
		return;
	net->wish[queue] = events;
	poll_now(net, queue);
}

int net_vhost(struct mortise_net *net, uint32_t pair, struct mortise_net_vhost *out)
{
	struct mortise_net_vhost full = {.struct_size = MIN(out->struct_size, (uint32_t)sizeof(full))};
	int r = net->driver->vhost && pair < net->queue_pairs ? net->driver->vhost(net, pair, &full.vhost, &full.frames)
							      : -ENOTSUP;

	if (r < 0)
		return r;
	if (!link_is_up(net))
		full.frames = -1;
	memcpy(out, &full, full.struct_size);
	return 0;
}

/* --- queries --- */

struct mortise_net *net_next(struct nets *nets, struct mortise_net *after)
{
	struct mortise_net *net = after ? after->next : nets->first;

	while (net && net->state != NET_OPEN)
		net = net->next;
	return net;
}

void net_describe(struct mortise_net *net, struct net_description *out)
{
	*out = (struct net_description){
		.id = net->id,
		.type = net->adapted ? net->adapted->driver : net->driver->type.name,
		.owner = net->owner,
		.info = net->info,
		.link_up = link_is_up(net),
		.queue_pairs = net->queue_pairs,
		.sent = atomic_load(&net->sent),
		.received = atomic_load(&net->received),
		.dropped = atomic_load(&net->dropped),
		.sent_bytes = atomic_load(&net->sent_bytes),
		.received_bytes = atomic_load(&net->received_bytes),
	};
}

const struct net_type *net_type_next(const struct net_type *after)
{
	size_t i = 0;

	while (after && drivers[i] && &drivers[i]->type != after)
		i++;
	i += after != NULL;
	return drivers[i] ? &drivers[i]->type : NULL;
}
