/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine/acpi/dsdt.asl - the x86_64 board as ACPI tells the guest.
 *
 * It goes through the C preprocessor, for the numbers of machine/x86_64.h and for the slots: there are always as many
 * here as a board can have, and a register says which of them hold a device. iasl makes a C array of it.
 */
#include "machine/x86_64.h"

/*
 * Every slot, as SLOT(hexadecimal digits of its number, its interrupt): iasl 20200925 makes broken AML of resources that
 * are calculated. tests/unit/test-x86-board.c compares them with what the board does.
 */
#define SLOTS \
	SLOT(00, 6) SLOT(01, 7) SLOT(02, 8) SLOT(03, 9) SLOT(04, 10) SLOT(05, 11) \
	SLOT(06, 12) SLOT(07, 13) SLOT(08, 14) SLOT(09, 15) SLOT(0A, 16) SLOT(0B, 17) \
	SLOT(0C, 18) SLOT(0D, 19) SLOT(0E, 20) SLOT(0F, 21) SLOT(10, 22) SLOT(11, 23) \
	SLOT(12, 6) SLOT(13, 7) SLOT(14, 8) SLOT(15, 9) SLOT(16, 10) SLOT(17, 11) \
	SLOT(18, 12) SLOT(19, 13) SLOT(1A, 14) SLOT(1B, 15) SLOT(1C, 16) SLOT(1D, 17) \
	SLOT(1E, 18) SLOT(1F, 19) SLOT(20, 20) SLOT(21, 21) SLOT(22, 22) SLOT(23, 23) \
	SLOT(24, 6) SLOT(25, 7) SLOT(26, 8) SLOT(27, 9) SLOT(28, 10) SLOT(29, 11) \
	SLOT(2A, 12) SLOT(2B, 13) SLOT(2C, 14) SLOT(2D, 15) SLOT(2E, 16) SLOT(2F, 17)

DefinitionBlock ("dsdt.aml", "DSDT", 2, "MRTSE ", "MORTISE ", 1)
{
	/* Sleep states: off is the only one. */
	Name (_S5, Package () { X86_64_ACPI_S5, Zero, Zero, Zero })

	Scope (_SB)
	{
		OperationRegion (REGS, SystemIO, X86_64_ACPI_PORT, X86_64_ACPI_PORTS)
		Field (REGS, DWordAcc, NoLock, WriteAsZeros)
		{
			Offset (X86_64_ACPI_EVENTS),
			EVNT, 32, /* reading takes them */
			Offset (X86_64_ACPI_PRESENT),
			PRES, 64,
			CHNG, 64, /* reading takes them */
		}

		Device (PWRB)
		{
			Name (_HID, EisaId ("PNP0C0C"))
			Name (_UID, Zero)
		}

		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, Zero)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, X86_64_UART_PORT, X86_64_UART_PORT, 0, 8)
				Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { X86_64_UART_GSI }
			})
		}

		/* The clock has no alarm, hence no interrupt. */
		Device (RTC0)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_UID, Zero)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, X86_64_CMOS_PORT, X86_64_CMOS_PORT, 0, 2)
			})
		}

		/* _STA of slot Arg0: there and working while a device is in it. */
		Method (SSTA, 1, NotSerialized)
		{
			Return (((PRES >> Arg0) & One) * 0x0F)
		}

		/* A virtio-mmio transport, found by the kernel's device-tree name (_DSD, PRP0001). */
#define SLOT(n, gsi) \
		Device (SL##n) \
		{ \
			Name (_HID, "PRP0001") \
			Name (_UID, 0x##n) \
			Name (_CCA, One) \
			Name (_DSD, Package () \
			{ \
				ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"), \
				Package () { Package () { "compatible", "virtio,mmio" } } \
			}) \
			Name (_CRS, ResourceTemplate () \
			{ \
				Memory32Fixed (ReadWrite, X86_64_SLOT_AT(n), X86_64_SLOT_SIZE) \
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Shared) { gsi } \
			}) \
			Method (_STA, 0, NotSerialized) \
			{ \
				Return (SSTA (0x##n)) \
			} \
		}
		SLOTS
#undef SLOT

		/* What the guest is to be told of arrives here (ACPI 6.4, 5.6.9). */
		Device (GED)
		{
			Name (_HID, "ACPI0013")
			Name (_UID, Zero)
			Name (_CRS, ResourceTemplate ()
			{
				Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { X86_64_GED_GSI }
			})
			Method (_EVT, 1, Serialized)
			{
				Local0 = EVNT
				If (Local0 & X86_64_ACPI_EVENT_POWER)
				{
					Notify (PWRB, 0x80)
				}
				If (Local0 & X86_64_ACPI_EVENT_SLOTS)
				{
					Local1 = CHNG
#define SLOT(n, gsi) \
					If (Local1 & (One << 0x##n)) \
					{ \
						Notify (SL##n, One) \
					}
					SLOTS
#undef SLOT
				}
			}
		}
	}
}
