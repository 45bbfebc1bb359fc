/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test-x86-boot.c - bzImages and PVH kernels made here, whole and damaged, and what is handed over to them.
 */
#include "unit.h"

#include <elf.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "machine/boot.h"
#include "machine/x86_64-boot.h"

#define RAM_SIZE (128 * MIB)
#define PREF UINT64_C(0x1000000)
#define SETUP 1024 /* setup_sects 1 */
#define KERNEL 5000
#define FILE_SIZE (SETUP + KERNEL)

struct fixture {
	struct ram *ram;
	char kernel[32], initrd[32];
	uint8_t file[FILE_SIZE];
	struct x86_64_boot boot;
};

static void put(struct fixture *f, size_t at, uint64_t value, size_t size)
{
	memcpy(f->file + at, &value, size);
}

static uint64_t get(const struct fixture *f, uint64_t gpa, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, ram_at(f->ram, gpa, size), size);
	return value;
}

static void make_bzimage(struct fixture *f)
{
	memset(f->file, 0, SETUP);
	for (size_t i = SETUP; i < FILE_SIZE; i++)
		f->file[i] = (uint8_t)(i * 7);
	put(f, 0x1f1, 1, 1);	  /* setup_sects */
	put(f, 0x1f4, 313, 4);	  /* syssize */
	put(f, 0x1fe, 0xaa55, 2); /* boot_flag */
	put(f, 0x201, 0x6a, 1);	  /* the header's length */
	memcpy(f->file + 0x202, "HdrS", 4);
	put(f, 0x206, 0x20f, 2);      /* version */
	put(f, 0x211, 1, 1);	      /* LOADED_HIGH */
	put(f, 0x22c, 0x7fffffff, 4); /* initrd_addr_max */
	put(f, 0x234, 1, 1);	      /* relocatable */
	put(f, 0x236, 1, 2);	      /* XLF_KERNEL_64 */
	put(f, 0x238, 2047, 4);	      /* cmdline_size */
	put(f, 0x258, PREF, 8);
	put(f, 0x260, 0x200000, 4); /* init_size */
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(ram_new(&f->ram, RAM_SIZE, false, NULL), 0);
	assert_int_equal(ram_map(f->ram, 0, RAM_SIZE - 16 * MIB, NULL), 0);
	assert_int_equal(ram_map(f->ram, 4 * GIB, 16 * MIB, NULL), 0);
	strcpy(f->kernel, "/tmp/mortise-x86-XXXXXX");
	close(mkstemp(f->kernel));
	strcpy(f->initrd, "/tmp/mortise-x86-XXXXXX");
	close(mkstemp(f->initrd));
	f->boot = (struct x86_64_boot){.kernel = f->kernel, .cmdline = "quiet", .rsdp = 0xe0000};
	make_bzimage(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->kernel);
	unlink(f->initrd);
	ram_free(f->ram);
	free(f);
	return 0;
}

static void boots(struct fixture *f, struct accel_entry *entry)
{
	struct mortise_error err = {0};

	if (x86_64_boot(f->ram, &f->boot, entry, &err) < 0)
		fail_msg("%s", err.message);
}

static void refused(struct fixture *f, const char *why)
{
	struct accel_entry entry = {.pc = 7};
	struct mortise_error err = {0};

	assert_true(x86_64_boot(f->ram, &f->boot, &entry, &err) < 0);
	assert_names(&err, why);
	assert_int_equal(entry.pc, 7);
}

/* What a guest translates a virtual address to with these page tables. */
static uint64_t translate(const struct fixture *f, uint64_t root, uint64_t address)
{
	uint64_t entry = get(f, root + (address >> 39 & 511) * 8, 8);

	assert_int_equal(entry & 3, 3);
	entry = get(f, (entry & ~UINT64_C(0xfff)) + (address >> 30 & 511) * 8, 8);
	assert_int_equal(entry & 3, 3);
	entry = get(f, (entry & ~UINT64_C(0xfff)) + (address >> 21 & 511) * 8, 8);
	assert_int_equal(entry & 0x83, 0x83);
	return (entry & ~UINT64_C(0x1fffff)) | (address & 0x1fffff);
}

static void bzimage(void **state)
{
	struct fixture *f = *state;
	struct accel_entry entry;
	uint64_t params, initrd;

	write_file(f->kernel, f->file, FILE_SIZE);
	write_file(f->initrd, "0123456789", 10);
	f->boot.initrd = f->initrd;
	boots(f, &entry);
	assert_int_equal(entry.kind, ACCEL_ENTRY_X86_LONG);
	assert_int_equal(entry.pc, PREF + 0x200);
	assert_memory_equal(ram_at(f->ram, PREF, KERNEL), f->file + SETUP, KERNEL);

	params = entry.arg0;
	assert_memory_equal(ram_at(f->ram, params + 0x202, 4), "HdrS", 4);
	assert_int_equal(get(f, params + 0x210, 1), 0xff);
	assert_int_equal(get(f, params + 0x70, 8), 0xe0000);
	assert_string_equal(ram_at(f->ram, get(f, params + 0x228, 4), 6), "quiet");
	initrd = get(f, params + 0x218, 4);
	assert_int_equal(get(f, params + 0x21c, 4), 10);
	assert_int_equal(initrd, RAM_SIZE - 16 * MIB - RAM_PAGE_SIZE);
	assert_memory_equal(ram_at(f->ram, initrd, 10), "0123456789", 10);

	/* e820: low memory, firmware's, RAM up to the hole, RAM above it. */
	assert_int_equal(get(f, params + 0x1e8, 1), 4);
	assert_int_equal(get(f, params + 0x2d0 + 20 + 16, 4), 2);
	assert_int_equal(get(f, params + 0x2d0 + 40, 8), MIB);
	assert_int_equal(get(f, params + 0x2d0 + 48, 8), RAM_SIZE - 17 * MIB);
	assert_int_equal(get(f, params + 0x2d0 + 60, 8), 4 * GIB);
	assert_int_equal(get(f, params + 0x2d0 + 68, 8), 16 * MIB);
	assert_int_equal(get(f, params + 0x2d0 + 76, 4), 1);

	assert_int_equal(translate(f, entry.page_table, entry.pc), entry.pc);
	assert_int_equal(translate(f, entry.page_table, 0xfee00020), 0xfee00020);
}

static void initrd_limits(void **state)
{
	struct fixture *f = *state;
	struct accel_entry entry;

	f->boot.initrd = f->initrd;
	write_file(f->initrd, "0123456789", 10);
	put(f, 0x22c, 0x3ffffff, 4);
	write_file(f->kernel, f->file, FILE_SIZE);
	boots(f, &entry);
	assert_int_equal(get(f, entry.arg0 + 0x218, 4), 64 * MIB - RAM_PAGE_SIZE);

	put(f, 0x22c, 0x11fffff, 4); /* the kernel ends there */
	write_file(f->kernel, f->file, FILE_SIZE);
	refused(f, f->initrd);
	assert_int_equal(truncate(f->initrd, 100 * MIB), 0);
	make_bzimage(f);
	write_file(f->kernel, f->file, FILE_SIZE);
	refused(f, "-m");
	write_file(f->initrd, "", 0);
	refused(f, "empty");
	f->boot.initrd = "/no/such/initrd";
	refused(f, "/no/such/initrd");
}

static void bad_bzimages(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
		size_t size;
		const char *why;
	} bad[] = {
		{0x1fe, 0xaa54, 2, "not a bzImage"},
		{0x202, 0, 4, "not a bzImage"},
		{0x206, 0x20b, 2, "2.12"},
		{0x201, 0x10, 1, "length of its setup header"},
		{0x201, 0xff, 1, "length of its setup header"},
		{0x211, 0, 1, "64-bit"},
		{0x236, 0, 2, "64-bit"},
		{0x1f1, 9, 1, "cut short"},
		{0x1f1, 64, 1, "cut short"},
		{0x1f4, 314, 4, "cut short"},
		{0x1f4, UINT32_MAX, 4, "cut short"},
		{0x258, 0x1000, 8, "preferred address"},
		{0x258, PREF + 1, 8, "preferred address"},
		{0x258, UINT64_MAX - 0xfff, 8, "-m"},
		{0x258, 0x7000000, 8, "-m"},
		{0x260, 0x7000000, 4, "-m"},
		{0x238, 4, 4, "command line"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		make_bzimage(f);
		put(f, bad[i].at, bad[i].value, bad[i].size);
		write_file(f->kernel, f->file, FILE_SIZE);
		refused(f, bad[i].why);
	}
	make_bzimage(f);
	for (size_t size = 0; size < SETUP + 0x200; size += 37) {
		write_file(f->kernel, f->file, size);
		refused(f, "cut short");
	}
	f->boot.kernel = "/dev/null";
	refused(f, "regular file");
}

/* --- PVH --- */

struct pvh {
	Elf64_Ehdr elf;
	Elf64_Phdr load, note;
	struct {
		Elf64_Nhdr head;
		char name[4];
		uint32_t other;
		Elf64_Nhdr head2;
		char name2[4];
		uint32_t entry;
	} notes;
	char code[16];
};

static struct pvh make_pvh(void)
{
	struct pvh pvh = {
		.elf = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1},
			.e_machine = EM_X86_64,
			.e_phoff = offsetof(struct pvh, load),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2},
		.load = {.p_type = PT_LOAD,
			 .p_paddr = PREF,
			 .p_offset = offsetof(struct pvh, code),
			 .p_filesz = sizeof(pvh.code),
			 .p_memsz = 0x2000},
		.note = {.p_type = PT_NOTE, .p_offset = offsetof(struct pvh, notes), .p_filesz = sizeof(pvh.notes)},
		.notes = {.head = {4, 4, 6}, .name = "Xen", .head2 = {4, 4, 18}, .name2 = "Xen", .entry = PREF + 0x10},
		.code = "what is run",
	};

	return pvh;
}

static void pvh_boots(void **state)
{
	const struct pvh pvh = make_pvh();
	struct fixture *f = *state;
	struct accel_entry entry;
	uint64_t module, map;

	write_file(f->kernel, &pvh, sizeof(pvh));
	write_file(f->initrd, "0123456789", 10);
	f->boot.initrd = f->initrd;
	assert_int_equal(boot_kernel_arch(f->kernel), ACCEL_X86_64);
	boots(f, &entry);
	assert_int_equal(entry.kind, ACCEL_ENTRY_X86_PVH);
	assert_int_equal(entry.pc, PREF + 0x10);
	assert_string_equal(ram_at(f->ram, PREF, 16), "what is run");
	assert_int_equal(get(f, entry.arg0, 4), 0x336ec578);
	assert_int_equal(get(f, entry.arg0 + 4, 4), 1);
	assert_int_equal(get(f, entry.arg0 + 12, 4), 1);
	module = get(f, entry.arg0 + 16, 8);
	assert_memory_equal(ram_at(f->ram, get(f, module, 8), 10), "0123456789", 10);
	assert_int_equal(get(f, module + 8, 8), 10);
	assert_string_equal(ram_at(f->ram, get(f, entry.arg0 + 24, 8), 6), "quiet");
	assert_int_equal(get(f, entry.arg0 + 32, 8), 0xe0000);
	map = get(f, entry.arg0 + 40, 8);
	assert_int_equal(get(f, entry.arg0 + 48, 4), 4);
	assert_int_equal(get(f, map + 3 * 24, 8), 4 * GIB);
	assert_int_equal(get(f, map + 3 * 24 + 16, 4), 1);
}

static void pvh_is_refused(struct fixture *f, const struct pvh *pvh, const char *why)
{
	write_file(f->kernel, pvh, sizeof(*pvh));
	refused(f, why);
}

static void bad_pvh(void **state)
{
	struct fixture *f = *state;
	struct pvh pvh = make_pvh();

	pvh.notes.entry = PREF + 0x2000;
	pvh_is_refused(f, &pvh, "none of its segments");
	pvh.notes.entry = 0;
	pvh_is_refused(f, &pvh, "none of its segments");
	pvh = make_pvh();
	pvh.notes.head2.n_type = 17;
	pvh_is_refused(f, &pvh, "CONFIG_PVH");
	pvh = make_pvh();
	pvh.notes.head.n_namesz = UINT32_MAX;
	pvh_is_refused(f, &pvh, "CONFIG_PVH");
	pvh = make_pvh();
	pvh.notes.head2.n_descsz = 5;
	pvh_is_refused(f, &pvh, "CONFIG_PVH");
	pvh = make_pvh();
	pvh.note.p_filesz = UINT64_MAX;
	pvh_is_refused(f, &pvh, "CONFIG_PVH");
	pvh = make_pvh();
	pvh.note.p_offset = UINT64_MAX / 2;
	pvh_is_refused(f, &pvh, f->kernel);
	pvh = make_pvh();
	pvh.load.p_paddr = 0x7000; /* where the start information goes */
	pvh_is_refused(f, &pvh, "first MiB");
	pvh = make_pvh();
	pvh.load.p_paddr = UINT64_MAX - 10;
	pvh_is_refused(f, &pvh, "-m");
	pvh = make_pvh();
	pvh.load.p_filesz = 0x3000;
	pvh_is_refused(f, &pvh, "larger in the file");
	pvh = make_pvh();
	pvh.elf.e_machine = EM_RISCV;
	pvh_is_refused(f, &pvh, "x86-64");
}

/* Fixed mutations of both kinds: none may touch what is not guest memory, which the sanitizers see. */
static void mutations(void **state)
{
	const struct pvh pvh = make_pvh();
	struct fixture *f = *state;
	struct accel_entry entry;

	srand(1);
	for (unsigned i = 0; i < 400; i++) {
		struct pvh other = pvh;

		make_bzimage(f);
		for (unsigned j = 0; j < 3; j++) {
			f->file[0x1f1 + rand() % 0x80] = (uint8_t)rand();
			((uint8_t *)&other)[rand() % (int)offsetof(struct pvh, code)] = (uint8_t)rand();
		}
		write_file(f->kernel, f->file, FILE_SIZE);
		x86_64_boot(f->ram, &f->boot, &entry, NULL);
		write_file(f->kernel, &other, sizeof(other));
		x86_64_boot(f->ram, &f->boot, &entry, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bzimage, setup, teardown),
		cmocka_unit_test_setup_teardown(initrd_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_bzimages, setup, teardown),
		cmocka_unit_test_setup_teardown(pvh_boots, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_pvh, setup, teardown),
		cmocka_unit_test_setup_teardown(mutations, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
