/* SPDX-License-Identifier: Apache-2.0 */
/*
 * old-plugins/minor-1.c - a device that uses all of plugin ABI 1.0, as it was: every property type, callback and
 * service.
 *
 * Built once, see README.md; never edited. A request on queue 0 begins with an operation's letter and the words that it
 * takes; it is answered with one word, then data. Words are 64 bits and native.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mortise/plugin.h>

#define VERSION UINT64_C(1)
#define MILLISECOND UINT64_C(1000000)
#define FEATURES (UINT64_C(1) << 0 | UINT64_C(1) << 5)

struct old {
	const struct mortise_host *host;
	struct mortise_device *device;
	uint64_t features, requests, changes;
	uint64_t children; /* shown by query-stats */
	int event;
	struct mortise_chain *on_timer, *on_event;

	uint8_t flag;
	uint16_t small;
	uint32_t medium;
	uint64_t large, size;
	const char *text;
	uint32_t word;
	uint8_t mac[6];
	struct mortise_block *block;
	struct mortise_net *net;
	struct mortise_chardev *chardev;
};

/* A block request under way, in its chain's `priv`. */
struct request {
	struct mortise_block_request io; /* first */
	struct old *old;
	struct mortise_chain *chain;
	uint64_t size; /* of the answer's data, in bytes */
	struct iovec *reply;
};

/* The first `in` buffer holds the answer's word; data, if any, is in the others. */
static void answer(struct old *old, struct mortise_chain *chain, int64_t word, uint64_t data)
{
	struct iovec *in = chain->in;
	uint32_t count = chain->in_count;
	uint64_t written = mortise_iov_put(&in, &count, &word, sizeof(word));

	old->requests++;
	old->host->queue_push(old->device, chain, written + data);
}

static void io_done(struct mortise_block_request *io, int result)
{
	struct request *request = (struct request *)io;

	answer(request->old, request->chain, result, result < 0 ? 0 : request->size);
}

static void transfer(struct old *old, struct mortise_chain *chain, uint32_t op, uint64_t offset)
{
	struct request *request = chain->priv;
	const int reads = op == MORTISE_BLOCK_READ;

	memset(request, 0, sizeof(*request));
	request->old = old;
	request->chain = chain;
	request->io.done = io_done;
	request->io.op = op;
	request->io.offset = offset;
	if (op != MORTISE_BLOCK_FLUSH) {
		request->io.iov = reads ? chain->in + 1 : chain->out;
		request->io.iov_count = reads ? chain->in_count - 1 : chain->out_count;
		for (uint32_t i = 0; i < request->io.iov_count; i++)
			request->io.length += request->io.iov[i].iov_len;
	}
	request->size = reads ? request->io.length : 0;
	old->host->block_submit(old->block, &request->io);
}

static int64_t copy(struct mortise_chain *chain)
{
	struct iovec *in = chain->in + 1;
	uint32_t count = chain->in_count - 1;
	int64_t done = 0;

	for (uint32_t i = 0; i < chain->out_count; i++)
		done += (int64_t)mortise_iov_put(&in, &count, chain->out[i].iov_base, chain->out[i].iov_len);
	return done;
}

static int64_t count_in_config(struct old *old)
{
	uint64_t word;

	old->host->read_config(old->device, 0, &word, sizeof(word));
	word++;
	old->host->write_config(old->device, 0, &word, sizeof(word));
	return (int64_t)word;
}

static int64_t ask_backend(struct old *old, struct mortise_chain *chain, char operation)
{
	struct mortise_block_info block = {.struct_size = sizeof(block)};
	struct mortise_net_info net = {.struct_size = sizeof(net)};
	struct mortise_char_info chardev = {.struct_size = sizeof(chardev)};
	struct mortise_net_vhost vhost = {.struct_size = sizeof(vhost)};

	switch (operation) {
	case 'b':
		old->host->block_info(old->block, &block);
		return (int64_t)block.size;
	case 'n':
		old->host->net_info(old->net, &net);
		return net.queue_pairs;
	case 's':
		return old->host->net_send(old->net, 0, chain->out, chain->out_count);
	case 'h':
		return old->host->net_vhost(old->net, 0, &vhost);
	case 'a':
		return old->host->char_connect(old->chardev);
	case 'y':
		return old->host->char_descriptor(old->chardev);
	case 'i':
		old->host->char_info(old->chardev, &chardev);
		return chardev.connected;
	default:
		return old->host->char_write(old->chardev, chain->out->iov_base, chain->out->iov_len);
	}
}

/* Whether an operation's backend is there, and the driver's buffers are what it needs. */
static int possible(const struct old *old, const struct mortise_chain *chain, char operation)
{
	switch (operation) {
	case 'b':
	case 'r':
	case 'W':
	case 'f':
		return old->block != NULL;
	case 'n':
	case 's':
	case 'h':
		return old->net != NULL;
	case 'i':
	case 'a':
	case 'y':
		return old->chardev != NULL;
	case 'p':
		return old->chardev != NULL && chain->out_count > 0;
	case 't':
		return !old->on_timer;
	case 'w':
		return !old->on_event;
	default:
		return strchr("eckdDqxmvl", operation) != NULL && operation;
	}
}

/* Bytes of guest memory, over all of its regions. */
static int64_t measure_memory(struct old *old)
{
	struct mortise_memory_region region = {.struct_size = sizeof(region)};
	int64_t size = 0;

	for (uint32_t i = 0; !old->host->memory_region(old->device, i, &region); i++)
		size += (int64_t)region.size;
	return size;
}

/* Nobody serves queue 1 in the meantime: nothing in it has been. */
static int64_t lend(struct old *old)
{
	struct mortise_vring vring = {.struct_size = sizeof(vring)};
	const int r = old->host->vring_lend(old->device, 1, &vring);

	if (r < 0)
		return r;
	old->host->vring_return(old->device, 1, (int32_t)vring.next);
	return vring.size;
}

static void report(struct old *old)
{
	const struct mortise_value data[] = {{.present = 1, .number = old->requests}};

	old->host->event(old->device, 0, data);
}

static void serve(struct old *old, struct mortise_chain *chain)
{
	const struct mortise_host *host = old->host;
	uint64_t word = 0;
	int64_t n;
	char operation = 0;

	mortise_iov_take(&chain->out, &chain->out_count, &operation, 1);
	if (!chain->in_count || chain->in->iov_len != sizeof(word)) {
		host->queue_push(old->device, chain, 0);
		return;
	}
	if (!possible(old, chain, operation)) {
		answer(old, chain, -EINVAL, 0);
		return;
	}
	switch (operation) {
	case 'e':
		n = copy(chain);
		answer(old, chain, n, (uint64_t)n);
		break;
	case 'c':
		answer(old, chain, count_in_config(old), 0);
		break;
	case 'k':
		answer(old, chain, (int64_t)host->clock_ns(), 0);
		break;
	case 't':
		old->on_timer = chain;
		host->timer_set(old->device, 3, host->clock_ns() + MILLISECOND);
		break;
	case 'w':
		old->on_event = chain;
		eventfd_write(old->event, 7);
		host->watch(old->device, old->event, MORTISE_WATCH_READ, old);
		break;
	case 'd':
		answer(old, chain, host->memory_discard(old->device, chain->in + 1, chain->in_count - 1), 0);
		break;
	case 'D':
		mortise_iov_take(&chain->out, &chain->out_count, &word, sizeof(word));
		answer(old, chain, host->memory_discard_at(old->device, word, 4096), 0);
		break;
	case 'r':
		mortise_iov_take(&chain->out, &chain->out_count, &word, sizeof(word));
		transfer(old, chain, MORTISE_BLOCK_READ, word);
		break;
	case 'W':
		mortise_iov_take(&chain->out, &chain->out_count, &word, sizeof(word));
		transfer(old, chain, MORTISE_BLOCK_WRITE, word);
		break;
	case 'f':
		transfer(old, chain, MORTISE_BLOCK_FLUSH, 0);
		break;
	case 'q':
		answer(old, chain, (int64_t)old->requests, 0);
		break;
	case 'm':
		answer(old, chain, measure_memory(old), 0);
		break;
	case 'v':
		report(old);
		answer(old, chain, 0, 0);
		break;
	case 'l':
		answer(old, chain, lend(old), 0);
		break;
	case 'x':
		host->needs_reset(old->device, "the test asked for it");
		answer(old, chain, 0, 0);
		break;
	default:
		answer(old, chain, ask_backend(old, chain, operation), 0);
		break;
	}
}

/* Every chain is put back and popped again, so that queue_unpop() is used too. */
static void notify(void *self, uint32_t queue)
{
	struct old *old = self;
	struct mortise_chain *chain;

	while ((chain = old->host->queue_pop(old->device, queue))) {
		old->host->queue_unpop(old->device, chain);
		chain = old->host->queue_pop(old->device, queue);
		if (!chain)
			return;
		serve(old, chain);
	}
}

static void timer(void *self, uint32_t id)
{
	struct old *old = self;

	if (old->on_timer)
		answer(old, old->on_timer, id, 0);
	old->on_timer = NULL;
}

static void fd_ready(void *self, int fd, uint32_t events, void *opaque)
{
	struct old *old = self;
	eventfd_t value = 0;

	eventfd_read(fd, &value);
	old->host->watch(old->device, fd, 0, NULL);
	if (old->on_event && opaque == old)
		answer(old, old->on_event, (int64_t)value, 0);
	old->on_event = NULL;
}

static void net_ready(void *self, struct mortise_net *net, uint32_t queue, uint32_t events)
{
	struct old *old = self;

	old->changes++;
}

static void char_ready(void *self, struct mortise_chardev *chardev, uint32_t events)
{
	struct old *old = self;
	char byte;

	old->changes++;
	if (events & MORTISE_CHAR_READABLE)
		old->host->char_read(chardev, &byte, 1);
}

static void block_changed(void *self, struct mortise_block *block)
{
	struct old *old = self;

	old->changes++;
}

/* --- the life --- */

static void show_config(struct old *old)
{
	struct {
		uint64_t counter;
		char text[8];
	} config = {0};

	memcpy(config.text, old->text, strnlen(old->text, sizeof(config.text)));
	old->host->write_config(old->device, 0, &config, sizeof(config));
}

static int realize(void *self, struct mortise_device *device, const struct mortise_host *host,
		   struct mortise_error *err)
{
	struct old *old = self;

	old->host = host;
	old->device = device;
	if (!old->text)
		return mortise_fail(err, -EINVAL, "Parameter 'text' is missing, and has a default");
	if (!MORTISE_HAS(host, char_descriptor))
		return mortise_fail(err, -ENOTSUP, "the host has no ABI 1.1");
	if (!strcmp(old->text, "refuse"))
		return mortise_fail(err, -EDOM, "Parameter 'text' does not accept value 'refuse'");
	old->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (old->event < 0)
		return mortise_fail(err, -errno, "No descriptor is left: %s", strerror(errno));
	host->offer_features(device, old->flag ? FEATURES : 0);
	host->offer_ring_features(device, UINT64_C(1) << 28 | UINT64_C(1) << 29);
	show_config(old);
	if (old->net) {
		host->net_set_offloads(old->net, 0, 12);
		host->net_set_queues(old->net, 1);
		host->net_poll(old->net, 0, 0);
	}
	if (old->chardev)
		host->char_poll(old->chardev, MORTISE_CHAR_READABLE);
	host->log(device, MORTISE_LOG_DEBUG, "%s is there", old->text);
	return 0;
}

static void unrealize(void *self)
{
	struct old *old = self;

	close(old->event);
}

static int activate(void *self, uint64_t features, struct mortise_error *err)
{
	struct old *old = self;

	old->features = features;
	return 0;
}

static void config_written(void *self, uint32_t offset, uint32_t size)
{
	struct old *old = self;

	old->changes++;
}

/* What waits is answered at once, so that nothing is in flight. */
static int quiesce(void *self, struct mortise_error *err)
{
	struct old *old = self;
	eventfd_t value;

	if (old->on_timer)
		answer(old, old->on_timer, -ECANCELED, 0);
	if (old->on_event)
		answer(old, old->on_event, -ECANCELED, 0);
	old->on_timer = old->on_event = NULL;
	old->host->timer_set(old->device, 3, 0);
	old->host->watch(old->device, old->event, 0, NULL);
	eventfd_read(old->event, &value);
	return 0;
}

static void resume(void *self)
{
	struct old *old = self;

	if (old->chardev)
		old->host->char_poll(old->chardev, MORTISE_CHAR_READABLE);
}

static void reset(void *self)
{
	struct old *old = self;

	old->features = old->requests = 0;
	show_config(old);
}

static int64_t save(void *self, void *data, uint64_t room)
{
	const struct old *old = self;
	const uint64_t state[] = {VERSION, old->requests};

	if (room < sizeof(state))
		return -ENOSPC;
	memcpy(data, state, sizeof(state));
	return sizeof(state);
}

static int restore(void *self, const void *data, uint64_t size, struct mortise_error *err)
{
	struct old *old = self;
	uint64_t state[2];

	if (size != sizeof(state))
		return mortise_fail(err, -EINVAL, "The state has %llu bytes, not 16", (unsigned long long)size);
	memcpy(state, data, sizeof(state));
	if (state[0] != VERSION)
		return mortise_fail(err, -EINVAL, "The state is of version %llu, not 1", (unsigned long long)state[0]);
	old->requests = state[1];
	return 0;
}

/* --- children: they count --- */

struct child {
	uint32_t weight;
};

static int child_realize(void *self, struct mortise_device *device, const struct mortise_host *host,
			 struct mortise_error *err)
{
	return 0;
}

static int child_added(void *self, void *child, struct mortise_error *err)
{
	struct old *old = self;

	if (((struct child *)child)->weight > 10)
		return mortise_fail(err, -E2BIG, "Parameter 'weight' does not accept value '%u': it is too much",
				    ((struct child *)child)->weight);
	old->children++;
	return 0;
}

static void child_removed(void *self, void *child)
{
	struct old *old = self;

	old->children--;
}

/* --- the monitor --- */

/* Answers with the sum of the argument and of the requests that were served, and reports it. */
static void count(void *self, struct mortise_call *call, const struct mortise_value *arguments)
{
	struct old *old = self;
	const struct mortise_value values[] = {{.present = 1, .number = old->requests + arguments[0].number},
					       {.present = 1, .string = old->text}};

	if (arguments[0].number == 13) {
		old->host->call_fail(call, -EINVAL, "Parameter 'plus' does not accept value '%d'", 13);
		return;
	}
	report(old);
	old->host->call_return(call, values);
}

static const struct mortise_field count_arguments[] = {
	{.name = "plus", .type = MORTISE_FIELD_UINT, .max = 100, .help = "what is added"},
	{.name = NULL},
};
static const struct mortise_field count_returns[] = {
	{.name = "sum", .type = MORTISE_FIELD_UINT, .help = "of it and of the requests"},
	{.name = "text", .type = MORTISE_FIELD_STRING, .help = "the property"},
	{.name = NULL},
};
static const struct mortise_field counted_data[] = {
	{.name = "requests", .type = MORTISE_FIELD_UINT, .help = "that were served"},
	{.name = NULL},
};
static const struct mortise_command commands[] = {
	{.name = "x-minor-1-count",
	 .help = "Counts",
	 .arguments = count_arguments,
	 .returns = count_returns,
	 .run = count},
	{.name = NULL},
};
static const struct mortise_event events[] = {
	{.name = "X_MINOR_1_COUNTED", .help = "It has counted", .data = counted_data},
	{.name = NULL},
};
static const struct mortise_counter counters[] = {
	{.name = "children",
	 .type = MORTISE_COUNTER_INSTANT,
	 .offset = offsetof(struct old, children),
	 .help = "children plugged in"},
	{.name = NULL},
};
static const struct mortise_monitor monitor = MORTISE_MONITOR(commands, events, counters);

/* --- the description --- */

#define PROPERTY(name_, type_, member, ...)                                                                            \
	{                                                                                                              \
		.name = name_, .type = type_, .offset = offsetof(struct old, member), .help = "for tests", __VA_ARGS__ \
	}

static const char *const words[] = {"low", "medium", "high", NULL};

static const struct mortise_property properties[] = {
	PROPERTY("flag", MORTISE_PROPERTY_BOOL, flag, .fallback = "on"),
	PROPERTY("small", MORTISE_PROPERTY_U16, small),
	PROPERTY("medium", MORTISE_PROPERTY_U32, medium, .min = 2, .max = 64, .fallback = "16"),
	PROPERTY("large", MORTISE_PROPERTY_U64, large),
	PROPERTY("size", MORTISE_PROPERTY_SIZE, size, .fallback = "1M"),
	PROPERTY("text", MORTISE_PROPERTY_STRING, text, .max = 8, .fallback = "minor-1"),
	PROPERTY("word", MORTISE_PROPERTY_ENUM, word, .values = words, .fallback = "medium"),
	PROPERTY("mac", MORTISE_PROPERTY_MAC, mac),
	PROPERTY("drive", MORTISE_PROPERTY_BLOCK, block),
	PROPERTY("netdev", MORTISE_PROPERTY_NET, net),
	PROPERTY("chardev", MORTISE_PROPERTY_CHARDEV, chardev),
	{.name = NULL},
};

static const struct mortise_class minor_1 = {
	.size = sizeof(minor_1),
	.property_size = sizeof(struct mortise_property),
	.driver = "minor-1",
	.summary = "Device of plugin ABI 1.1",
	.virtio_id = 42,
	.queue_count = 2,
	.features = FEATURES,
	.config_size = 16,
	.instance_size = sizeof(struct old),
	.request_size = sizeof(struct request),
	.queue_size = 64,
	.properties = properties,
	.realize = realize,
	.unrealize = unrealize,
	.activate = activate,
	.notify = notify,
	.config_written = config_written,
	.quiesce = quiesce,
	.resume = resume,
	.reset = reset,
	.save = save,
	.restore = restore,
	.block_changed = block_changed,
	.net_ready = net_ready,
	.timer = timer,
	.fd_ready = fd_ready,
	.char_ready = char_ready,
	.children_max = 2,
	.child_added = child_added,
	.child_removed = child_removed,
	.monitor = &monitor,
};

static const struct mortise_property child_properties[] = {
	{.name = "weight", .type = MORTISE_PROPERTY_U32, .offset = offsetof(struct child, weight), .help = "for tests"},
	{.name = NULL},
};

static const struct mortise_class minor_1_child = {
	.size = sizeof(minor_1_child),
	.property_size = sizeof(struct mortise_property),
	.driver = "minor-1-child",
	.summary = "Device that is plugged into one of plugin ABI 1.1",
	.instance_size = sizeof(struct child),
	.properties = child_properties,
	.realize = child_realize,
	.parent = "minor-1",
};

static const struct mortise_class *const classes[] = {&minor_1, &minor_1_child, NULL};

static int init(const struct mortise_host *host, struct mortise_error *err)
{
	if (host->abi_major != MORTISE_ABI_MAJOR)
		return mortise_fail(err, -ENOTSUP, "the host has ABI %u", host->abi_major);
	host->log(NULL, MORTISE_LOG_DEBUG, "minor-1 runs in %s", host->version);
	return 0;
}

const struct mortise_plugin mortise_plugin_v1 = {
	.magic = MORTISE_PLUGIN_MAGIC,
	.size = sizeof(mortise_plugin_v1),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = 1,
	.name = "minor-1",
	.version = "1.1.0",
	.license = "Apache-2.0",
	.summary = "A plugin as it was built for ABI 1.1",
	.classes = classes,
	.init = init,
};
