# SPDX-License-Identifier: Apache-2.0
# Programs that make runs itself, and the operator's tools.

bin_PROGRAMS += mortisectl
mortisectl_SOURCES = \
	tools/mortisectl/client.c \
	tools/mortisectl/client.h \
	tools/mortisectl/main.c \
	tools/mortisectl/shell.c \
	tools/mortisectl/shell.h \
	tools/mortisectl/table.c \
	tools/mortisectl/table.h \
	tools/mortisectl/verbs.c \
	tools/mortisectl/verbs.h
mortisectl_CFLAGS = $(AM_CFLAGS) $(EDIT_CFLAGS)
mortisectl_LDADD = $(CJSON_LIBS) $(EDIT_LIBS)

include $(top_srcdir)/tools/plugin-new/local.mk
include $(top_srcdir)/tools/manual/local.mk
