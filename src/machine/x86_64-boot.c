/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/x86_64-boot.c - bzImage by the 64-bit boot protocol, ELF by PVH.
 *
 * Hosts are little endian, as the formats are.
 */
#include "machine/x86_64-boot.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/util.h"
#include "machine/boot-elf.h"
#include "machine/boot.h"

/* Low memory, which belongs to the guest as soon as it has read what is there. */
#define PAGE_TABLES UINT64_C(0x1000)
#define PAGE_TABLES_END UINT64_C(0x7000)
#define HANDOVER UINT64_C(0x7000) /* boot_params or hvm_start_info; a page */
#define CMDLINE UINT64_C(0x10000)
#define LOW_END UINT64_C(0xa0000) /* the PC's screen and ROMs were from here on */
#define KERNEL_MIN UINT64_C(0x100000)

#define PAGE_PRESENT 0x1
#define PAGE_WRITABLE 0x2
#define PAGE_LARGE 0x80

#define MEMORY_RAM 1
#define MEMORY_RESERVED 2
#define MEMORY_RANGES_MAX 4

struct memory_range {
	uint64_t base, size;
	uint32_t type;
};

/* The guest's memory map: conventional memory, the firmware's, and RAM from 1 MiB on. */
static unsigned memory_map(const struct ram *ram, struct memory_range map[MEMORY_RANGES_MAX])
{
	unsigned n = 0;

	map[n++] = (struct memory_range){0, LOW_END, MEMORY_RAM};
	map[n++] = (struct memory_range){X86_64_FIRMWARE_BASE, X86_64_FIRMWARE_SIZE, MEMORY_RESERVED};
	map[n++] = (struct memory_range){KERNEL_MIN, ram->ranges[0].size - KERNEL_MIN, MEMORY_RAM};
	if (ram->range_count > 1)
		map[n++] = (struct memory_range){ram->ranges[1].base, ram->ranges[1].size, MEMORY_RAM};
	return n;
}

/* --- what both protocols share --- */

static int put_cmdline(struct ram *ram, const char *cmdline, uint64_t most, struct mortise_error *err)
{
	const size_t length = strlen(cmdline);

	most = MIN(most, LOW_END - CMDLINE - 1);
	if (length > most)
		return mortise_fail(err, -E2BIG,
				    "The kernel's command line has %zu characters; this kernel takes %" PRIu64, length,
				    most);
	return boot_put(ram, CMDLINE, cmdline, length + 1, "the kernel's command line", err);
}

struct initrd {
	uint64_t start, size;
};

/* As high as the kernel allows: low memory is what it has uses for. */
static int put_initrd(struct ram *ram, const char *path, uint64_t kernel_end, uint64_t limit, struct initrd *out,
		      struct mortise_error *err)
{
	_cleanup_(boot_close) struct boot_file file = BOOT_FILE_NONE;
	uint64_t start;
	int r;

	*out = (struct initrd){0};
	if (!path)
		return 0;
	r = boot_open(&file, path, err);
	if (r < 0)
		return r;
	limit = MIN(limit, ram->ranges[0].size);
	start = file.size < limit ? (limit - file.size) & ~(RAM_PAGE_SIZE - 1) : 0;
	if (start < kernel_end)
		return boot_no_room(path, file.size, kernel_end, err);
	r = boot_load_file(ram, &file, start, err);
	if (r < 0)
		return r;
	*out = (struct initrd){start, file.size};
	return 0;
}

/* --- bzImage --- */

/* The setup header, at SETUP_HEADER of the file and of boot_params alike. */
struct setup_header {
	uint8_t setup_sects;
	uint16_t root_flags;
	uint32_t syssize;
	uint16_t ram_size, vid_mode, root_dev;
	uint16_t boot_flag;
	uint8_t jump, length; /* `length` counts from `magic` on */
	uint32_t magic;
	uint16_t version;
	uint32_t realmode_switch;
	uint16_t start_sys_seg, kernel_version;
	uint8_t type_of_loader, loadflags;
	uint16_t setup_move_size;
	uint32_t code32_start, ramdisk_image, ramdisk_size, bootsect_kludge;
	uint16_t heap_end_ptr;
	uint8_t ext_loader_ver, ext_loader_type;
	uint32_t cmd_line_ptr, initrd_addr_max, kernel_alignment;
	uint8_t relocatable_kernel, min_alignment;
	uint16_t xloadflags;
	uint32_t cmdline_size, hardware_subarch;
	uint64_t hardware_subarch_data;
	uint32_t payload_offset, payload_length;
	uint64_t setup_data, pref_address;
	uint32_t init_size, handover_offset, kernel_info_offset;
} __attribute__((packed));

#define SETUP_HEADER 0x1f1
#define SETUP_HEADER_MAX (0x290 - SETUP_HEADER)
#define SECTOR 512

#define BOOT_FLAG 0xaa55
#define MAGIC 0x53726448 /* "HdrS" */
#define VERSION_MIN 0x020c
#define LOADED_HIGH 0x01
#define XLF_KERNEL_64 0x01
#define ENTRY_64 0x200 /* of the 64-bit entry, from where the kernel was loaded */
#define LOADER_UNDEFINED 0xff

struct e820_entry {
	uint64_t base, size;
	uint32_t type;
} __attribute__((packed));

/* "The zero page" (Documentation/arch/x86/zero-page.rst), as far as it is filled in here. */
struct boot_params {
	uint8_t screen_info[0x70];
	uint64_t acpi_rsdp_addr;
	uint8_t other1[0x1e8 - 0x78];
	uint8_t e820_entries;
	uint8_t other2[SETUP_HEADER - 0x1e9];
	uint8_t header[SETUP_HEADER_MAX];
	uint8_t other3[0x2d0 - 0x290];
	struct e820_entry e820_table[128];
	uint8_t other4[0x1000 - 0xcd0];
} __attribute__((packed));

_Static_assert(offsetof(struct setup_header, init_size) == 0x260 - SETUP_HEADER, "setup header");
_Static_assert(offsetof(struct boot_params, e820_entries) == 0x1e8, "zero page");
_Static_assert(sizeof(struct boot_params) == 0x1000, "zero page");

static int unfit(const struct boot_file *file, const char *why, struct mortise_error *err)
{
	return mortise_fail(err, -ENOEXEC, "Could not load '%s': %s", file->path, why);
}

/* Reads and checks the header; *setup_size is what lies in the file before the kernel proper. */
static int read_header(const struct boot_file *file, struct setup_header *header, uint64_t *setup_size,
		       struct mortise_error *err)
{
	int r = boot_read(file, header, sizeof(*header), SETUP_HEADER, err);
	uint64_t setup;

	if (r < 0)
		return r;
	setup = (header->setup_sects ? header->setup_sects + 1u : 5u) * SECTOR;
	if (header->boot_flag != BOOT_FLAG || header->magic != MAGIC)
		return unfit(file, "not a bzImage", err);
	if (header->version < VERSION_MIN)
		return unfit(file, "its boot protocol is older than 2.12 (Linux 3.8)", err);
	if (offsetof(struct setup_header, magic) + header->length < sizeof(*header) - 8 ||
	    offsetof(struct setup_header, magic) + header->length > SETUP_HEADER_MAX)
		return unfit(file, "the length of its setup header is impossible", err);
	if (!(header->loadflags & LOADED_HIGH) || !(header->xloadflags & XLF_KERNEL_64))
		return unfit(file, "it has no 64-bit entry; build the kernel for x86-64", err);
	if (file->size <= setup + ENTRY_64 || (uint64_t)header->syssize * 16 > ALIGN_UP(file->size - setup, 16))
		return unfit(file, "the file is cut short", err);
	if (header->pref_address < KERNEL_MIN || !IS_ALIGNED(header->pref_address, RAM_PAGE_SIZE))
		return unfit(file, "its preferred address is impossible", err);
	*setup_size = setup;
	return 0;
}

/* The kernel to the address that it prefers; *end is behind what it needs there until it knows its memory. */
static int load_protected_mode(struct ram *ram, const struct boot_file *file, const struct setup_header *header,
			       uint64_t setup_size, uint64_t *end, struct mortise_error *err)
{
	const uint64_t size = file->size - setup_size, needed = MAX(size, (uint64_t)header->init_size);
	void *to = ram_at(ram, header->pref_address, needed);
	int r;

	if (!to)
		return boot_no_room(file->path, needed, header->pref_address, err);
	r = boot_read(file, to, size, setup_size, err);
	if (r < 0)
		return r;
	ram_written(ram, header->pref_address, size);
	*end = header->pref_address + needed;
	return 0;
}

static int put_boot_params(struct ram *ram, const struct x86_64_boot *boot, const struct setup_header *header,
			   struct mortise_error *err)
{
	struct boot_params params = {.acpi_rsdp_addr = boot->rsdp};
	struct memory_range map[MEMORY_RANGES_MAX];
	const unsigned count = memory_map(ram, map);

	memcpy(params.header, header,
	       MIN(sizeof(*header), offsetof(struct setup_header, magic) + (size_t)header->length));
	for (unsigned i = 0; i < count; i++)
		params.e820_table[i] = (struct e820_entry){map[i].base, map[i].size, map[i].type};
	params.e820_entries = (uint8_t)count;
	return boot_put(ram, HANDOVER, &params, sizeof(params), "the boot parameters", err);
}

/* The first 4 GiB, each address as it is, by pages of 2 MiB. */
static int put_page_tables(struct ram *ram, struct mortise_error *err)
{
	const uint64_t flags = PAGE_PRESENT | PAGE_WRITABLE;
	uint64_t *tables = ram_at(ram, PAGE_TABLES, PAGE_TABLES_END - PAGE_TABLES);
	uint64_t *pointers, *directories;

	if (!tables)
		return boot_no_room("page tables", PAGE_TABLES_END - PAGE_TABLES, PAGE_TABLES, err);
	pointers = tables + 512;
	directories = pointers + 512;
	memset(tables, 0, PAGE_TABLES_END - PAGE_TABLES);
	tables[0] = (PAGE_TABLES + RAM_PAGE_SIZE) | flags;
	for (uint64_t i = 0; i < 4; i++)
		pointers[i] = (PAGE_TABLES + (2 + i) * RAM_PAGE_SIZE) | flags;
	for (uint64_t i = 0; i < 4 * 512; i++)
		directories[i] = i * 2 * MIB | flags | PAGE_LARGE;
	ram_written(ram, PAGE_TABLES, PAGE_TABLES_END - PAGE_TABLES);
	return 0;
}

static int boot_bzimage(struct ram *ram, const struct boot_file *file, const struct x86_64_boot *boot,
			struct accel_entry *entry, struct mortise_error *err)
{
	struct setup_header header;
	uint64_t setup_size = 0, end = 0;
	struct initrd initrd;
	int r = read_header(file, &header, &setup_size, err);

	if (r == 0)
		r = load_protected_mode(ram, file, &header, setup_size, &end, err);
	if (r == 0)
		r = put_cmdline(ram, boot->cmdline, header.cmdline_size, err);
	if (r == 0)
		r = put_initrd(ram, boot->initrd, end, (uint64_t)header.initrd_addr_max + 1, &initrd, err);
	if (r < 0)
		return r;
	header.type_of_loader = LOADER_UNDEFINED;
	header.code32_start = (uint32_t)header.pref_address;
	header.cmd_line_ptr = CMDLINE;
	header.ramdisk_image = (uint32_t)initrd.start;
	header.ramdisk_size = (uint32_t)initrd.size;
	header.setup_data = 0;
	r = put_boot_params(ram, boot, &header, err);
	if (r == 0)
		r = put_page_tables(ram, err);
	if (r < 0)
		return r;
	*entry = (struct accel_entry){.kind = ACCEL_ENTRY_X86_LONG,
				      .pc = header.pref_address + ENTRY_64,
				      .arg0 = HANDOVER,
				      .page_table = PAGE_TABLES};
	return 0;
}

/* --- PVH --- */

#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define START_MAGIC 0x336ec578
#define PVH_CMDLINE_MAX 2047 /* Linux cuts it there in silence */

/* All that is handed over, in one page. */
struct pvh_handover {
	struct {
		uint32_t magic, version, flags, nr_modules;
		uint64_t modlist, cmdline, rsdp, memmap;
		uint32_t memmap_entries, reserved;
	} start;
	struct {
		uint64_t base, size, cmdline, reserved;
	} module;
	struct {
		uint64_t base, size;
		uint32_t type, reserved;
	} memmap[MEMORY_RANGES_MAX];
};

static int put_start_info(struct ram *ram, const struct x86_64_boot *boot, const struct initrd *initrd,
			  struct mortise_error *err)
{
	struct memory_range map[MEMORY_RANGES_MAX];
	struct pvh_handover handover = {
		.start = {.magic = START_MAGIC,
			  .version = 1,
			  .nr_modules = initrd->size != 0,
			  .modlist = initrd->size ? HANDOVER + offsetof(struct pvh_handover, module) : 0,
			  .cmdline = CMDLINE,
			  .rsdp = boot->rsdp,
			  .memmap = HANDOVER + offsetof(struct pvh_handover, memmap),
			  .memmap_entries = memory_map(ram, map)},
		.module = {.base = initrd->start, .size = initrd->size},
	};

	for (unsigned i = 0; i < handover.start.memmap_entries; i++) {
		handover.memmap[i].base = map[i].base;
		handover.memmap[i].size = map[i].size;
		handover.memmap[i].type = map[i].type;
	}
	return boot_put(ram, HANDOVER, &handover, sizeof(handover), "the start information", err);
}

static int pvh_entry(const struct boot_elf *elf, uint64_t lowest, uint64_t end, uint64_t *entry,
		     struct mortise_error *err)
{
	uint64_t address = 0;
	int size = boot_elf_note(elf, "Xen", XEN_ELFNOTE_PHYS32_ENTRY, &address, sizeof(address), err);

	if (size == -ENOENT)
		return unfit(elf->file, "it has no PVH entry; build the kernel with CONFIG_PVH", err);
	if (size < 0)
		return size;
	if ((size != 4 && size != 8) || address < lowest || address >= end || address > UINT32_MAX)
		return unfit(elf->file, "its PVH entry is in none of its segments", err);
	*entry = address;
	return 0;
}

static int boot_pvh(struct ram *ram, const struct boot_file *file, const struct x86_64_boot *boot,
		    struct accel_entry *entry, struct mortise_error *err)
{
	_cleanup_(boot_elf_done) struct boot_elf elf = {0};
	struct initrd initrd;
	uint64_t end = 0, pc = 0;
	int r = boot_elf_open(&elf, file, EM_X86_64, "x86-64", err);

	if (r < 0)
		return r;
	if (boot_elf_lowest(&elf) < KERNEL_MIN)
		return unfit(file, "it wants to be in the first MiB", err);
	r = boot_elf_load(&elf, ram, 0, &end, err);
	if (r == 0)
		r = pvh_entry(&elf, boot_elf_lowest(&elf), end, &pc, err);
	if (r == 0)
		r = put_cmdline(ram, boot->cmdline, PVH_CMDLINE_MAX, err);
	if (r == 0)
		r = put_initrd(ram, boot->initrd, end, UINT64_MAX, &initrd, err);
	if (r == 0)
		r = put_start_info(ram, boot, &initrd, err);
	if (r < 0)
		return r;
	*entry = (struct accel_entry){.kind = ACCEL_ENTRY_X86_PVH, .pc = pc, .arg0 = HANDOVER};
	return 0;
}

int x86_64_boot(struct ram *ram, const struct x86_64_boot *boot, struct accel_entry *entry, struct mortise_error *err)
{
	_cleanup_(boot_close) struct boot_file file = BOOT_FILE_NONE;
	unsigned char magic[SELFMAG];
	int r = boot_open(&file, boot->kernel, err);

	if (r == 0)
		r = boot_read(&file, magic, sizeof(magic), 0, err);
	if (r < 0)
		return r;
	if (memcmp(magic, ELFMAG, SELFMAG) == 0)
		return boot_pvh(ram, &file, boot, entry, err);
	return boot_bzimage(ram, &file, boot, entry, err);
}
