/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.c - the machine that a plugin is checked in.
 */
#include "rig.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

#include "base/util.h"
#include "instances.h"

double now(void)
{
	return (double)device_clock_ns() / 1e9;
}

/* --- what must end --- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	double deadline; /* 0: nothing is waited for */
	uint64_t patience;
	enum rule rule;
	const char *what;
} watchdog = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void bark(void)
{
	const char *callback = call_overdue(watchdog.patience / 2);

	if (callback)
		rule_broken(RULE_RETURNS, "%s() does not return (while %s)", callback, board->doing);
	else
		rule_broken(watchdog.rule, "%s (while %s)", watchdog.what, board->doing);
	phase_abandon();
}

static void *watch_over(void *opaque)
{
	pthread_mutex_lock(&watchdog.lock);
	for (;;) {
		const double deadline = watchdog.deadline;
		struct timespec until = {.tv_sec = (time_t)deadline,
					 .tv_nsec = (long)((deadline - (double)(time_t)deadline) * 1e9)};

		if (!deadline)
			pthread_cond_wait(&watchdog.changed, &watchdog.lock);
		else if (pthread_cond_timedwait(&watchdog.changed, &watchdog.lock, &until) == ETIMEDOUT &&
			 deadline == watchdog.deadline)
			bark();
	}
	return NULL;
}

static void start_watchdog(void)
{
	pthread_condattr_t attributes;
	pthread_t thread;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&watchdog.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (pthread_create(&thread, NULL, watch_over, NULL))
		phase_no_memory();
}

void rig_expect(struct rig *rig, enum rule rule, const char *what)
{
	pthread_mutex_lock(&watchdog.lock);
	watchdog.rule = rule;
	watchdog.what = what;
	watchdog.patience = rig->subject->patience * UINT64_C(1000000000);
	watchdog.deadline = now() + rig->subject->patience;
	pthread_cond_signal(&watchdog.changed);
	pthread_mutex_unlock(&watchdog.lock);
}

void rig_expected(void)
{
	pthread_mutex_lock(&watchdog.lock);
	watchdog.deadline = 0;
	pthread_cond_signal(&watchdog.changed);
	pthread_mutex_unlock(&watchdog.lock);
}

/* --- calls to the control thread, which answer later --- */

struct request {
	struct task task;
	struct reply reply;
	struct rig *rig;
	struct mortise_device *device;
	void (*run)(struct request *request);
	int result;
	sem_t answered;
};

static void on_answer(struct reply *reply, int result)
{
	struct request *request = container_of(reply, struct request, reply);

	request->result = result;
	sem_post(&request->answered);
}

static void run_request(struct task *task)
{
	struct request *request = container_of(task, struct request, task);

	request->run(request);
}

static int ask(struct rig *rig, void (*run)(struct request *request), struct mortise_device *device,
	       struct mortise_error *err)
{
	struct request request = {
		.task.run = run_request, .reply.done = on_answer, .rig = rig, .device = device, .run = run};

	sem_init(&request.answered, 0, 0);
	loop_post(rig->control, &request.task);
	while (sem_wait(&request.answered) < 0)
		;
	sem_destroy(&request.answered);
	if (err)
		*err = request.reply.error;
	return request.result;
}

static void run_realize(struct request *request)
{
	device_realize(request->device, &request->reply);
}

static void run_unrealize(struct request *request)
{
	device_unrealize(request->device, &request->reply);
}

static void run_exchange(struct request *request)
{
	slot_exchange(request->rig->slot, request->device, &request->reply);
}

static void run_stop(struct request *request)
{
	slot_stop(request->rig->slot, &request->reply);
}

static void run_cont(struct request *request)
{
	slot_cont(request->rig->slot, &request->reply);
}

static void run_reset(struct request *request)
{
	slot_reset(request->rig->slot, &request->reply);
}

int rig_exchange(struct rig *rig, struct mortise_device *device)
{
	int r;

	rig_expect(rig, RULE_QUIESCE, "chains do not come back after quiesce()");
	r = ask(rig, run_exchange, device, NULL);
	rig_expected();
	return r;
}

int rig_stop(struct rig *rig)
{
	int r;

	rig_expect(rig, RULE_QUIESCE, "chains do not come back after quiesce()");
	r = ask(rig, run_stop, NULL, NULL);
	rig_expected();
	rule_kept(RULE_QUIESCE);
	return r;
}

int rig_cont(struct rig *rig)
{
	return ask(rig, run_cont, NULL, NULL);
}

int rig_reset(struct rig *rig)
{
	int r;

	rig_expect(rig, RULE_QUIESCE, "chains do not come back after quiesce()");
	r = ask(rig, run_reset, NULL, NULL);
	rig_expected();
	return r;
}

int rig_realize(struct rig *rig, struct mortise_device *device, struct mortise_error *err)
{
	int r;

	rig_expect(rig, RULE_RETURNS, "realize() does not return");
	r = ask(rig, run_realize, device, err);
	rig_expected();
	return r;
}

void rig_unrealize(struct rig *rig, struct mortise_device *device)
{
	rig_expect(rig, RULE_RETURNS, "unrealize() does not return");
	ask(rig, run_unrealize, device, NULL);
	rig_expected();
}

/* --- on the control thread, at once --- */

struct control_call {
	struct task task;
	void (*run)(void *opaque);
	void *opaque;
	sem_t done;
};

static void run_control_call(struct task *task)
{
	struct control_call *call = container_of(task, struct control_call, task);

	call->run(call->opaque);
	sem_post(&call->done);
}

void rig_on_loop(struct loop *loop, void (*run)(void *opaque), void *opaque)
{
	struct control_call call = {.task.run = run_control_call, .run = run, .opaque = opaque};

	sem_init(&call.done, 0, 0);
	loop_post(loop, &call.task);
	while (sem_wait(&call.done) < 0)
		;
	sem_destroy(&call.done);
}

void rig_on_device(struct rig *rig, struct mortise_device *device, void (*run)(void *opaque), void *opaque)
{
	rig_expect(rig, RULE_RETURNS, "a callback does not return");
	rig_on_loop(device_loop(device), run, opaque);
	rig_expected();
}

static void nothing(void *opaque)
{
}

void rig_settle(struct rig *rig)
{
	struct mortise_device *device = slot_device(rig->slot);

	if (device)
		rig_on_device(rig, device, nothing, NULL);
}

/* --- guest memory --- */

void rig_close_memory(struct rig *rig)
{
	mprotect(rig->ram->host, rig->ram->size, PROT_NONE);
}

void rig_open_memory(struct rig *rig)
{
	mprotect(rig->ram->host, rig->ram->size, PROT_READ | PROT_WRITE);
	rule_kept(RULE_QUIESCE_MEMORY);
	rule_kept(RULE_QUIESCE_SERVICES);
}

/* --- set-up --- */

static void nobody_listens(void *controller, unsigned number, bool level)
{
}

static bool make_machine(struct rig *rig)
{
	struct slot_config config = {.name = "check.0", .irq = {.set = nobody_listens}};

	if (ram_new(&rig->ram, RIG_RAM_SIZE, true, NULL) < 0 || ram_map(rig->ram, RIG_RAM_BASE, RIG_RAM_SIZE, NULL) < 0)
		return false;
	ram_place_files(rig->ram, RIG_RAM_BASE + RAM_MAX);
	rig->guest = mmap(NULL, RIG_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, rig->ram->fd, 0);
	if (rig->guest == MAP_FAILED)
		return false;
	if (loop_new(&rig->control, NULL) < 0 || loop_start(rig->control, "control", NULL) < 0 ||
	    loop_new(&rig->empties, NULL) < 0 || loop_start(rig->empties, "empties", NULL) < 0)
		return false;
	config.ram = rig->ram;
	config.control = rig->control;
	config.empties = rig->empties;
	return slot_new(&rig->slot, &config, NULL) == 0;
}

bool rig_open(struct rig *rig, const struct subject *subject)
{
	*rig = (struct rig){.subject = subject};
	if (!make_machine(rig) || !instances_open(rig))
		phase_no_memory();
	guard_faults(rig->ram->host, rig->ram->size);
	start_watchdog();
	doing("the plugin is loaded");
	return instances_load(rig);
}
