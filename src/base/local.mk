# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/base/cleanup.h \
	src/base/doorbell.h \
	src/base/fdset.c \
	src/base/fdset.h \
	src/base/hint.c \
	src/base/hint.h \
	src/base/irq.h \
	src/base/log.c \
	src/base/log.h \
	src/base/loop.c \
	src/base/loop.h \
	src/base/mmio.c \
	src/base/mmio.h \
	src/base/notice.h \
	src/base/options.c \
	src/base/options.h \
	src/base/properties.c \
	src/base/properties.h \
	src/base/ram-files.c \
	src/base/ram.c \
	src/base/ram.h \
	src/base/reply.h \
	src/base/sha256.c \
	src/base/sha256.h \
	src/base/util.h \
	src/base/wakeups.c \
	src/base/wakeups.h \
	src/base/workers.c \
	src/base/workers.h
