# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/machine/boot-elf.c \
	src/machine/boot-elf.h \
	src/machine/boot.c \
	src/machine/boot.h \
	src/machine/machine.c \
	src/machine/machine.h \
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
	src/machine/uart.h
