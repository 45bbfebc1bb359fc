/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/riscv.c - riscv64 under KVM: its firmware calls, interrupts and time, and a reset of it all.
 *
 * KVM itself answers the SBI but for the console. The interrupt controller is the machine's: KVM takes a vCPU's
 * external interrupt as a level, and the controller's registers are MMIO like any other.
 */
#include "accel/kvm/riscv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#include "accel/sbi-console.h"
#include "base/util.h"

/* SBI's legacy console. */
#define LEGACY_PUTCHAR 1
#define LEGACY_GETCHAR 2

/* Zkr's entropy source (RISC-V cryptography extensions, "Entropy Source"). */
#define CSR_SEED 0x15
#define SEED_ES16 (UINT64_C(2) << 30)

const enum accel_arch kvm_arch = ACCEL_RISCV64;
const char *const kvm_arch_name = "riscv64";

const struct kvm_need kvm_arch_needs[] = {
	{KVM_CAP_ONE_REG, "KVM_CAP_ONE_REG"},
	{KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE"},
	{0},
};

struct board {
	struct riscv_cpu cpu; /* what each of them is */
	uint64_t time;	      /* while vCPUs rest */
	bool time_stopped;
};

const char *kvm_arch_remedy(void)
{
	return "load the module (modprobe kvm), which needs a CPU with the hypervisor extension (an 'h' in the isa of "
	       "/proc/cpuinfo); in a container, pass the device into it";
}

/* KVM_INTERRUPT may be called on any thread, while the vCPU runs. */
static void set_irq(struct accel *accel, unsigned cpu, enum accel_irq irq, bool level)
{
	struct kvm *kvm = container_of(accel, struct kvm, accel);
	const struct kvm_interrupt interrupt = {.irq = level ? KVM_INTERRUPT_SET : KVM_INTERRUPT_UNSET};

	if (cpu < kvm->cpu_count && irq == ACCEL_IRQ_RISCV_SEI)
		ioctl(kvm->cpus[cpu].fd, KVM_INTERRUPT, &interrupt);
}

int kvm_arch_init(struct kvm *kvm, struct mortise_error *err)
{
	struct board *board = calloc(1, sizeof(*board));

	if (!board)
		return mortise_fail(err, -ENOMEM, "No memory for the vCPUs' description");
	kvm->board = board;
	kvm->accel.set_irq = set_irq;
	kvm->accel.riscv = &board->cpu.riscv;
	return 0;
}

int kvm_arch_init_cpu(struct kvm_cpu *cpu, struct mortise_error *err)
{
	riscv_set(cpu, RISCV_SBI(KVM_RISCV_SBI_EXT_DBCN), 1); /* fails where KVM is older than this extension */
	return riscv_save_cpu(cpu, err);
}

int kvm_arch_ready(struct kvm *kvm, struct mortise_error *err)
{
	struct board *board = kvm->board;

	riscv_describe(&kvm->cpus[0], &board->cpu);
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

	board->time_stopped = false; /* it begins anew */
	for (unsigned i = 0; i < kvm->cpu_count && r == 0; i++)
		r = riscv_reset_cpu(&kvm->cpus[i], i == 0 ? entry : NULL);
	return r;
}

/* One vCPU's time is that of all. */
void kvm_arch_stop_time(struct kvm *kvm)
{
	struct board *board = kvm->board;

	board->time_stopped = riscv_get(&kvm->cpus[0], RISCV_TIMER(time), &board->time) == 0;
}

void kvm_arch_start_time(struct kvm *kvm)
{
	struct board *board = kvm->board;

	if (board->time_stopped)
		riscv_set(&kvm->cpus[0], RISCV_TIMER(time), board->time);
	board->time_stopped = false;
}

/* --- exits --- */

static void call_sbi(struct kvm_cpu *cpu)
{
	const struct accel *accel = &cpu->kvm->accel;
	const uint64_t character[3] = {cpu->run->riscv_sbi.args[0] & 0xff};
	const uint64_t args[3] = {cpu->run->riscv_sbi.args[0], cpu->run->riscv_sbi.args[1],
				  cpu->run->riscv_sbi.args[2]};
	uint64_t value = 0;
	long error = SBI_NOT_SUPPORTED;

	switch (cpu->run->riscv_sbi.extension_id) {
	case LEGACY_PUTCHAR: /* what does not fit is lost */
		sbi_console_call(accel, SBI_DBCN_WRITE_BYTE, character, &value);
		error = SBI_SUCCESS;
		break;
	case LEGACY_GETCHAR:
		error = SBI_FAILED;
		break;
	case SBI_EXTENSION_DBCN:
		error = sbi_console_call(accel, cpu->run->riscv_sbi.function_id, args, &value);
		break;
	default:
		break;
	}
	cpu->run->riscv_sbi.ret[0] = (unsigned long)error;
	cpu->run->riscv_sbi.ret[1] = value;
}

static bool access_csr(struct kvm_cpu *cpu)
{
	uint16_t entropy = 0;

	if (cpu->run->riscv_csr.csr_num != CSR_SEED || getrandom(&entropy, sizeof(entropy), 0) < 0)
		return false;
	cpu->run->riscv_csr.ret_value = SEED_ES16 | entropy;
	return true;
}

bool kvm_arch_exit(struct kvm_cpu *cpu)
{
	switch (cpu->run->exit_reason) {
	case KVM_EXIT_RISCV_SBI:
		call_sbi(cpu);
		return true;
	case KVM_EXIT_RISCV_CSR:
		return access_csr(cpu);
	default:
		return false;
	}
}
