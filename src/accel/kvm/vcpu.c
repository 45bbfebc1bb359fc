/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/vcpu.c - the thread of a vCPU: into the guest, out of it, and what it left for.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "accel/kvm/kvm.h"
#include "base/log.h"
#include "base/util.h"

static _Thread_local struct kvm_cpu *self;

struct kvm_cpu *kvm_cpu_self(void)
{
	return self;
}

/* --- kicking --- */

/*
 * A kick sets immediate_exit, then sends the signal. A thread that is in the guest leaves it because of the signal; one
 * that is about to enter, because of the flag. The signal needs no handling.
 */
static void on_kick(int signal)
{
}

void kvm_cpu_signal(void)
{
	sigaction(SIGRTMIN, &(struct sigaction){.sa_handler = on_kick, .sa_flags = SA_RESTART}, NULL);
}

void kvm_cpu_kick(struct kvm_cpu *cpu)
{
	__atomic_store_n(&cpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(cpu->thread, SIGRTMIN);
}

/* --- what the guest left for --- */

void kvm_cpu_request(struct kvm_cpu *cpu, enum accel_guest_request request)
{
	const struct accel_events *events = &cpu->kvm->accel.config.events;

	cpu->parked = true;
	events->guest_request(events->opaque, request);
}

static void panic(struct kvm_cpu *cpu, const char *what, uint64_t code)
{
	log_error("vCPU %u cannot go on: %s (0x%" PRIx64 ")", cpu->index, what, code);
	kvm_cpu_request(cpu, ACCEL_GUEST_PANIC);
}

static bool fits(uint64_t at, unsigned width)
{
	return (width == 1 || width == 2 || width == 4 || width == 8) && IS_ALIGNED(at, width);
}

/* Nobody drives a bus that nobody answers on: it reads as ones. */
static void access_map(const struct mmio_map *map, uint64_t at, uint8_t *data, unsigned width, bool write)
{
	uint64_t value = UINT64_MAX;

	if (!map || !fits(at, width)) {
		if (!write)
			memset(data, 0xff, width);
	} else if (write) {
		value = 0;
		memcpy(&value, data, width);
		mmio_write(map, at, width, value);
	} else {
		if (!mmio_read(map, at, width, &value))
			value = UINT64_MAX;
		memcpy(data, &value, width);
	}
}

/* String instructions arrive as one exit of `count` accesses to the same port. */
static void access_ports(struct kvm_cpu *cpu)
{
	struct kvm_run *run = cpu->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
		access_map(cpu->kvm->accel.config.pio, run->io.port, data, run->io.size,
			   run->io.direction == KVM_EXIT_IO_OUT);
}

static void system_event(struct kvm_cpu *cpu)
{
	switch (cpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		kvm_cpu_request(cpu, ACCEL_GUEST_POWEROFF);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		kvm_cpu_request(cpu, ACCEL_GUEST_REBOOT);
		break;
	default:
		kvm_cpu_request(cpu, ACCEL_GUEST_PANIC);
		break;
	}
}

static void handle_exit(struct kvm_cpu *cpu)
{
	struct kvm_run *run = cpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		access_map(cpu->kvm->accel.config.mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len,
			   run->mmio.is_write);
		break;
	case KVM_EXIT_IO:
		access_ports(cpu);
		break;
	case KVM_EXIT_SHUTDOWN: /* a triple fault, which resets a PC */
		kvm_cpu_request(cpu, ACCEL_GUEST_REBOOT);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		system_event(cpu);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		panic(cpu,
		      run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION ? "KVM cannot emulate an instruction"
									     : "KVM has an internal error",
		      run->internal.suberror);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		panic(cpu, "the CPU refuses to enter the guest", run->fail_entry.hardware_entry_failure_reason);
		break;
	default:
		if (!kvm_arch_exit(cpu))
			panic(cpu, "KVM reports an exit that is not known", run->exit_reason);
		break;
	}
}

/* --- the thread --- */

/*
 * Runs the guest until the vCPU is kicked or parked. An access is only complete when KVM_RUN has been entered again: a
 * kick is therefore looked at nowhere else, and who is parked enters once more, to leave at once.
 */
static void run_guest(struct kvm_cpu *cpu)
{
	for (;;) {
		if (cpu->parked)
			__atomic_store_n(&cpu->run->immediate_exit, 1, __ATOMIC_RELAXED);
		if (ioctl(cpu->fd, KVM_RUN, 0) == 0) {
			handle_exit(cpu);
		} else if (errno == EINTR) {
			break;
		} else if (errno != EAGAIN) {
			panic(cpu, strerror(errno), (uint64_t)errno);
			break;
		}
	}
	__atomic_store_n(&cpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

void *kvm_cpu_main(void *opaque)
{
	struct kvm_cpu *cpu = opaque;
	sigset_t kick;

	self = cpu;
	__atomic_store_n(&cpu->thread_id, gettid(), __ATOMIC_RELAXED);
	sigemptyset(&kick);
	sigaddset(&kick, SIGRTMIN);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
	while (rest_here(&cpu->kvm->rest)) {
		if (cpu->parked) {
			rest_await(&cpu->kvm->rest);
			continue;
		}
		accel_enter(&cpu->kvm->accel);
		run_guest(cpu);
	}
	return NULL;
}
