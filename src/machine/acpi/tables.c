/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/acpi/tables.c - the ACPI tables (ACPI 6.4, 5.2), one after the other in one piece of memory.
 *
 * Hosts are little endian, as the tables are.
 */
#include "machine/acpi/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "machine/x86_64.h"

#include "machine/acpi/dsdt.hex" /* static unsigned char dsdt_aml_code[], made of dsdt.asl by iasl */

#define TABLE_ALIGN 16
#define CPUS_MAX 256

struct table_header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

/* Generic address structure (5.2.3.2). */
struct address {
	uint8_t space, bit_width, bit_offset, access;
	uint64_t address;
} __attribute__((packed));

#define SPACE_IO 1
#define ACCESS_BYTE 1

struct rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

struct xsdt {
	struct table_header header;
	uint64_t tables[2];
} __attribute__((packed));

struct fadt {
	struct table_header header;
	uint32_t facs, dsdt;
	uint8_t reserved1, profile;
	uint16_t sci_interrupt;
	uint8_t fixed_hardware[60]; /* from SMI_CMD to MON_ALRM: none of it exists */
	uint8_t century;
	uint16_t boot_flags;
	uint8_t reserved2;
	uint32_t flags;
	struct address reset;
	uint8_t reset_value;
	uint16_t arm_boot_flags;
	uint8_t minor_version;
	uint64_t x_facs, x_dsdt;
	struct address x_fixed_hardware[8];
	struct address sleep_control, sleep_status;
	uint64_t hypervisor;
} __attribute__((packed));

_Static_assert(offsetof(struct fadt, boot_flags) == 109, "FADT");
_Static_assert(offsetof(struct fadt, flags) == 112, "FADT");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "FADT");
_Static_assert(offsetof(struct fadt, sleep_control) == 244, "FADT");
_Static_assert(sizeof(struct fadt) == 276, "FADT");

#define FADT_WBINVD (1u << 0)
#define FADT_POWER_BUTTON_IS_A_DEVICE (1u << 4)
#define FADT_SLEEP_BUTTON_IS_A_DEVICE (1u << 5)
#define FADT_RESET_REGISTER (1u << 10)
#define FADT_HEADLESS (1u << 12)
#define FADT_HW_REDUCED (1u << 20)
#define BOOT_NO_VGA (1u << 2) /* nor the other legacy devices, whose bits say that they are there */
#define CMOS_CENTURY 0x32

struct madt {
	struct table_header header;
	uint32_t lapic_address, flags;
	struct {
		uint8_t type, length, id, reserved;
		uint32_t address, gsi_base;
	} __attribute__((packed)) ioapic;
	struct {
		uint8_t type, length, uid, id;
		uint32_t flags;
	} __attribute__((packed)) lapics[];
} __attribute__((packed));

#define MADT_LAPIC 0
#define MADT_IOAPIC 1
#define LAPIC_ENABLED 1

static uint8_t checksum(const void *data, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += ((const uint8_t *)data)[i];
	return (uint8_t)-sum;
}

static void finish(struct table_header *header, const char *signature, size_t size, uint8_t revision)
{
	memcpy(header->signature, signature, sizeof(header->signature));
	memcpy(header->oem_id, "MRTSE ", sizeof(header->oem_id));
	memcpy(header->oem_table_id, "MORTISE ", sizeof(header->oem_table_id));
	memcpy(header->creator_id, "MRTS", sizeof(header->creator_id));
	header->length = (uint32_t)size;
	header->revision = revision;
	header->oem_revision = header->creator_revision = 1;
	header->checksum = 0;
	header->checksum = checksum(header, size);
}

static struct address port(uint16_t number)
{
	return (struct address){.space = SPACE_IO, .bit_width = 8, .access = ACCESS_BYTE, .address = number};
}

static void fill_fadt(struct fadt *fadt, uint64_t dsdt)
{
	fadt->dsdt = (uint32_t)dsdt;
	fadt->x_dsdt = dsdt;
	fadt->century = CMOS_CENTURY;
	fadt->boot_flags = BOOT_NO_VGA;
	fadt->flags = FADT_WBINVD | FADT_POWER_BUTTON_IS_A_DEVICE | FADT_SLEEP_BUTTON_IS_A_DEVICE |
		      FADT_RESET_REGISTER | FADT_HEADLESS | FADT_HW_REDUCED;
	fadt->reset = port(X86_64_ACPI_PORT + X86_64_ACPI_RESET);
	fadt->reset_value = X86_64_ACPI_RESET_VALUE;
	fadt->minor_version = 4;
	fadt->sleep_control = port(X86_64_ACPI_PORT + X86_64_ACPI_SLEEP_CONTROL);
	fadt->sleep_status = port(X86_64_ACPI_PORT + X86_64_ACPI_SLEEP_STATUS);
	finish(&fadt->header, "FACP", sizeof(*fadt), 6);
}

static void fill_madt(struct madt *madt, size_t size, unsigned cpus)
{
	madt->lapic_address = X86_64_LAPIC_BASE;
	madt->ioapic.type = MADT_IOAPIC;
	madt->ioapic.length = sizeof(madt->ioapic);
	madt->ioapic.address = X86_64_IOAPIC_BASE;
	for (unsigned i = 0; i < cpus; i++) {
		madt->lapics[i].type = MADT_LAPIC;
		madt->lapics[i].length = sizeof(madt->lapics[i]);
		madt->lapics[i].uid = madt->lapics[i].id = (uint8_t)i;
		madt->lapics[i].flags = LAPIC_ENABLED;
	}
	finish(&madt->header, "APIC", size, 5);
}

static void fill_rsdp(struct rsdp *rsdp, uint64_t xsdt)
{
	memcpy(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature));
	memcpy(rsdp->oem_id, "MRTSE ", sizeof(rsdp->oem_id));
	rsdp->revision = 2;
	rsdp->length = sizeof(*rsdp);
	rsdp->xsdt = xsdt;
	rsdp->checksum = checksum(rsdp, 20);
	rsdp->extended_checksum = checksum(rsdp, sizeof(*rsdp));
}

int acpi_tables_build(uint64_t base, unsigned cpus, void **out, size_t *size, struct mortise_error *err)
{
	const size_t xsdt_at = ALIGN_UP(sizeof(struct rsdp), TABLE_ALIGN);
	const size_t fadt_at = ALIGN_UP(xsdt_at + sizeof(struct xsdt), TABLE_ALIGN);
	const size_t madt_at = ALIGN_UP(fadt_at + sizeof(struct fadt), TABLE_ALIGN);
	const size_t madt_size = sizeof(struct madt) + cpus * sizeof(((struct madt *)0)->lapics[0]);
	const size_t dsdt_at = ALIGN_UP(madt_at + madt_size, TABLE_ALIGN);
	const size_t total = dsdt_at + sizeof(dsdt_aml_code);
	_cleanup_free_ char *tables = NULL;
	struct xsdt *xsdt;

	if (cpus >= CPUS_MAX - 1)
		return mortise_fail(err, -EINVAL, "The firmware tables cannot name %u CPUs", cpus);
	tables = calloc(1, total);
	if (!tables)
		return mortise_fail(err, -ENOMEM, "Out of memory for the firmware tables");
	fill_rsdp((struct rsdp *)tables, base + xsdt_at);
	xsdt = (struct xsdt *)(tables + xsdt_at);
	xsdt->tables[0] = base + fadt_at;
	xsdt->tables[1] = base + madt_at;
	finish(&xsdt->header, "XSDT", sizeof(*xsdt), 1);
	fill_fadt((struct fadt *)(tables + fadt_at), base + dsdt_at);
	fill_madt((struct madt *)(tables + madt_at), madt_size, cpus);
	memcpy(tables + dsdt_at, dsdt_aml_code, sizeof(dsdt_aml_code));
	*size = total;
	*out = steal_ptr(&tables);
	return 0;
}
