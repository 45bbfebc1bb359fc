# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/plugin/check.c \
	src/plugin/check.h \
	src/plugin/drivers.c \
	src/plugin/drivers.h \
	src/plugin/elf.c \
	src/plugin/elf.h \
	src/plugin/find.c \
	src/plugin/find.h \
	src/plugin/host.c \
	src/plugin/instance.c \
	src/plugin/load.c \
	src/plugin/load.h \
	src/plugin/monitor.c \
	src/plugin/monitor.h \
	src/plugin/place.h \
	src/plugin/plugin.h \
	src/plugin/policy.c \
	src/plugin/policy.h \
	src/plugin/registry.c \
	src/plugin/registry.h \
	src/plugin/try.c \
	src/plugin/try.h
