/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/riscv-isa.c - what a vCPU can do, as KVM tells it, in the words of a device tree.
 */
#include <stdio.h>
#include <string.h>

#include "accel/kvm/riscv.h"
#include "base/util.h"

/* The single letters in their canonical order. */
#define LETTERS "imafdqcv"

/*
 * By name. Missing is Ssaia, whose interrupt controller this VM does not have; an extension that a newer kernel brings
 * is there all the same, and its guest does not know.
 */
static const struct {
	unsigned extension;
	const char *name;
} extensions[] = {
	{KVM_RISCV_ISA_EXT_SMSTATEEN, "smstateen"},
	{KVM_RISCV_ISA_EXT_SSCOFPMF, "sscofpmf"},
	{KVM_RISCV_ISA_EXT_SSTC, "sstc"},
	{KVM_RISCV_ISA_EXT_SVINVAL, "svinval"},
	{KVM_RISCV_ISA_EXT_SVNAPOT, "svnapot"},
	{KVM_RISCV_ISA_EXT_SVPBMT, "svpbmt"},
	{KVM_RISCV_ISA_EXT_ZACAS, "zacas"},
	{KVM_RISCV_ISA_EXT_ZAWRS, "zawrs"},
	{KVM_RISCV_ISA_EXT_ZBA, "zba"},
	{KVM_RISCV_ISA_EXT_ZBB, "zbb"},
	{KVM_RISCV_ISA_EXT_ZBC, "zbc"},
	{KVM_RISCV_ISA_EXT_ZBKB, "zbkb"},
	{KVM_RISCV_ISA_EXT_ZBKC, "zbkc"},
	{KVM_RISCV_ISA_EXT_ZBKX, "zbkx"},
	{KVM_RISCV_ISA_EXT_ZBS, "zbs"},
	{KVM_RISCV_ISA_EXT_ZCA, "zca"},
	{KVM_RISCV_ISA_EXT_ZCB, "zcb"},
	{KVM_RISCV_ISA_EXT_ZCD, "zcd"},
	{KVM_RISCV_ISA_EXT_ZCMOP, "zcmop"},
	{KVM_RISCV_ISA_EXT_ZFA, "zfa"},
	{KVM_RISCV_ISA_EXT_ZFH, "zfh"},
	{KVM_RISCV_ISA_EXT_ZFHMIN, "zfhmin"},
	{KVM_RISCV_ISA_EXT_ZICBOM, "zicbom"},
	{KVM_RISCV_ISA_EXT_ZICBOZ, "zicboz"},
	{KVM_RISCV_ISA_EXT_ZICNTR, "zicntr"},
	{KVM_RISCV_ISA_EXT_ZICOND, "zicond"},
	{KVM_RISCV_ISA_EXT_ZICSR, "zicsr"},
	{KVM_RISCV_ISA_EXT_ZIFENCEI, "zifencei"},
	{KVM_RISCV_ISA_EXT_ZIHINTNTL, "zihintntl"},
	{KVM_RISCV_ISA_EXT_ZIHINTPAUSE, "zihintpause"},
	{KVM_RISCV_ISA_EXT_ZIHPM, "zihpm"},
	{KVM_RISCV_ISA_EXT_ZIMOP, "zimop"},
	{KVM_RISCV_ISA_EXT_ZKND, "zknd"},
	{KVM_RISCV_ISA_EXT_ZKNE, "zkne"},
	{KVM_RISCV_ISA_EXT_ZKNH, "zknh"},
	{KVM_RISCV_ISA_EXT_ZKR, "zkr"},
	{KVM_RISCV_ISA_EXT_ZKSED, "zksed"},
	{KVM_RISCV_ISA_EXT_ZKSH, "zksh"},
	{KVM_RISCV_ISA_EXT_ZKT, "zkt"},
	{KVM_RISCV_ISA_EXT_ZTSO, "ztso"},
	{KVM_RISCV_ISA_EXT_ZVBB, "zvbb"},
	{KVM_RISCV_ISA_EXT_ZVBC, "zvbc"},
	{KVM_RISCV_ISA_EXT_ZVFH, "zvfh"},
	{KVM_RISCV_ISA_EXT_ZVFHMIN, "zvfhmin"},
	{KVM_RISCV_ISA_EXT_ZVKB, "zvkb"},
	{KVM_RISCV_ISA_EXT_ZVKG, "zvkg"},
	{KVM_RISCV_ISA_EXT_ZVKNED, "zvkned"},
	{KVM_RISCV_ISA_EXT_ZVKNHA, "zvknha"},
	{KVM_RISCV_ISA_EXT_ZVKNHB, "zvknhb"},
	{KVM_RISCV_ISA_EXT_ZVKSED, "zvksed"},
	{KVM_RISCV_ISA_EXT_ZVKSH, "zvksh"},
	{KVM_RISCV_ISA_EXT_ZVKT, "zvkt"},
};

/* A word that may be missing is 0. */
static uint64_t get(const struct kvm_cpu *cpu, uint64_t id)
{
	uint64_t value;

	return riscv_get(cpu, id, &value) < 0 ? 0 : value;
}

static void describe_isa(const struct kvm_cpu *cpu, char *text, size_t size)
{
	const uint64_t letters = get(cpu, RISCV_CONFIG(isa));
	size_t used = (size_t)snprintf(text, size, "rv64");

	for (const char *letter = LETTERS; *letter; letter++)
		if (letters >> (*letter - 'a') & 1)
			text[used++] = *letter;
	text[used] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(extensions); i++)
		if (get(cpu, RISCV_ISA(extensions[i].extension)))
			used += (size_t)snprintf(text + used, size - used, "_%s", extensions[i].name);
}

/* The numbers of satp's MODE (RISC-V privileged specification, "Supervisor Address Translation"). */
static const char *mmu_type(uint64_t mode)
{
	switch (mode) {
	case 10:
		return "riscv,sv57";
	case 9:
		return "riscv,sv48";
	default:
		return "riscv,sv39";
	}
}

void riscv_describe(const struct kvm_cpu *cpu, struct riscv_cpu *out)
{
	_Static_assert(sizeof(out->isa) > sizeof("rv64" LETTERS) + ARRAY_SIZE(extensions) * sizeof("_zihintpause"),
		       "room for all of them");
	describe_isa(cpu, out->isa, sizeof(out->isa));
	out->riscv = (struct accel_riscv){
		.isa = out->isa,
		.mmu_type = mmu_type(get(cpu, RISCV_CONFIG(satp_mode))),
		.timebase_hz = (uint32_t)get(cpu, RISCV_TIMER(frequency)),
		.cbom_block = (uint32_t)get(cpu, RISCV_CONFIG(zicbom_block_size)),
		.cboz_block = (uint32_t)get(cpu, RISCV_CONFIG(zicboz_block_size)),
	};
}
