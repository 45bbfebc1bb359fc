/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/x86.c - x86-64 under KVM: the interrupt controllers, the clock, and a reset of it all.
 */
#include "accel/kvm/x86.h"

#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "base/util.h"

/* Four pages below 4 GiB that KVM itself needs on older Intel CPUs; no machine has anything there. */
#define IDENTITY_MAP UINT64_C(0xfffbc000)
#define TSS (IDENTITY_MAP + 0x1000)

#define BIT_VMX (1u << 5)	  /* 1.ECX */
#define BIT_HYPERVISOR (1u << 31) /* 1.ECX */
#define BIT_SVM (1u << 2)	  /* 80000001.ECX */

#define IRQCHIPS 3 /* two 8259s and the IOAPIC */

const enum accel_arch kvm_arch = ACCEL_X86_64;
const char *const kvm_arch_name = "x86_64";

const struct kvm_need kvm_arch_needs[] = {
	{KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"},
	{KVM_CAP_IRQFD, "KVM_CAP_IRQFD"},
	{KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING"},
	{KVM_CAP_PIT2, "KVM_CAP_PIT2"},
	{KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR"},
	{KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"},
	{KVM_CAP_XSAVE, "KVM_CAP_XSAVE"},
	{KVM_CAP_ADJUST_CLOCK, "KVM_CAP_ADJUST_CLOCK"},
	{0},
};

struct board {
	struct kvm_irqchip chips[IRQCHIPS]; /* at power-on */
	struct kvm_pit_state2 pit;
	struct kvm_clock_data clock; /* while vCPUs rest */
	bool clock_stopped;
};

/* One word of CPUID's answer, by the CPU's own: what a locked firmware hides from /proc/cpuinfo still shows. */
static uint32_t cpuid_ecx(uint32_t leaf)
{
	uint32_t eax, ebx, ecx = 0, edx;

	return __get_cpuid(leaf, &eax, &ebx, &ecx, &edx) ? ecx : 0;
}

const char *kvm_arch_remedy(void)
{
	if (cpuid_ecx(1) & BIT_VMX)
		return "the CPU has VMX; load the module (modprobe kvm_intel) and, if that fails, switch on "
		       "virtualisation "
		       "in the firmware's set-up; in a container, pass the device into it";
	if (cpuid_ecx(0x80000001) & BIT_SVM)
		return "the CPU has SVM; load the module (modprobe kvm_amd) and, if that fails, switch on "
		       "virtualisation "
		       "in the firmware's set-up; in a container, pass the device into it";
	if (cpuid_ecx(1) & BIT_HYPERVISOR)
		return "this host is itself a VM whose CPU shows neither VMX nor SVM; switch on nested virtualisation "
		       "in "
		       "its hypervisor";
	return "the CPU shows neither VMX nor SVM; switch on virtualisation in the firmware's set-up";
}

static void set_gsi(struct accel *accel, unsigned gsi, bool level)
{
	struct kvm_irq_level irq = {.irq = gsi, .level = level};

	ioctl(container_of(accel, struct kvm, accel)->vm_fd, KVM_IRQ_LINE, &irq);
}

/*
 * GSIs lead to the IOAPIC's pins alone. KVM makes two 8259s along with it, which no firmware table names: what they
 * latched would reach a guest that has never set them up, by vectors of exceptions.
 */
static int route_gsis(struct kvm *kvm)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entries[KVM_IOAPIC_NUM_PINS];
	} routing = {.head.nr = KVM_IOAPIC_NUM_PINS};

	for (uint32_t i = 0; i < KVM_IOAPIC_NUM_PINS; i++)
		routing.entries[i] =
			(struct kvm_irq_routing_entry){.gsi = i,
						       .type = KVM_IRQ_ROUTING_IRQCHIP,
						       .u.irqchip = {.irqchip = KVM_IRQCHIP_IOAPIC, .pin = i}};
	return ioctl(kvm->vm_fd, KVM_SET_GSI_ROUTING, &routing.head);
}

int kvm_arch_init(struct kvm *kvm, struct mortise_error *err)
{
	const struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	uint64_t identity = IDENTITY_MAP;

	kvm->board = calloc(1, sizeof(struct board));
	if (!kvm->board)
		return mortise_fail(err, -ENOMEM, "No memory for the interrupt controllers' state");
	if (ioctl(kvm->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
	    ioctl(kvm->vm_fd, KVM_SET_TSS_ADDR, (unsigned long)TSS) < 0)
		return mortise_fail(err, -errno, "KVM does not take its own pages: %s", strerror(errno));
	if (ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0 || route_gsis(kvm) < 0 ||
	    ioctl(kvm->vm_fd, KVM_CREATE_PIT2, &pit) < 0)
		return mortise_fail(err, -errno, "KVM cannot make the interrupt controllers: %s", strerror(errno));
	kvm->accel.set_gsi = set_gsi;
	kvm->accel.irq_fd = kvm_irq_fd;
	return 0;
}

int kvm_arch_init_cpu(struct kvm_cpu *cpu, struct mortise_error *err)
{
	int r = x86_set_cpuid(cpu, err);

	return r < 0 ? r : x86_save_cpu(cpu, err);
}

int kvm_arch_ready(struct kvm *kvm, struct mortise_error *err)
{
	struct board *board = kvm->board;

	for (uint32_t i = 0; i < IRQCHIPS; i++) {
		board->chips[i].chip_id = i;
		if (ioctl(kvm->vm_fd, KVM_GET_IRQCHIP, &board->chips[i]) < 0)
			return mortise_fail(err, -errno, "KVM does not tell the state of an interrupt controller: %s",
					    strerror(errno));
	}
	if (ioctl(kvm->vm_fd, KVM_GET_PIT2, &board->pit) < 0)
		return mortise_fail(err, -errno, "KVM does not tell the state of the timer: %s", strerror(errno));
	return 0;
}

void kvm_arch_done(struct kvm *kvm)
{
	free(kvm->board);
}

int kvm_arch_reset(struct kvm *kvm, const struct accel_entry *entry)
{
	struct board *board = kvm->board;
	int r = 0;

	for (unsigned i = 0; i < IRQCHIPS; i++)
		if (ioctl(kvm->vm_fd, KVM_SET_IRQCHIP, &board->chips[i]) < 0)
			return -errno;
	if (ioctl(kvm->vm_fd, KVM_SET_PIT2, &board->pit) < 0)
		return -errno;
	for (unsigned i = 0; i < kvm->cpu_count && r == 0; i++)
		r = x86_reset_cpu(&kvm->cpus[i], i == 0 ? entry : NULL);
	return r;
}

/* The guest's clock goes on where it stood: its watchdogs see no gap. */
void kvm_arch_stop_time(struct kvm *kvm)
{
	struct board *board = kvm->board;

	board->clock_stopped = ioctl(kvm->vm_fd, KVM_GET_CLOCK, &board->clock) == 0;
}

void kvm_arch_start_time(struct kvm *kvm)
{
	struct board *board = kvm->board;

	if (!board->clock_stopped)
		return;
	board->clock.flags = 0;
	ioctl(kvm->vm_fd, KVM_SET_CLOCK, &board->clock);
	for (unsigned i = 0; i < kvm->cpu_count; i++)
		ioctl(kvm->cpus[i].fd, KVM_KVMCLOCK_CTRL, 0); /* fails where the guest does not use that clock */
	board->clock_stopped = false;
}

bool kvm_arch_exit(struct kvm_cpu *cpu)
{
	switch (cpu->run->exit_reason) {
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_SET_TPR:
	case KVM_EXIT_IOAPIC_EOI:
		return true;
	default:
		return false;
	}
}
