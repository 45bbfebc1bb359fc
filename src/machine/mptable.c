/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/mptable.c - Intel MultiProcessor Specification 1.4, chapter 4.
 *
 * Hosts are little endian, as the table is.
 */
#include "machine/mptable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "machine/x86_64.h"

#define SPECIFICATION 4
#define APIC_VERSION 0x14

struct floating {
	char signature[4];
	uint32_t table;
	uint8_t length, specification, checksum, features[5]; /* length in 16-byte units */
};

struct table {
	char signature[4];
	uint16_t length;
	uint8_t specification, checksum;
	char oem[8], product[12];
	uint32_t oem_table;
	uint16_t oem_size, entries;
	uint32_t lapic;
	uint16_t extended_length;
	uint8_t extended_checksum, reserved;
};

struct processor {
	uint8_t type, id, version, flags;
	uint32_t signature, features, reserved[2];
};

struct bus {
	uint8_t type, id;
	char name[6];
};

struct ioapic {
	uint8_t type, id, version, flags;
	uint32_t address;
};

struct interrupt {
	uint8_t type, kind;
	uint16_t flags;
	uint8_t bus, irq, apic, pin;
};

enum { PROCESSOR, BUS, IOAPIC, INTERRUPT };

#define ENABLED 1
#define BOOTSTRAP 2
#define ACTIVE_HIGH 0x1
#define EDGE 0x4
#define LEVEL 0xc

static uint8_t checksum(const void *data, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += ((const uint8_t *)data)[i];
	return (uint8_t)-sum;
}

static void *append(char **at, const void *entry, size_t size)
{
	void *to = memcpy(*at, entry, size);

	*at += size;
	return to;
}

int mptable_build(uint64_t base, unsigned cpus, unsigned pins, unsigned first_edge, void **out, size_t *size,
		  struct mortise_error *err)
{
	const size_t length = sizeof(struct table) + cpus * sizeof(struct processor) + sizeof(struct bus) +
			      sizeof(struct ioapic) + pins * sizeof(struct interrupt);
	struct floating floating = {.signature = "_MP_",
				    .table = (uint32_t)base + sizeof(floating),
				    .length = 1,
				    .specification = SPECIFICATION};
	struct table table = {.signature = "PCMP",
			      .length = (uint16_t)length,
			      .specification = SPECIFICATION,
			      .oem = "MORTISE ",
			      .product = "X86_64      ",
			      .entries = (uint16_t)(cpus + pins + 2),
			      .lapic = X86_64_LAPIC_BASE};
	struct table *placed;
	char *bytes = calloc(1, sizeof(floating) + length), *at = bytes;

	if (!bytes)
		return mortise_fail(err, -ENOMEM, "Out of memory for the MP table");
	floating.checksum = checksum(&floating, sizeof(floating));
	append(&at, &floating, sizeof(floating));
	placed = append(&at, &table, sizeof(table));
	for (unsigned i = 0; i < cpus; i++) {
		const struct processor processor = {.type = PROCESSOR,
						    .id = (uint8_t)i,
						    .version = APIC_VERSION,
						    .flags = ENABLED | (i ? 0 : BOOTSTRAP)};

		append(&at, &processor, sizeof(processor));
	}
	append(&at, &(struct bus){.type = BUS, .name = "ISA   "}, sizeof(struct bus));
	append(&at,
	       &(struct ioapic){.type = IOAPIC,
				.id = (uint8_t)cpus,
				.version = APIC_VERSION,
				.flags = ENABLED,
				.address = X86_64_IOAPIC_BASE},
	       sizeof(struct ioapic));
	for (unsigned i = 0; i < pins; i++) {
		const struct interrupt interrupt = {.type = INTERRUPT,
						    .flags = ACTIVE_HIGH | (i < first_edge ? LEVEL : EDGE),
						    .irq = (uint8_t)i,
						    .apic = (uint8_t)cpus,
						    .pin = (uint8_t)i};

		append(&at, &interrupt, sizeof(interrupt));
	}
	placed->checksum = checksum(placed, length);
	*size = sizeof(floating) + length;
	*out = bytes;
	return 0;
}
