# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/machine/acpi/events.c \
	src/machine/acpi/events.h \
	src/machine/acpi/tables.c \
	src/machine/acpi/tables.h \
	src/machine/boot-elf.c \
	src/machine/boot-elf.h \
	src/machine/boot.c \
	src/machine/boot.h \
	src/machine/cmos.c \
	src/machine/cmos.h \
	src/machine/gsi.c \
	src/machine/gsi.h \
	src/machine/machine.c \
	src/machine/machine.h \
	src/machine/mptable.c \
	src/machine/mptable.h \
	src/machine/plic.c \
	src/machine/plic.h \
	src/machine/riscv64-boot.c \
	src/machine/riscv64-fdt.c \
	src/machine/riscv64-fdt.h \
	src/machine/riscv64.c \
	src/machine/rtc.c \
	src/machine/rtc.h \
	src/machine/slots.c \
	src/machine/uart.c \
	src/machine/uart.h \
	src/machine/x86_64-boot.c \
	src/machine/x86_64-boot.h \
	src/machine/x86_64.c \
	src/machine/x86_64.h

# The ASL goes through the C preprocessor; iasl makes a C array, src/machine/acpi/dsdt.hex, and says nothing when all is well.
DSDT = src/machine/acpi/dsdt
EXTRA_DIST += src/machine/acpi/dsdt.asl
BUILT_SOURCES += $(DSDT).hex
CLEANFILES += $(DSDT).hex $(DSDT).i $(DSDT).aml $(DSDT).log
$(DSDT).hex: $(DSDT).asl src/machine/x86_64.h
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(CPP) -P -undef -x assembler-with-cpp -I$(top_srcdir)/src $(srcdir)/$(DSDT).asl >$(DSDT).i && \
	{ $(IASL) -we -p $(DSDT) -tc $(DSDT).i >$(DSDT).log 2>&1 || { cat $(DSDT).log; rm -f $@; exit 1; }; }
src/machine/acpi/tables.$(OBJEXT): $(DSDT).hex
