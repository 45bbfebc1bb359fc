# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/backend/chardev.c \
	src/backend/chardev.h \
	src/backend/terminal.c \
	src/backend/terminal.h
