/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qmp/commands-machine.c - what the VM is: name, machine, accelerator, CPUs.
 */
#include "qmp/commands.h"
#include "qmp/context.h"
#include "qmp/json.h"

static OBJECT_TYPE(NameInfo, "the VM's name", MAY("name", str, "as given with -name"));

static void run_name(struct qmp_call *call, const cJSON *arguments)
{
	const struct vm *vm = vm_of(call);
	cJSON *info = cJSON_CreateObject();

	if (vm->config->name)
		cJSON_AddStringToObject(info, "name", vm->config->name);
	qmp_return(call, info);
}

static OBJECT_TYPE(UuidInfo, "the VM's UUID", MUST("UUID", str, "as given with -uuid, or all zeroes"));

static void run_uuid(struct qmp_call *call, const cJSON *arguments)
{
	const struct vm *vm = vm_of(call);
	cJSON *info = cJSON_CreateObject();

	cJSON_AddStringToObject(info, "UUID",
				vm->config->uuid ? vm->config->uuid : "00000000-0000-0000-0000-000000000000");
	qmp_return(call, info);
}

static OBJECT_TYPE(KvmInfo, "the use of KVM", MUST("enabled", bool, "whether KVM runs the guest"),
		   MUST("present", bool, "whether this host can run this guest with KVM"));

static void run_kvm(struct qmp_call *call, const cJSON *arguments)
{
	const struct vm *vm = vm_of(call);
	cJSON *info = cJSON_CreateObject();
	bool present = false;

	for (const struct accel_ops *const *accel = accel_all; *accel; accel++)
		if (streq((*accel)->name, "kvm"))
			present = (*accel)->probe(vm->machine->ops->arch, NULL) == 0;
	cJSON_AddBoolToObject(info, "enabled", streq(vm->accel->ops->name, "kvm"));
	cJSON_AddBoolToObject(info, "present", present);
	qmp_return(call, info);
}

static ENUM_TYPE(SysEmuTarget, "an architecture of guests", "riscv64", "x86_64");
static OBJECT_TYPE(TargetInfo, "the guest's architecture", MUST("arch", SysEmuTarget, "its name"));

static const char *arch_name(const struct machine_ops *board)
{
	return board->arch == ACCEL_RISCV64 ? "riscv64" : "x86_64";
}

static void run_target(struct qmp_call *call, const cJSON *arguments)
{
	const struct vm *vm = vm_of(call);
	cJSON *info = cJSON_CreateObject();

	cJSON_AddStringToObject(info, "arch", arch_name(vm->machine->ops));
	qmp_return(call, info);
}

static OBJECT_TYPE(MachineInfo, "a machine that -machine takes", MUST("name", str, "its name"),
		   MAY("alias", str, "another name for it"), MAY("is-default", bool, "whether it is taken unasked"),
		   MUST("cpu-max", int, "the most vCPUs"), MUST("hotpluggable-cpus", bool, "always false"),
		   MUST("numa-mem-supported", bool, "always false"), MUST("deprecated", bool, "always false"),
		   MUST("acpi", bool, "whether its guests get ACPI tables"));
static ARRAY_TYPE(MachineInfo);

static void run_machines(struct qmp_call *call, const cJSON *arguments)
{
	cJSON *list = cJSON_CreateArray();

	for (const struct machine_ops *const *board = machine_all; *board; board++) {
		cJSON *info = cJSON_CreateObject();

		cJSON_AddStringToObject(info, "name", (*board)->name);
		if (*board == machine_find(NULL, NULL)) {
			cJSON_AddStringToObject(info, "alias", "microvm");
			cJSON_AddTrueToObject(info, "is-default");
		}
		json_add_unsigned(info, "cpu-max", (*board)->max_cpus);
		cJSON_AddFalseToObject(info, "hotpluggable-cpus");
		cJSON_AddFalseToObject(info, "numa-mem-supported");
		cJSON_AddFalseToObject(info, "deprecated");
		cJSON_AddBoolToObject(info, "acpi", (*board)->arch == ACCEL_X86_64);
		cJSON_AddItemToArray(list, info);
	}
	qmp_return(call, list);
}

static OBJECT_TYPE(CpuInstanceProperties, "where a vCPU is", MAY("core-id", int, "the core"));
static OBJECT_TYPE(CpuInfo, "a vCPU", MUST("CPU", int, "its index"), MUST("current", bool, "whether it is the first"),
		   MUST("halted", bool, "whether it waits for an interrupt or was not started"),
		   MUST("qom_path", str, "its path"), MUST("thread_id", int, "the Linux thread that runs it"),
		   MUST("arch", SysEmuTarget, "its architecture"), MAY("props", CpuInstanceProperties, "where it is"));
static ARRAY_TYPE(CpuInfo);

/* What the two queries call the same things. */
struct cpu_words {
	const char *index, *path, *thread, *arch;
};

static cJSON *describe_cpu(const struct vm *vm, unsigned index, const struct accel_cpu_info *cpu,
			   const struct cpu_words *words)
{
	cJSON *info = cJSON_CreateObject();
	char path[48];

	snprintf(path, sizeof(path), "/machine/unattached/device[%u]", index);
	json_add_unsigned(info, words->index, index);
	cJSON_AddStringToObject(info, words->path, path);
	json_add_integer(info, words->thread, cpu->thread_id);
	cJSON_AddStringToObject(info, words->arch, arch_name(vm->machine->ops));
	json_add_unsigned(cJSON_AddObjectToObject(info, "props"), "core-id", index);
	return info;
}

static void run_cpus(struct qmp_call *call, const cJSON *arguments)
{
	static const struct cpu_words words = {"CPU", "qom_path", "thread_id", "arch"};
	const struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < vm->config->cpus; i++) {
		struct accel_cpu_info cpu = {0};
		cJSON *info;

		vm->accel->cpu_info(vm->accel, i, &cpu);
		info = describe_cpu(vm, i, &cpu, &words);
		cJSON_AddBoolToObject(info, "current", i == 0);
		cJSON_AddBoolToObject(info, "halted", cpu.halted);
		cJSON_AddItemToArray(list, info);
	}
	qmp_return(call, list);
}

static OBJECT_TYPE(CpuInfoFast, "a vCPU", MUST("cpu-index", int, "its index"), MUST("qom-path", str, "its path"),
		   MUST("thread-id", int, "the Linux thread that runs it"),
		   MUST("target", SysEmuTarget, "its architecture"),
		   MAY("props", CpuInstanceProperties, "where it is"));
static ARRAY_TYPE(CpuInfoFast);

static void run_cpus_fast(struct qmp_call *call, const cJSON *arguments)
{
	static const struct cpu_words words = {"cpu-index", "qom-path", "thread-id", "target"};
	const struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < vm->config->cpus; i++) {
		struct accel_cpu_info cpu = {0};

		vm->accel->cpu_info(vm->accel, i, &cpu);
		cJSON_AddItemToArray(list, describe_cpu(vm, i, &cpu, &words));
	}
	qmp_return(call, list);
}

static OBJECT_TYPE(HotpluggableCPU, "a vCPU that the machine has a place for", MUST("type", str, "its kind"),
		   MUST("vcpus-count", int, "always 1"), MUST("props", CpuInstanceProperties, "where it is"),
		   MAY("qom-path", str, "its path: it is there"));
static ARRAY_TYPE(HotpluggableCPU);

/* All are there from the start: no machine of ours takes more later. */
static void run_hotpluggable(struct qmp_call *call, const cJSON *arguments)
{
	const struct vm *vm = vm_of(call);
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < vm->config->cpus; i++) {
		cJSON *info = cJSON_CreateObject();
		char path[48];

		snprintf(path, sizeof(path), "/machine/unattached/device[%u]", i);
		cJSON_AddStringToObject(info, "type", arch_name(vm->machine->ops));
		cJSON_AddNumberToObject(info, "vcpus-count", 1);
		json_add_unsigned(cJSON_AddObjectToObject(info, "props"), "core-id", i);
		cJSON_AddStringToObject(info, "qom-path", path);
		cJSON_AddItemToArray(list, info);
	}
	qmp_return(call, list);
}

static const struct schema_command commands[] = {
	{
		"query-name",
		run_name,
		"Tells the VM's name",
		.returns = &type_NameInfo,
		.flags = SCHEMA_OOB,
	},
	{
		"query-uuid",
		run_uuid,
		"Tells the VM's UUID",
		.returns = &type_UuidInfo,
		.flags = SCHEMA_OOB,
	},
	{
		"query-kvm",
		run_kvm,
		"Tells whether KVM runs the guest",
		.returns = &type_KvmInfo,
	},
	{
		"query-target",
		run_target,
		"Tells the guest's architecture",
		.returns = &type_TargetInfo,
		.flags = SCHEMA_OOB,
	},
	{
		"query-machines",
		run_machines,
		"Lists the machines that there are",
		.returns = &type_MachineInfo_array,
		.flags = SCHEMA_OOB,
	},
	{
		"query-cpus",
		run_cpus,
		"Lists the vCPUs, in the words of older clients",
		.returns = &type_CpuInfo_array,
		.flags = SCHEMA_OOB,
	},
	{
		"query-cpus-fast",
		run_cpus_fast,
		"Lists the vCPUs",
		.returns = &type_CpuInfoFast_array,
		.flags = SCHEMA_OOB,
	},
	{
		"query-hotpluggable-cpus",
		run_hotpluggable,
		"Lists the places for vCPUs, all of them taken",
		.returns = &type_HotpluggableCPU_array,
		.flags = SCHEMA_OOB,
	},
	{0},
};

const struct schema_group commands_machine = {.title = "The machine", .commands = commands};
