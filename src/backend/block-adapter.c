/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend/block-adapter.c - media of drivers that are written to mortise/block-driver.h, and the services for them.
 */
#include "backend/block-adapter.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/wakeups.h"
#include <mortise/plugin.h>

#define DESCRIPTION_SIZE 1024

/* medium->private; drivers see it as opaque. */
struct mortise_medium {
	struct block_medium *medium;
	const struct mortise_block_driver *driver;
	struct adapter_engine *engine; /* ATTACHED; its loop's thread */

	/* resized(): what the control thread is to be told. */
	struct task resize_task;
	atomic_bool resize_posted;
	_Atomic uint64_t new_size;
	struct mortise_block *node; /* that of the last engine */

	/* The driver's work: a thread of its own while it runs. */
	pthread_mutex_t work_lock; /* guards the next three */
	bool working, again, closing;
	bool has_thread; /* to be joined; of whoever may start one, or close */
	pthread_t thread;
	int worked_fd; /* an eventfd: work is done; -1: the driver has none */
	_Atomic int worked;

	char description[DESCRIPTION_SIZE];
	unsigned char self[] __attribute__((aligned(16)));
};

struct adapter_engine {
	struct block_engine engine;
	struct block_claim *claim;
	struct mortise_medium *medium;
	struct wakeups wakeups;
	struct event *worked_event;
	struct end_hook submitted_hook;
	bool started;
	int failed;					   /* what attach() returned */
	unsigned in_flight;				   /* requests that the driver has */
	struct mortise_block_request *early, **early_tail; /* came before start() */

	pthread_mutex_t lock; /* guards the list of what the driver has completed */
	struct mortise_block_request *finished, **finished_tail;
	struct task finished_task; /* posted when the list stops being empty */
};

/* A request while the driver has it: whose it is; the rest of the room is the driver's. */
struct adapter_request {
	struct adapter_engine *engine; /* NULL: completed already */
	int64_t result;		       /* then */
	uint64_t scratch[4];
};

static struct mortise_medium *adapter_of(const struct block_medium *medium)
{
	return medium->private;
}

static struct adapter_request *state_of(struct mortise_block_request *request)
{
	struct block_request_state *state = block_request_state(request);

	_Static_assert(sizeof(struct adapter_request) == sizeof(state->engine),
		       "the scratch is at the end of a request");
	return (struct adapter_request *)state->engine;
}

size_t block_adapter_size(const struct mortise_block_driver *driver)
{
	return sizeof(struct mortise_medium) + driver->node_size;
}

void *block_adapter_self(const struct block_medium *medium)
{
	return adapter_of(medium)->self;
}

static const char *name_of(const struct block_medium *medium)
{
	const struct option *option = options_find(medium->options, "node-name");

	return option ? option->value : "?";
}

/* --- the driver's work --- */

static bool works_on(struct mortise_medium *medium)
{
	bool on;

	pthread_mutex_lock(&medium->work_lock);
	on = medium->working = medium->again && !medium->closing;
	medium->again = false;
	pthread_mutex_unlock(&medium->work_lock);
	return on;
}

static void *work_thread(void *opaque)
{
	struct mortise_medium *medium = opaque;
	const uint64_t one = 1;

	pthread_setname_np(pthread_self(), "block-work");
	do
		atomic_store(&medium->worked, medium->driver->work(medium->self));
	while (works_on(medium));
	while (write(medium->worked_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	return NULL;
}

static void service_start_work(struct mortise_medium *medium)
{
	const uint64_t one = 1;
	bool start;

	if (medium->worked_fd < 0)
		return;
	pthread_mutex_lock(&medium->work_lock);
	start = !medium->working && !medium->closing;
	medium->again = medium->working;
	medium->working = true;
	pthread_mutex_unlock(&medium->work_lock);
	if (!start)
		return;
	if (medium->has_thread)
		pthread_join(medium->thread, NULL); /* it has nothing more to do */
	medium->has_thread = pthread_create(&medium->thread, NULL, work_thread, medium) == 0;
	if (medium->has_thread)
		return;
	atomic_store(&medium->worked, -EAGAIN);
	works_on(medium);
	if (write(medium->worked_fd, &one, sizeof(one)) < 0)
		log_error("block node '%s': out of threads", name_of(medium->medium));
}

/* The engine's loop. */
static void on_worked(evutil_socket_t fd, short what, void *opaque)
{
	struct adapter_engine *engine = opaque;
	const struct mortise_medium *medium = engine->medium;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == sizeof(count) && medium->driver->work_done)
		medium->driver->work_done((void *)medium->self, atomic_load(&medium->worked));
}

/* A worker thread; no engine is left. */
static void end_work(struct mortise_medium *medium)
{
	pthread_mutex_lock(&medium->work_lock);
	medium->closing = true;
	pthread_mutex_unlock(&medium->work_lock);
	if (medium->has_thread)
		pthread_join(medium->thread, NULL);
	medium->has_thread = false;
	if (medium->worked_fd >= 0)
		close(medium->worked_fd);
	medium->worked_fd = -1;
}

/* --- other services --- */

MORTISE_PRINTF(3, 4)
static void service_log(struct mortise_medium *medium, enum mortise_log_level level, const char *format, ...)
{
	char text[896];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_write(MIN(level, MORTISE_LOG_DEBUG), "block node '%s': %s", name_of(medium->medium), text);
}

static const char *service_name(struct mortise_medium *medium)
{
	return name_of(medium->medium);
}

static void service_describe(struct mortise_medium *medium, const char *text)
{
	snprintf(medium->description, DESCRIPTION_SIZE, "%s", text);
}

static void service_complete(struct mortise_medium *medium, struct mortise_block_request *request, int result)
{
	struct adapter_engine *engine = steal_ptr(&state_of(request)->engine);
	struct block_request_state *state = block_request_state(request);

	if (!engine) {
		log_error("block node '%s': its driver completes a request twice", name_of(medium->medium));
		return;
	}
	state_of(request)->result = result > 0 ? 0 : result;
	state->next = NULL;
	pthread_mutex_lock(&engine->lock);
	if (!engine->finished)
		loop_post(engine->claim->loop, &engine->finished_task);
	*engine->finished_tail = request;
	engine->finished_tail = &state->next;
	pthread_mutex_unlock(&engine->lock);
}

static uint64_t whole_blocks(const struct block_medium *medium, uint64_t size)
{
	return size / medium->limits.logical * medium->limits.logical;
}

/* The control thread. */
static void run_resize(struct task *task)
{
	struct mortise_medium *medium = container_of(task, struct mortise_medium, resize_task);

	atomic_store(&medium->resize_posted, false);
	block_set_size(medium->node, medium->medium, whole_blocks(medium->medium, atomic_load(&medium->new_size)));
}

/* The engine comes to its end by way of the control thread too, and after this: so the medium is still there. */
static void service_resized(struct mortise_medium *medium, uint64_t size)
{
	bool handed;

	atomic_store(&medium->new_size, size);
	if (medium->engine && !atomic_exchange(&medium->resize_posted, true))
		block_hand_back(medium->node->nodes, &medium->resize_task, &handed);
}

static int service_timer_set(struct mortise_medium *medium, uint32_t id, uint64_t deadline)
{
	return medium->engine ? wakeups_timer_set(&medium->engine->wakeups, id, deadline) : -EINVAL;
}

static int service_watch(struct mortise_medium *medium, int fd, uint32_t events, void *opaque)
{
	return medium->engine ? wakeups_watch(&medium->engine->wakeups, fd, events, opaque) : -EINVAL;
}

static const struct mortise_block_services services = {
	.size = sizeof(services),
	.abi_major = MORTISE_ABI_MAJOR,
	.abi_minor = MORTISE_ABI_MINOR,
	.log = service_log,
	.name = service_name,
	.describe = service_describe,
	.complete = service_complete,
	.resized = service_resized,
	.start_work = service_start_work,
	.clock_ns = wakeups_clock_ns,
	.timer_set = service_timer_set,
	.watch = service_watch,
};

/* --- the engine --- */

static struct adapter_engine *engine_of(struct block_engine *engine)
{
	return container_of(engine, struct adapter_engine, engine);
}

static int attach(struct adapter_engine *engine)
{
	struct mortise_medium *medium = engine->medium;

	if (medium->worked_fd >= 0) {
		engine->worked_event = event_new(loop_base(engine->claim->loop), medium->worked_fd,
						 EV_READ | EV_PERSIST, on_worked, engine);
		if (!engine->worked_event || event_add(engine->worked_event, NULL) < 0)
			return -ENOMEM;
	}
	return medium->driver->attach ? medium->driver->attach(medium->self) : 0;
}

static void engine_start(struct block_engine *base)
{
	struct adapter_engine *engine = engine_of(base);
	struct mortise_block_request *request = steal_ptr(&engine->early), *next;

	if (engine->started)
		return;
	engine->started = true;
	engine->medium->engine = engine;
	engine->medium->node = engine->claim->node;
	engine->failed = attach(engine);
	if (engine->failed < 0)
		log_error("block node '%s' does not come up: %s", name_of(engine->medium->medium),
			  strerror(-engine->failed));
	for (; request; request = next) {
		next = block_request_state(request)->next;
		base->submit(base, request);
	}
}

static void run_submitted(struct end_hook *hook)
{
	struct mortise_medium *medium = container_of(hook, struct adapter_engine, submitted_hook)->medium;

	medium->driver->submitted(medium->self);
}

static void engine_submit(struct block_engine *base, struct mortise_block_request *request)
{
	struct adapter_engine *engine = engine_of(base);
	struct mortise_medium *medium = engine->medium;

	if (!engine->started) {
		block_request_state(request)->next = NULL;
		*engine->early_tail = request;
		engine->early_tail = &block_request_state(request)->next;
		return;
	}
	if (engine->failed < 0) {
		block_complete_later(engine->claim, request, engine->failed);
		return;
	}
	engine->in_flight++;
	state_of(request)->engine = engine;
	medium->driver->submit(medium->self, request);
	if (medium->driver->submitted)
		loop_at_end(engine->claim->loop, &engine->submitted_hook);
}

static void run_finished(struct task *task)
{
	struct adapter_engine *engine = container_of(task, struct adapter_engine, finished_task);
	struct mortise_block_request *request, *next;

	pthread_mutex_lock(&engine->lock);
	request = steal_ptr(&engine->finished);
	engine->finished_tail = &engine->finished;
	pthread_mutex_unlock(&engine->lock);
	for (; request; request = next) {
		struct block_request_state *state = block_request_state(request);

		next = state->next;
		engine->in_flight--;
		block_complete(engine->claim, request, (int)state_of(request)->result);
	}
}

static void engine_cancel(struct block_engine *base)
{
	struct adapter_engine *engine = engine_of(base);
	struct mortise_medium *medium = engine->medium;

	if (!engine->started || !engine->in_flight || !medium->driver->cancel)
		return;
	log_warning("block node '%s': its device is to go, and %u requests have been in flight for seconds: they are "
		    "cancelled",
		    name_of(medium->medium), engine->in_flight);
	medium->driver->cancel(medium->self);
}

static void engine_detach(struct block_engine *base)
{
	struct adapter_engine *engine = engine_of(base);
	struct mortise_medium *medium = engine->medium;

	if (engine->started) {
		if (medium->driver->detach && engine->failed >= 0)
			medium->driver->detach(medium->self);
		medium->engine = NULL;
	}
	if (engine->worked_event)
		event_free(engine->worked_event);
	wakeups_end(&engine->wakeups);
	pthread_mutex_destroy(&engine->lock);
	free(engine);
}

static int adapter_attach(struct block_engine **out, struct block_medium *medium, struct block_claim *claim,
			  struct mortise_error *err)
{
	const struct mortise_block_driver *driver = medium->adapted;
	struct adapter_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return mortise_fail(err, -ENOMEM, "Out of memory for using node %s", claim->node->name);
	engine->engine = (struct block_engine){.name = driver->driver,
					       .submit = engine_submit,
					       .detach = engine_detach,
					       .start = engine_start,
					       .cancel = engine_cancel};
	engine->claim = claim;
	engine->medium = adapter_of(medium);
	engine->wakeups = (struct wakeups){.loop = claim->loop,
					   .timer = driver->timer,
					   .fd_ready = driver->fd_ready,
					   .self = block_adapter_self(medium)};
	engine->submitted_hook.run = run_submitted;
	engine->early_tail = &engine->early;
	engine->finished_tail = &engine->finished;
	engine->finished_task.run = run_finished;
	pthread_mutex_init(&engine->lock, NULL);
	*out = &engine->engine;
	return 0;
}

/* --- the medium --- */

static int adapter_check(struct block_medium *medium, struct mortise_error *err)
{
	struct mortise_medium *adapter = adapter_of(medium);

	adapter->medium = medium;
	adapter->driver = medium->adapted;
	adapter->resize_task.run = run_resize;
	adapter->worked_fd = -1;
	pthread_mutex_init(&adapter->work_lock, NULL);
	return 0;
}

static int refuse(const struct block_medium *medium, struct mortise_error *err, const char *what, uint64_t value)
{
	return mortise_fail(err, -EPROTO, "Could not open node %s: driver '%s' says that its %s is %llu",
			    name_of(medium), medium->driver_name, what, (unsigned long long)value);
}

/* What the driver said, within reason. */
static int take_info(struct block_medium *medium, const struct mortise_block_info *info, struct mortise_error *err)
{
	const uint32_t block = info->logical_block_size;
	const bool read_only = info->flags & MORTISE_BLOCK_READ_ONLY;

	if (block < BLOCK_SECTOR || block > BLOCK_SIZE_MAX || block & (block - 1))
		return refuse(medium, err, "logical block size", block);
	if (info->size < block || info->size > INT64_MAX)
		return refuse(medium, err, "size", info->size);
	if (!info->max_segments)
		return refuse(medium, err, "number of segments", 0);
	if (info->max_transfer < block || info->max_discard < block)
		return refuse(medium, err, "largest request", MIN(info->max_transfer, info->max_discard));
	if (read_only && !medium->read_only && !medium->auto_read_only)
		return mortise_fail(err, -EROFS,
				    "Node %s cannot be written: add it with read-only=on, or with auto-read-only=on",
				    name_of(medium));
	medium->read_only |= read_only;
	medium->limits.logical = block;
	medium->limits.physical = block;
	if (info->physical_block_size > block && !(info->physical_block_size & (info->physical_block_size - 1)))
		medium->limits.physical = MIN(info->physical_block_size, MAX(block, 65536));
	medium->limits.optimal_io = info->optimal_io_size;
	medium->limits.max_segments = MIN(info->max_segments, BLOCK_MAX_SEGMENTS);
	medium->limits.max_transfer = info->max_transfer;
	medium->limits.max_discard = info->max_discard;
	medium->limits.discard = info->flags & MORTISE_BLOCK_DISCARD && medium->unmap && !medium->read_only;
	medium->limits.write_zeroes = info->flags & MORTISE_BLOCK_WRITE_ZEROES && !medium->read_only;
	atomic_store(&medium->size, whole_blocks(medium, info->size));
	return 0;
}

static void adapter_close(struct block_medium *medium)
{
	end_work(adapter_of(medium));
	if (medium->adapted->close)
		medium->adapted->close(block_adapter_self(medium));
}

static int adapter_open(struct block_medium *medium, struct mortise_error *err)
{
	struct mortise_medium *adapter = adapter_of(medium);
	struct mortise_block_info info = {
		.struct_size = sizeof(info),
		.flags = medium->read_only ? MORTISE_BLOCK_READ_ONLY : 0,
		.logical_block_size = BLOCK_SECTOR,
		.physical_block_size = BLOCK_SECTOR,
		.max_segments = BLOCK_MAX_SEGMENTS,
		.max_transfer = BLOCK_MAX_TRANSFER,
		.max_discard = BLOCK_MAX_TRANSFER,
	};
	struct mortise_error why = {0};
	int r;

	if (medium->adapted->work) {
		adapter->worked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (adapter->worked_fd < 0)
			return mortise_fail(err, -errno, "Could not make an eventfd: %s", strerror(errno));
	}
	r = medium->adapted->open(adapter->self, adapter, &services, &info, &why);
	if (r < 0) {
		end_work(adapter);
		return mortise_fail(err, r, "%s", *why.message ? why.message : strerror(-r));
	}
	r = take_info(medium, &info, err);
	if (r < 0)
		adapter_close(medium);
	return r;
}

static int adapter_measure(struct block_medium *medium, uint64_t wanted, uint64_t *size, struct mortise_error *err)
{
	uint64_t found = 0;
	int r = medium->adapted->measure(block_adapter_self(medium), wanted, &found, err);

	if (r < 0)
		return r;
	*size = whole_blocks(medium, found);
	return 0;
}

static void adapter_describe(const struct block_medium *medium, struct block_description *out)
{
	out->filename = adapter_of(medium)->description;
	out->aio = medium->driver_name;
}

const struct block_driver block_driver_adapter = {
	.check = adapter_check,
	.open = adapter_open,
	.close = adapter_close,
	.measure = adapter_measure,
	.attach = adapter_attach,
	.describe = adapter_describe,
};
