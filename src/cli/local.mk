# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/cli/cli.c \
	src/cli/cli.h \
	src/cli/drive.c \
	src/cli/pidfile.c \
	src/cli/pidfile.h
