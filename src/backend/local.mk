# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/backend/chardev.c \
	src/backend/chardev.h \
	src/backend/net-driver.h \
	src/backend/net-fd.c \
	src/backend/net-tap.c \
	src/backend/net.c \
	src/backend/net.h \
	src/backend/terminal.c \
	src/backend/terminal.h
