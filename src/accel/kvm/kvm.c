/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/kvm.c - the VM's life cycle under KVM, its memory and its eventfds.
 */
#include "accel/kvm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/util.h"

#define DEVICE "/dev/kvm"

static struct kvm *to_kvm(struct accel *accel)
{
	return container_of(accel, struct kvm, accel);
}

/* --- whether it can be had --- */

static int check_needs(int fd, const struct kvm_need *needs, struct mortise_error *err)
{
	for (const struct kvm_need *need = needs; need->name; need++)
		if (ioctl(fd, KVM_CHECK_EXTENSION, need->capability) <= 0)
			return mortise_fail(err, -ENOTSUP, "This host's KVM lacks %s: use a newer Linux, or accel=soft",
					    need->name);
	return 0;
}

static int open_device(int *out, struct mortise_error *err)
{
	static const struct kvm_need needs[] = {
		{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
		{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
		{KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD"},
		{0},
	};
	_cleanup_close_ int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	int r;

	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return mortise_fail(err, -errno, "KVM is not there (" DEVICE ": %s): %s", strerror(errno),
				    kvm_arch_remedy());
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return mortise_fail(err, -errno,
				    "KVM is not permitted (" DEVICE
				    ": %s): add the user to the group 'kvm', or pass the device into the container",
				    strerror(errno));
	if (fd < 0)
		return mortise_fail(err, -errno, "KVM cannot be opened (" DEVICE ": %s)", strerror(errno));
	if (ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return mortise_fail(err, -ENOTSUP, DEVICE " is not KVM's: its API version is not %d", KVM_API_VERSION);
	r = check_needs(fd, needs, err);
	if (r == 0)
		r = check_needs(fd, kvm_arch_needs, err);
	if (r == 0)
		*out = steal_fd(&fd);
	return r;
}

static int kvm_probe(enum accel_arch arch, struct mortise_error *err)
{
	_cleanup_close_ int fd = -1;

	if (arch != kvm_arch)
		return mortise_fail(err, -ENOTSUP, "KVM runs %s guests only on this host", kvm_arch_name);
	return open_device(&fd, err);
}

/* --- stop, cont, reset --- */

static void all_rest(void *opaque)
{
	struct kvm *kvm = opaque;

	kvm_arch_stop_time(kvm);
	kvm->accel.config.events.paused(kvm->accel.config.events.opaque);
}

static void kvm_pause(struct accel *accel)
{
	struct kvm *kvm = to_kvm(accel);

	rest_ask(&kvm->rest);
	for (unsigned i = 0; i < kvm->started; i++)
		kvm_cpu_kick(&kvm->cpus[i]);
}

static void kvm_resume(struct accel *accel)
{
	struct kvm *kvm = to_kvm(accel);

	kvm_arch_start_time(kvm);
	rest_release(&kvm->rest);
}

static void kvm_reset(struct accel *accel, const struct accel_entry *entry)
{
	struct kvm *kvm = to_kvm(accel);
	int r = kvm_arch_reset(kvm, entry);

	if (r < 0)
		log_error("the vCPUs could not be reset: %s", strerror(-r));
	for (unsigned i = 0; i < kvm->cpu_count; i++)
		kvm->cpus[i].parked = r < 0;
	if (r < 0)
		accel->config.events.guest_request(accel->config.events.opaque, ACCEL_GUEST_PANIC);
}

static void kvm_park(struct accel *accel)
{
	struct kvm_cpu *cpu = kvm_cpu_self();

	if (cpu)
		cpu->parked = true;
}

/* --- interrupts and notifications --- */

int kvm_irq_fd(struct accel *accel, unsigned gsi, int event_fd, struct mortise_error *err)
{
	const struct kvm_irqfd irqfd = {.fd = (uint32_t)event_fd, .gsi = gsi};

	if (ioctl(to_kvm(accel)->vm_fd, KVM_IRQFD, &irqfd) < 0)
		return mortise_fail(err, -errno, "KVM does not take the eventfd of GSI %u: %s", gsi, strerror(errno));
	return 0;
}

static int kvm_notify_fd(struct accel *accel, uint64_t gpa, unsigned width, uint64_t value, int event_fd, bool attach,
			 struct mortise_error *err)
{
	const struct kvm_ioeventfd ioeventfd = {
		.datamatch = value,
		.addr = gpa,
		.len = width,
		.fd = event_fd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH | (attach ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	if (ioctl(to_kvm(accel)->vm_fd, KVM_IOEVENTFD, &ioeventfd) < 0)
		return mortise_fail(err, -errno,
				    "KVM does not %s the eventfd of value %" PRIu64 " at 0x%" PRIx64 ": %s",
				    attach ? "take" : "give back", value, gpa, strerror(errno));
	return 0;
}

/* --- the rest of struct accel --- */

static void kvm_cpu_info(struct accel *accel, unsigned index, struct accel_cpu_info *info)
{
	struct kvm *kvm = to_kvm(accel);

	*info = (struct accel_cpu_info){.index = index, .halted = true};
	if (index >= kvm->cpu_count)
		return;
	info->thread_id = __atomic_load_n(&kvm->cpus[index].thread_id, __ATOMIC_RELAXED);
	info->halted = __atomic_load_n(&kvm->cpus[index].parked, __ATOMIC_RELAXED);
}

static int start_thread(struct kvm_cpu *cpu, struct mortise_error *err)
{
	char name[16];
	int r;

	rest_join(&cpu->kvm->rest);
	r = -pthread_create(&cpu->thread, NULL, kvm_cpu_main, cpu);
	if (r < 0)
		return mortise_fail(err, r, "The thread of vCPU %u cannot be started: %s", cpu->index, strerror(-r));
	cpu->kvm->started++;
	snprintf(name, sizeof(name), "vcpu %u", cpu->index);
	pthread_setname_np(cpu->thread, name);
	return 0;
}

static int kvm_start(struct accel *accel, struct mortise_error *err)
{
	struct kvm *kvm = to_kvm(accel);
	sigset_t all, before;
	int r = 0;

	kvm_cpu_signal();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned i = 0; i < kvm->cpu_count && r == 0; i++)
		r = start_thread(&kvm->cpus[i], err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void close_cpu(struct kvm_cpu *cpu)
{
	if (cpu->run)
		munmap(cpu->run, cpu->kvm->run_size);
	if (cpu->fd >= 0)
		close(cpu->fd);
	free(cpu->state);
}

static void kvm_destroy(struct accel *accel)
{
	struct kvm *kvm;

	if (!accel)
		return;
	kvm = to_kvm(accel);
	if (accel->config.ram->watch.opaque == kvm)
		accel->config.ram->watch = (struct ram_watch){0};
	rest_end(&kvm->rest);
	for (unsigned i = 0; i < kvm->started; i++) {
		kvm_cpu_kick(&kvm->cpus[i]);
		pthread_join(kvm->cpus[i].thread, NULL);
	}
	for (unsigned i = 0; i < kvm->cpu_count; i++)
		close_cpu(&kvm->cpus[i]);
	kvm_arch_done(kvm);
	if (kvm->vm_fd >= 0)
		close(kvm->vm_fd);
	if (kvm->dev_fd >= 0)
		close(kvm->dev_fd);
	rest_done(&kvm->rest);
	free(kvm->cpus);
	free(kvm);
}

/* --- making --- */

static int make_vm(struct kvm *kvm, struct mortise_error *err)
{
	do
		kvm->vm_fd = ioctl(kvm->dev_fd, KVM_CREATE_VM, 0);
	while (kvm->vm_fd < 0 && errno == EINTR);
	if (kvm->vm_fd < 0 && errno == EBUSY)
		return mortise_fail(
			err, -errno,
			"KVM cannot make a VM: another hypervisor uses the CPU's virtualisation; end it first");
	if (kvm->vm_fd < 0)
		return mortise_fail(err, -errno, "KVM cannot make a VM: %s", strerror(errno));
	return 0;
}

static int set_memory(const struct kvm *kvm, unsigned slot, const struct ram_range *range, bool present)
{
	const struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = range->base,
		.memory_size = present ? range->size : 0,
		.userspace_addr = (uint64_t)(uintptr_t)range->host,
	};

	return ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

/* For ram_watch. The memory slots of files come after RAM's own. */
static int set_file(void *opaque, unsigned index, const struct ram_range *range, bool present)
{
	const struct kvm *kvm = opaque;

	return set_memory(kvm, kvm->accel.config.ram->range_count + index, range, present);
}

static int give_memory(struct kvm *kvm, struct mortise_error *err)
{
	struct ram *ram = kvm->accel.config.ram;

	for (unsigned i = 0; i < ram->range_count; i++) {
		const int r = set_memory(kvm, i, &ram->ranges[i], true);

		if (r < 0)
			return mortise_fail(err, r, "KVM does not take %" PRIu64 " MiB of memory at 0x%" PRIx64 ": %s",
					    ram->ranges[i].size / MIB, ram->ranges[i].base, strerror(-r));
	}
	ram->watch = (struct ram_watch){.file = set_file, .opaque = kvm};
	return 0;
}

static int make_cpu(struct kvm *kvm, unsigned index, struct mortise_error *err)
{
	struct kvm_cpu *cpu = &kvm->cpus[index];
	void *run;

	*cpu = (struct kvm_cpu){.kvm = kvm, .index = index};
	kvm->cpu_count++;
	cpu->fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long)index);
	if (cpu->fd < 0)
		return mortise_fail(err, -errno, "KVM cannot make vCPU %u: %s", index, strerror(errno));
	run = mmap(NULL, kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	if (run == MAP_FAILED)
		return mortise_fail(err, -errno, "The state of vCPU %u cannot be mapped: %s", index, strerror(errno));
	cpu->run = run;
	return kvm_arch_init_cpu(cpu, err);
}

static int build(struct kvm *kvm, struct mortise_error *err)
{
	const struct accel_config *config = &kvm->accel.config;
	int r = open_device(&kvm->dev_fd, err);

	if (r < 0)
		return r;
	kvm->run_size = (size_t)ioctl(kvm->dev_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	r = make_vm(kvm, err);
	if (r == 0)
		r = kvm_arch_init(kvm, err);
	if (r == 0)
		r = give_memory(kvm, err);
	for (unsigned i = 0; i < config->cpu_count && r == 0; i++)
		r = make_cpu(kvm, i, err);
	if (r == 0)
		r = kvm_arch_ready(kvm, err);
	return r;
}

static int kvm_create(struct accel **out, const struct accel_config *config, struct mortise_error *err)
{
	struct kvm *kvm;
	int r;

	if (config->cpu_count < 1 || config->cpu_count > KVM_CPUS_MAX)
		return mortise_fail(err, -EINVAL, "The kvm accelerator runs 1 to %u vCPUs, not %u", KVM_CPUS_MAX,
				    config->cpu_count);
	kvm = calloc(1, sizeof(*kvm));
	if (!kvm)
		return mortise_fail(err, -ENOMEM, "No memory for the accelerator");
	kvm->accel = (struct accel){
		.ops = &kvm_accel_ops,
		.config = *config,
		.start = kvm_start,
		.destroy = kvm_destroy,
		.pause = kvm_pause,
		.resume = kvm_resume,
		.reset = kvm_reset,
		.park = kvm_park,
		.notify_fd = kvm_notify_fd,
		.cpu_info = kvm_cpu_info,
	};
	kvm->dev_fd = kvm->vm_fd = -1;
	rest_init(&kvm->rest, all_rest, kvm);
	kvm->cpus = calloc(config->cpu_count, sizeof(*kvm->cpus));
	r = kvm->cpus ? build(kvm, err) : mortise_fail(err, -ENOMEM, "No memory for %u vCPUs", config->cpu_count);
	if (r < 0) {
		kvm_destroy(&kvm->accel);
		return r;
	}
	*out = &kvm->accel;
	return 0;
}

const struct accel_ops kvm_accel_ops = {
	.name = "kvm",
	.probe = kvm_probe,
	.create = kvm_create,
};
