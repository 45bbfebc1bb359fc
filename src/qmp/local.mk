# SPDX-License-Identifier: Apache-2.0
libmortise_a_SOURCES += \
	src/qmp/call.c \
	src/qmp/call.h \
	src/qmp/check.c \
	src/qmp/check.h \
	src/qmp/client.c \
	src/qmp/client.h \
	src/qmp/fds.c \
	src/qmp/fds.h \
	src/qmp/json.c \
	src/qmp/json.h \
	src/qmp/lexer.c \
	src/qmp/lexer.h \
	src/qmp/listen.c \
	src/qmp/listen.h \
	src/qmp/output.c \
	src/qmp/output.h \
	src/qmp/reader.c \
	src/qmp/reader.h \
	src/qmp/schema.c \
	src/qmp/schema.h \
	src/qmp/server.c \
	src/qmp/server.h \
	src/qmp/text.c \
	src/qmp/text.h \
	src/qmp/version.c \
	src/qmp/version.h \
	src/qmp/writer.c \
	src/qmp/writer.h
