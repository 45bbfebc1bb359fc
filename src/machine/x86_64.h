/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/x86_64.h - addresses, ports and interrupts of the x86_64 board: the one place where they stand.
 *
 * acpi/dsdt.asl reads this file too, through the C preprocessor: nothing but plain numbers.
 */
#pragma once

/* Memory: up to the hole, and above 4 GiB what did not fit below. */
#define X86_64_HOLE_BASE 0xc0000000
#define X86_64_HOLE_END 0x100000000
#define X86_64_FILES_BASE 0x1800000000 /* above the most RAM */

/* In the hole; the interrupt controllers' places are the architecture's. */
#define X86_64_SLOT_BASE 0xd0000000
#define X86_64_SLOT_STRIDE 0x1000
#define X86_64_SLOT_SIZE 0x200
#define X86_64_SLOT_AT(hex) 0xd00##hex##000 /* the same, of a slot number in two hexadecimal digits */
#define X86_64_IOAPIC_BASE 0xfec00000
#define X86_64_LAPIC_BASE 0xfee00000

/* Ports. */
#define X86_64_CMOS_PORT 0x70
#define X86_64_UART_PORT 0x3f8
#define X86_64_ACPI_PORT 0x600

/*
 * The I/O APIC's pins. Slots share the last of them, one after the other and round again; those are edge-triggered, the
 * others level-triggered (see machine/gsi.h).
 */
#define X86_64_UART_GSI 4
#define X86_64_GED_GSI 5
#define X86_64_SLOT_GSI 6
#define X86_64_SLOT_GSIS 18

/* The port block at X86_64_ACPI_PORT: registers of the firmware tables. See acpi/events.h. */
#define X86_64_ACPI_SLEEP_CONTROL 0x00
#define X86_64_ACPI_SLEEP_STATUS 0x01
#define X86_64_ACPI_RESET 0x02
#define X86_64_ACPI_EVENTS 0x08
#define X86_64_ACPI_PRESENT 0x10
#define X86_64_ACPI_CHANGED 0x18
#define X86_64_ACPI_PORTS 0x20

/* What is written and read there. */
#define X86_64_ACPI_S5 5
#define X86_64_ACPI_RESET_VALUE 1
#define X86_64_ACPI_EVENT_POWER 0x1
#define X86_64_ACPI_EVENT_SLOTS 0x2
