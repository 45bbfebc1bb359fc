# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/cli/chardev.c \
	src/cli/cli.c \
	src/cli/cli.h \
	src/cli/drive.c \
	src/cli/help.c \
	src/cli/help.h \
	src/cli/keys.c \
	src/cli/keys.h \
	src/cli/pidfile.c \
	src/cli/pidfile.h
