/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/soft/soft.c - the software accelerator's life cycle.
 */
#include "accel/soft/soft.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/soft/csr.h"
#include "base/log.h"
#include "base/options.h"
#include "base/util.h"

static struct soft *to_soft(struct accel *accel)
{
	return container_of(accel, struct soft, accel);
}

static bool all_resting(const struct soft *soft)
{
	return soft->resting == soft->started;
}

void soft_arrive(struct hart *hart)
{
	struct soft *soft = hart->soft;

	pthread_mutex_lock(&soft->lock);
	__atomic_store_n(&hart->thread_id, gettid(), __ATOMIC_RELAXED);
	pthread_cond_broadcast(&soft->changed);
	pthread_mutex_unlock(&soft->lock);
}

bool soft_rest(struct soft *soft)
{
	bool announce = false, ending;

	pthread_mutex_lock(&soft->lock);
	if (soft->pausing && !soft->ending) {
		soft->resting++;
		if (all_resting(soft) && soft->announce) {
			soft->announce = false;
			announce = true;
			clock_stop(&soft->clock);
		}
		if (announce) {
			pthread_mutex_unlock(&soft->lock);
			soft->accel.config.events.paused(soft->accel.config.events.opaque);
			pthread_mutex_lock(&soft->lock);
		}
		while (soft->pausing && !soft->ending)
			pthread_cond_wait(&soft->changed, &soft->lock);
		soft->resting--;
	}
	ending = soft->ending;
	pthread_mutex_unlock(&soft->lock);
	return !ending;
}

static void soft_pause(struct accel *accel)
{
	struct soft *soft = to_soft(accel);
	bool announce;

	pthread_mutex_lock(&soft->lock);
	__atomic_store_n(&soft->pausing, true, __ATOMIC_RELAXED);
	announce = all_resting(soft);
	soft->announce = !announce;
	if (announce)
		clock_stop(&soft->clock);
	pthread_mutex_unlock(&soft->lock);
	for (unsigned i = 0; i < soft->hart_count; i++)
		hart_kick(&soft->harts[i]);
	if (announce)
		accel->config.events.paused(accel->config.events.opaque);
}

static void soft_resume(struct accel *accel)
{
	struct soft *soft = to_soft(accel);

	pthread_mutex_lock(&soft->lock);
	clock_run(&soft->clock);
	__atomic_store_n(&soft->pausing, false, __ATOMIC_RELAXED);
	soft->announce = false;
	pthread_cond_broadcast(&soft->changed);
	pthread_mutex_unlock(&soft->lock);
}

static void soft_reset(struct accel *accel, const struct accel_entry *entry)
{
	struct soft *soft = to_soft(accel);
	struct hart *boot = &soft->harts[0];

	pthread_mutex_lock(&soft->lock);
	for (unsigned i = 0; i < soft->hart_count; i++)
		hart_reset(&soft->harts[i]);
	code_reset(&soft->code);
	boot->pc = entry->pc;
	boot->x[10] = entry->arg0;
	boot->x[11] = entry->arg1;
	boot->state = HART_STARTED;
	pthread_mutex_unlock(&soft->lock);
}

static void soft_set_irq(struct accel *accel, unsigned cpu, enum accel_irq irq, bool level)
{
	struct hart *hart = soft_hart(to_soft(accel), cpu);

	if (hart && irq == ACCEL_IRQ_RISCV_SEI)
		hart_set_irq(hart, IRQ_SEI, level);
}

static void soft_cpu_info(struct accel *accel, unsigned cpu, struct accel_cpu_info *info)
{
	struct hart *hart = soft_hart(to_soft(accel), cpu);

	*info = (struct accel_cpu_info){.index = cpu, .halted = true};
	if (!hart)
		return;
	info->thread_id = __atomic_load_n(&hart->thread_id, __ATOMIC_RELAXED);
	info->halted = __atomic_load_n(&hart->state, __ATOMIC_RELAXED) != HART_STARTED ||
		       __atomic_load_n(&hart->sleeping, __ATOMIC_RELAXED);
}

static const struct accel_riscv soft_riscv = {
	.isa = "rv64imafdc_zicntr_zicsr_zifencei_zba_zbb_zbs_sstc_svadu",
	.mmu_type = "riscv,sv39",
	.timebase_hz = 10000000,
};

/* Threads take no signal: these belong to the control thread. */
static int start_threads(struct soft *soft, struct mortise_error *err)
{
	int error = clock_start(soft, err);

	for (unsigned i = 0; !error && i < soft->hart_count; i++) {
		char name[16];

		error = -pthread_create(&soft->harts[i].thread, NULL, hart_main, &soft->harts[i]);
		if (error)
			return mortise_fail(err, error, "The thread of vCPU %u cannot be started: %s", i,
					    strerror(-error));
		snprintf(name, sizeof(name), "hart %u", i);
		pthread_setname_np(soft->harts[i].thread, name);
		soft->started++;
	}
	/* Who asks for a vCPU's thread once it is started shall never be told 0. */
	for (unsigned i = 0; !error && i < soft->hart_count; i++)
		while (!soft->harts[i].thread_id)
			pthread_cond_wait(&soft->changed, &soft->lock);
	return error;
}

static int soft_start(struct accel *accel, struct mortise_error *err)
{
	struct soft *soft = to_soft(accel);
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_mutex_lock(&soft->lock);
	error = start_threads(soft, err);
	pthread_mutex_unlock(&soft->lock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* For jit-dump: each hart's code as the run left it, in a file of its own. */
static void dump_code(const struct hart *hart)
{
	const struct soft *soft = hart->soft;
	struct mortise_error err = {0};
	char path[4096];

	if (!soft->jit_dump || !hart->jit.memory)
		return;
	snprintf(path, sizeof(path), "%s.%u", soft->jit_dump, hart->index);
	if (jit_dump(hart, path, &err) < 0)
		log_warning("%s", err.message);
}

static void soft_destroy(struct accel *accel)
{
	struct soft *soft;

	if (!accel)
		return;
	soft = to_soft(accel);
	pthread_mutex_lock(&soft->lock);
	soft->ending = true;
	pthread_cond_broadcast(&soft->changed);
	pthread_mutex_unlock(&soft->lock);
	for (unsigned i = 0; i < soft->started; i++) {
		hart_kick(&soft->harts[i]);
		pthread_join(soft->harts[i].thread, NULL);
	}
	if (soft->ram->watch.opaque == soft)
		soft->ram->watch = (struct ram_watch){0};
	clock_destroy(&soft->clock);
	for (unsigned i = 0; i < soft->hart_count; i++) {
		tlb_destroy(&soft->harts[i].tlb);
		dump_code(&soft->harts[i]);
		jit_destroy(&soft->harts[i]);
		cache_destroy(&soft->harts[i].cache);
		fence_destroy(&soft->harts[i].fences);
	}
	code_destroy(&soft->code);
	pthread_cond_destroy(&soft->changed);
	pthread_mutex_destroy(&soft->lock);
	free(soft->harts);
	free(soft->jit_dump);
	free(soft);
}

static int init_hart(struct soft *soft, unsigned index)
{
	struct hart *hart = &soft->harts[index];
	int error;

	hart->soft = soft;
	hart->index = index;
	hart->deadline = CLOCK_NEVER;
	error = fence_init(&hart->fences);
	if (!error)
		error = tlb_init(&hart->tlb);
	if (!error)
		error = cache_init(&hart->cache);
	return error;
}

struct jit_options {
	bool on;
	uint64_t cache; /* bytes a hart */
	const char *dump;
};

static int read_options(struct jit_options *jit, struct options *options, struct mortise_error *err)
{
	int r = options_bool(options, "jit", &jit->on, err);

	if (r == 0 || r == -ENOENT)
		r = options_size(options, "jit-cache", &jit->cache, err);
	if (r == 0 || r == -ENOENT)
		r = options_string(options, "jit-dump", &jit->dump, err);
	if (r != 0 && r != -ENOENT)
		return r;
	if (jit->cache < JIT_CACHE_MIN || jit->cache > JIT_CACHE_MAX)
		return mortise_fail(err, -EINVAL, "jit-cache is %llu bytes; give 64K to 1G",
				    (unsigned long long)jit->cache);
	return 0;
}

/* Hosts that do not let code be made get the interpreter, and are told so. */
static void init_jit(struct soft *soft, const struct jit_options *options)
{
	struct mortise_error err = {0};
	unsigned ready = 0;

	if (!options->on)
		return;
	while (ready < soft->hart_count &&
	       jit_init(&soft->harts[ready], ALIGN_UP(options->cache, PAGE_SIZE), &err) == 0)
		ready++;
	if (ready == soft->hart_count)
		return;
	log_warning("The guest's code is interpreted, which is slow. %s", err.message);
	while (ready-- > 0)
		jit_destroy(&soft->harts[ready]);
}

#define HUGE_PAGE (UINT64_C(2) << 20)

/* Their jump tables are read all over, which huge pages save the host's TLB; to have them is a wish. */
static struct hart *alloc_harts(unsigned count)
{
	size_t size = ALIGN_UP(count * sizeof(struct hart), HUGE_PAGE);
	struct hart *harts = aligned_alloc(HUGE_PAGE, size);

	if (harts) {
		madvise(harts, size, MADV_HUGEPAGE);
		memset(harts, 0, count * sizeof(*harts));
	}
	return harts;
}

static int soft_create(struct accel **out, const struct accel_config *config, struct mortise_error *err)
{
	struct jit_options jit = {.on = true, .cache = JIT_CACHE_DEFAULT};
	struct soft *soft;
	int error = config->options ? read_options(&jit, config->options, err) : 0;

	if (error < 0)
		return error;
	if (config->cpu_count < 1 || config->cpu_count > SOFT_HARTS_MAX)
		return mortise_fail(err, -EINVAL, "The soft accelerator runs 1 to %u vCPUs, not %u", SOFT_HARTS_MAX,
				    config->cpu_count);
	soft = calloc(1, sizeof(*soft));
	if (!soft)
		return mortise_fail(err, -ENOMEM, "No memory for the accelerator");
	soft->accel = (struct accel){
		.ops = &soft_accel_ops,
		.config = *config,
		.start = soft_start,
		.destroy = soft_destroy,
		.pause = soft_pause,
		.resume = soft_resume,
		.reset = soft_reset,
		.set_irq = soft_set_irq,
		.cpu_info = soft_cpu_info,
		.riscv = &soft_riscv,
	};
	soft->ram = config->ram;
	soft->mmio = config->mmio;
	soft->pausing = true;
	error = clock_init(&soft->clock, soft_riscv.timebase_hz, err);
	if (error) {
		free(soft);
		return error;
	}
	pthread_mutex_init(&soft->lock, NULL);
	pthread_cond_init(&soft->changed, NULL);
	error = code_init(&soft->code, ram_span(soft->ram) >> PAGE_SHIFT);
	soft->harts = alloc_harts(config->cpu_count);
	if (!soft->harts)
		error = -ENOMEM;
	for (; !error && soft->hart_count < config->cpu_count; soft->hart_count++)
		error = init_hart(soft, soft->hart_count);
	if (error) {
		soft_destroy(&soft->accel);
		return mortise_fail(err, error, "No memory for %u vCPUs", config->cpu_count);
	}
	init_jit(soft, &jit);
	if (jit.dump)
		soft->jit_dump = strdup(jit.dump);
	soft->ram->watch = (struct ram_watch){
		.written = code_ram_written,
		.unseen = code_ram_unseen,
		.file = code_ram_file,
		.opaque = soft,
		.code_map = soft->code.harts,
	};
	*out = &soft->accel;
	return 0;
}

static int soft_probe(enum accel_arch arch, struct mortise_error *err)
{
	if (arch != ACCEL_RISCV64)
		return mortise_fail(err, -ENOTSUP, "The soft accelerator runs riscv64 guests only");
	return 0;
}

const struct accel_ops soft_accel_ops = {
	.name = "soft",
	.probe = soft_probe,
	.create = soft_create,
	.options = "  jit=on|off      make host code of the guest's code, or interpret it [on]\n"
		   "  jit-cache=SIZE  memory for the code of one vCPU, 64K to 1G; reused when full [16M]\n"
		   "  jit-dump=FILE   write that memory to FILE.N at the end, for objdump\n",
};
