# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/vm/config.h \
	src/vm/hotplug.c \
	src/vm/hotplug.h \
	src/vm/lifecycle.c \
	src/vm/lifecycle.h \
	src/vm/objects.c \
	src/vm/objects.h \
	src/vm/place.c \
	src/vm/plugged.h \
	src/vm/upgrade.c \
	src/vm/upgrade.h \
	src/vm/vm.c \
	src/vm/vm.h \
	src/vm/watchdog.c \
	src/vm/watchdog.h
