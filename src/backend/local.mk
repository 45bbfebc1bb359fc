# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/backend/block-bounce.c \
	src/backend/block-bounce.h \
	src/backend/block-claim.c \
	src/backend/block-file.c \
	src/backend/block-file.h \
	src/backend/block-lock.c \
	src/backend/block-lock.h \
	src/backend/block-node.h \
	src/backend/block-null.c \
	src/backend/block-options.c \
	src/backend/block-options.h \
	src/backend/block-step.c \
	src/backend/block-step.h \
	src/backend/block-threads.c \
	src/backend/block-uring.c \
	src/backend/block.c \
	src/backend/block.h \
	src/backend/chardev.c \
	src/backend/chardev.h \
	src/backend/net-dgram.c \
	src/backend/net-driver.h \
	src/backend/net-fifo.c \
	src/backend/net-fifo.h \
	src/backend/net-gso.c \
	src/backend/net-gso.h \
	src/backend/net-socket.c \
	src/backend/net-socket.h \
	src/backend/net-stream.c \
	src/backend/net-tap.c \
	src/backend/net-user-options.c \
	src/backend/net-user.c \
	src/backend/net-user.h \
	src/backend/net.c \
	src/backend/net.h \
	src/backend/terminal.c \
	src/backend/terminal.h
