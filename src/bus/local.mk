# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/bus/bells.c \
	src/bus/bells.h \
	src/bus/bus.c \
	src/bus/bus.h \
	src/bus/command.c \
	src/bus/command.h \
	src/bus/device.c \
	src/bus/device.h \
	src/bus/empty-blk.c \
	src/bus/empty-net.c \
	src/bus/empty.c \
	src/bus/empty.h \
	src/bus/event.c \
	src/bus/exchange.c \
	src/bus/feature.c \
	src/bus/feature.h \
	src/bus/handover.c \
	src/bus/handover.h \
	src/bus/instance.h \
	src/bus/services.c \
	src/bus/slot.c \
	src/bus/slot.h \
	src/bus/state.c \
	src/bus/state.h \
	src/bus/steps.c \
	src/bus/steps.h \
	src/bus/transition.c \
	src/bus/transition.h \
	src/bus/transport.c \
	src/bus/transport.h \
	src/bus/values.c \
	src/bus/values.h \
	src/bus/virtqueue.c \
	src/bus/virtqueue.h \
	src/bus/vring.c \
	src/bus/wakeups.c
