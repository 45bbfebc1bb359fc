/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accel/kvm/x86-cpuid.c - what a vCPU says of itself.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/x86.h"
#include "base/util.h"

#define ENTRIES_MAX 256

#define BIT_HYPERVISOR (1u << 31)      /* 1.ECX */
#define BIT_TSC_DEADLINE (1u << 24)    /* 1.ECX */
#define BIT_HTT (1u << 28)	       /* 1.EDX: more than one logical processor in the package */
#define BIT_CMP_LEGACY (1u << 1)       /* 80000001.ECX: AMD's word for HTT means cores */
#define SIGNATURE_AUTH_EBX 0x68747541  /* "Auth", of "AuthenticAMD" */
#define SIGNATURE_HYGON_EBX 0x6f677948 /* "Hygo" */

struct cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[ENTRIES_MAX];
};

/* Bits of an APIC id that tell `count` CPUs apart. */
static unsigned id_bits(unsigned count)
{
	unsigned bits = 0;

	while (1u << bits < count)
		bits++;
	return bits;
}

static struct kvm_cpuid_entry2 *find(struct cpuid *cpuid, uint32_t function)
{
	for (uint32_t i = 0; i < cpuid->head.nent; i++)
		if (cpuid->entries[i].function == function)
			return &cpuid->entries[i];
	return NULL;
}

static void drop(struct cpuid *cpuid, uint32_t function)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < cpuid->head.nent; i++)
		if (cpuid->entries[i].function != function)
			cpuid->entries[kept++] = cpuid->entries[i];
	cpuid->head.nent = kept;
}

static void add(struct cpuid *cpuid, const struct kvm_cpuid_entry2 *entry)
{
	if (cpuid->head.nent < ENTRIES_MAX)
		cpuid->entries[cpuid->head.nent++] = *entry;
}

/* Extended topology: one package of `count` cores, one thread each. Levels: 1 thread, 2 core, 0 no more. */
static void put_topology(struct cpuid *cpuid, uint32_t id, uint32_t count)
{
	drop(cpuid, 0xb);
	drop(cpuid, 0x1f);
	for (uint32_t level = 0; level < 3; level++) {
		add(cpuid, &(struct kvm_cpuid_entry2){.function = 0xb,
						      .index = level,
						      .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
						      .eax = level == 1 ? id_bits(count) : 0,
						      .ebx = level == 0	  ? 1
							     : level == 1 ? count
									  : 0,
						      .ecx = level | (level < 2 ? level + 1 : 0) << 8,
						      .edx = id});
	}
}

/* Each core has its own caches but for the last level, which all of them share. */
static void fix_cache(struct kvm_cpuid_entry2 *entry, uint32_t count)
{
	const uint32_t level = entry->eax >> 5 & 7;
	const uint32_t sharing = level >= 3 ? (1u << id_bits(count)) - 1 : 0;

	if (!(entry->eax & 0x1f))
		return;
	entry->eax = (entry->eax & 0x3fff) | sharing << 14;
	if (entry->function == 4)
		entry->eax |= ((1u << id_bits(count)) - 1) << 26;
}

static void fix_entry(struct kvm_cpuid_entry2 *entry, uint32_t id, uint32_t count, bool deadline, bool amd)
{
	switch (entry->function) {
	case 1:
		entry->ebx = (entry->ebx & 0xffff) | count << 16 | id << 24;
		entry->ecx |= BIT_HYPERVISOR | (deadline ? BIT_TSC_DEADLINE : 0);
		entry->edx = count > 1 ? entry->edx | BIT_HTT : entry->edx & ~BIT_HTT;
		break;
	case 4:
	case 0x8000001d:
		fix_cache(entry, count);
		break;
	case 0x80000001:
		if (amd && count > 1)
			entry->ecx |= BIT_CMP_LEGACY;
		break;
	case 0x80000008:
		if (amd)
			entry->ecx = (count - 1) | id_bits(count) << 12;
		break;
	case 0x8000001e:
		entry->eax = id;
		entry->ebx = id & 0xff;
		entry->ecx = 0;
		break;
	}
}

int x86_set_cpuid(struct kvm_cpu *cpu, struct mortise_error *err)
{
	const uint32_t count = cpu->kvm->accel.config.cpu_count;
	const bool deadline = ioctl(cpu->kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	struct cpuid cpuid = {.head.nent = ENTRIES_MAX};
	const struct kvm_cpuid_entry2 *vendor;
	bool amd;

	if (ioctl(cpu->kvm->dev_fd, KVM_GET_SUPPORTED_CPUID, &cpuid.head) < 0)
		return mortise_fail(err, -errno, "KVM does not tell which CPU features it has: %s", strerror(errno));
	vendor = find(&cpuid, 0);
	amd = vendor && (vendor->ebx == SIGNATURE_AUTH_EBX || vendor->ebx == SIGNATURE_HYGON_EBX);
	for (uint32_t i = 0; i < cpuid.head.nent; i++)
		fix_entry(&cpuid.entries[i], cpu->index, count, deadline, amd);
	if (vendor && vendor->eax >= 0xb)
		put_topology(&cpuid, cpu->index, count);
	if (ioctl(cpu->fd, KVM_SET_CPUID2, &cpuid.head) < 0)
		return mortise_fail(err, -errno, "KVM does not take the CPU features of vCPU %u: %s", cpu->index,
				    strerror(errno));
	return 0;
}
