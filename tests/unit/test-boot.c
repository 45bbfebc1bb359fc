/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/test-boot.c - kernels in their formats, whole and damaged.
 */
#include "unit.h"

#include <elf.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "machine/boot.h"

#define BASE UINT64_C(0x80000000)
#define TEXT_OFFSET UINT64_C(0x200000)

struct fixture {
	struct ram *ram;
	char path[32];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_int_equal(ram_new(&f->ram, 128 * MIB, false, NULL), 0);
	assert_int_equal(ram_map(f->ram, BASE, 128 * MIB, NULL), 0);
	strcpy(f->path, "/tmp/mortise-boot-XXXXXX");
	close(mkstemp(f->path));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	ram_free(f->ram);
	free(f);
	return 0;
}

static void put_file(const struct fixture *f, const void *data, size_t size)
{
	FILE *file = fopen(f->path, "we");

	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
}

static void put_gzip(const struct fixture *f, const void *data, size_t size)
{
	gzFile file = gzopen(f->path, "wb");

	assert_int_equal(gzwrite(file, data, (unsigned)size), size);
	gzclose(file);
}

/* An Image of `size` bytes that says it takes `memory`. */
static uint8_t *make_image(size_t size, uint64_t memory)
{
	uint8_t *image = calloc(1, size);
	const uint64_t offset = TEXT_OFFSET;

	memcpy(image + 8, &offset, 8);
	memcpy(image + 16, &memory, 8);
	memcpy(image + 48, "RISCV\0\0\0RSC\x05", 12);
	for (size_t i = 64; i < size; i++)
		image[i] = (uint8_t)(i * 7);
	return image;
}

static void image(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ uint8_t *bytes = make_image(100000, 300000);
	struct mortise_error err = {0};
	struct boot_kernel kernel;

	put_file(f, bytes, 100000);
	assert_int_equal(boot_load_riscv_kernel(f->ram, BASE, f->path, &kernel, &err), 0);
	assert_int_equal(kernel.entry, BASE + TEXT_OFFSET);
	assert_int_equal(kernel.end, BASE + TEXT_OFFSET + 300000);
	assert_memory_equal(ram_at(f->ram, kernel.entry, 100000), bytes, 100000);

	assert_int_equal(ram_clear(f->ram, &err), 0);
	put_gzip(f, bytes, 100000);
	assert_int_equal(boot_load_riscv_kernel(f->ram, BASE, f->path, &kernel, &err), 0);
	assert_int_equal(kernel.end, BASE + TEXT_OFFSET + 300000);
	assert_memory_equal(ram_at(f->ram, kernel.entry, 100000), bytes, 100000);
}

static void refused(struct fixture *f, const char *why)
{
	struct mortise_error err = {0};
	struct boot_kernel kernel = {.entry = 7};

	assert_true(boot_load_riscv_kernel(f->ram, BASE, f->path, &kernel, &err) < 0);
	assert_names(&err, f->path);
	assert_names(&err, why);
	assert_int_equal(kernel.entry, 7);
}

static void bad_images(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ uint8_t *bytes = make_image(4096, 1 * GIB), *small = make_image(4096, 100);
	const uint64_t huge = UINT64_MAX - 100;

	put_file(f, bytes, 4096);
	refused(f, "-m");
	put_gzip(f, bytes, 4096);
	refused(f, "-m");
	memcpy(bytes + 8, &huge, 8); /* the offset wraps around */
	put_file(f, bytes, 4096);
	refused(f, "-m");
	put_file(f, small, 10);
	refused(f, "too few");
	put_file(f, "neither this nor that, but long enough to be looked at all the same.....", 70);
	refused(f, "neither");
	put_gzip(f, "neither this nor that, but long enough to be looked at all the same.....", 70);
	refused(f, "no RISC-V kernel");
	put_gzip(f, small, 4096); /* more comes out than the header says */
	refused(f, "larger than its header");
	put_gzip(f, "", 0);
	refused(f, "too few");
	unlink(f->path);
	refused(f, "No such file");
	assert_int_equal(mkfifo(f->path, 0600), 0);
	refused(f, "not a regular file");
}

static void damaged_gzip(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ uint8_t *bytes = make_image(500000, 500000);
	char *compressed = malloc(500000);
	FILE *file;
	size_t size;

	put_gzip(f, bytes, 500000);
	file = fopen(f->path, "re");
	size = fread(compressed, 1, 500000, file);
	fclose(file);
	memset(compressed + size / 2, 0xff, 64);
	put_file(f, compressed, size);
	refused(f, "damaged");
	free(compressed);
}

struct elf_file {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	uint8_t bytes[4096];
};

static void make_elf(struct elf_file *elf, uint64_t paddr)
{
	*elf = (struct elf_file){
		.header = {.e_type = ET_EXEC,
			   .e_machine = EM_RISCV,
			   .e_phoff = offsetof(struct elf_file, segments),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 2,
			   .e_entry = UINT64_C(0xffffffff80000010)},
		.segments = {{.p_type = PT_NOTE},
			     {.p_type = PT_LOAD,
			      .p_offset = offsetof(struct elf_file, bytes),
			      .p_vaddr = UINT64_C(0xffffffff80000000),
			      .p_paddr = paddr,
			      .p_filesz = 4096,
			      .p_memsz = 8192}},
	};
	memcpy(elf->header.e_ident, ELFMAG "\2\1\1", 7);
	memset(elf->bytes, 0x5a, sizeof(elf->bytes));
}

static void elf(void **state)
{
	struct fixture *f = *state;
	struct mortise_error err = {0};
	struct boot_kernel kernel;
	struct elf_file file;

	make_elf(&file, BASE + 0x400000);
	put_file(f, &file, sizeof(file));
	memset(f->ram->host + 0x400000, 1, 8192);
	assert_int_equal(boot_load_riscv_kernel(f->ram, BASE, f->path, &kernel, &err), 0);
	assert_int_equal(kernel.entry, BASE + 0x400010);
	assert_int_equal(kernel.end, BASE + 0x402000);
	assert_int_equal(f->ram->host[0x400fff], 0x5a);
	assert_int_equal(f->ram->host[0x401000], 0);

	make_elf(&file, 0); /* as vmlinux is linked */
	put_file(f, &file, sizeof(file));
	assert_int_equal(boot_load_riscv_kernel(f->ram, BASE, f->path, &kernel, &err), 0);
	assert_int_equal(kernel.entry, BASE + TEXT_OFFSET + 0x10);
}

static void bad_elfs(void **state)
{
	struct fixture *f = *state;
	struct elf_file file;

	make_elf(&file, BASE + 128 * MIB - 4096);
	put_file(f, &file, sizeof(file));
	refused(f, "-m");
	make_elf(&file, BASE);
	file.segments[1].p_filesz = 10000;
	put_file(f, &file, sizeof(file));
	refused(f, "larger in the file");
	make_elf(&file, BASE);
	file.segments[1].p_offset = 100000;
	put_file(f, &file, sizeof(file));
	refused(f, "cut short");
	make_elf(&file, BASE);
	file.header.e_entry = 0;
	put_file(f, &file, sizeof(file));
	refused(f, "entry");
	make_elf(&file, BASE);
	file.header.e_machine = EM_X86_64;
	put_file(f, &file, sizeof(file));
	refused(f, "RISC-V");
	make_elf(&file, BASE);
	file.header.e_phnum = 0xffff;
	put_file(f, &file, sizeof(file));
	refused(f, "cut short");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(image, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_images, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_gzip, setup, teardown),
		cmocka_unit_test_setup_teardown(elf, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_elfs, setup, teardown),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
