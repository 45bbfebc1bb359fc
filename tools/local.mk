# SPDX-License-Identifier: Apache-2.0
# Programs that make runs itself, and the operator's tools.

bin_PROGRAMS += mortisectl
mortisectl_SOURCES = \
	tools/mortisectl/client.c \
	tools/mortisectl/client.h \
	tools/mortisectl/complete.c \
	tools/mortisectl/complete.h \
	tools/mortisectl/main.c \
	tools/mortisectl/shell.c \
	tools/mortisectl/shell.h \
	tools/mortisectl/table.c \
	tools/mortisectl/table.h \
	tools/mortisectl/verbs.c \
	tools/mortisectl/verbs.h
mortisectl_CFLAGS = $(AM_CFLAGS) $(EDIT_CFLAGS)
mortisectl_LDADD = $(CJSON_LIBS) $(EDIT_LIBS)

# Not the core's code: what a plugin finds there should be as little as possible, and its start be quick.
pkglibexec_PROGRAMS += mortise-plugin-try
mortise_plugin_try_SOURCES = tools/mortise-plugin-try/try.c

include $(top_srcdir)/tools/plugin-new/local.mk
include $(top_srcdir)/tools/manual/local.mk

# The plugin finds the program's own malloc() and the like before libc's: they are exported, as nothing else is.
bin_PROGRAMS += mortise-plugin-check
mortise_plugin_check_SOURCES = \
	tools/mortise-plugin-check/allocations.c \
	tools/mortise-plugin-check/arguments.c \
	tools/mortise-plugin-check/arguments.h \
	tools/mortise-plugin-check/board.c \
	tools/mortise-plugin-check/board.h \
	tools/mortise-plugin-check/calls.c \
	tools/mortise-plugin-check/calls.h \
	tools/mortise-plugin-check/driver.c \
	tools/mortise-plugin-check/driver.h \
	tools/mortise-plugin-check/faults.c \
	tools/mortise-plugin-check/guard.c \
	tools/mortise-plugin-check/guard.h \
	tools/mortise-plugin-check/hostile.c \
	tools/mortise-plugin-check/instances.c \
	tools/mortise-plugin-check/instances.h \
	tools/mortise-plugin-check/interpose.c \
	tools/mortise-plugin-check/interpose.h \
	tools/mortise-plugin-check/life.c \
	tools/mortise-plugin-check/main.c \
	tools/mortise-plugin-check/negotiate.c \
	tools/mortise-plugin-check/object.c \
	tools/mortise-plugin-check/phases.h \
	tools/mortise-plugin-check/properties.c \
	tools/mortise-plugin-check/quiesce.c \
	tools/mortise-plugin-check/report.c \
	tools/mortise-plugin-check/report.h \
	tools/mortise-plugin-check/requests.c \
	tools/mortise-plugin-check/requests.h \
	tools/mortise-plugin-check/rig.c \
	tools/mortise-plugin-check/rig.h \
	tools/mortise-plugin-check/shim-chains.c \
	tools/mortise-plugin-check/shim-class.c \
	tools/mortise-plugin-check/shim-host.c \
	tools/mortise-plugin-check/shim-io.c \
	tools/mortise-plugin-check/shim.h \
	tools/mortise-plugin-check/state.c \
	tools/mortise-plugin-check/subject.h \
	tools/mortise-plugin-check/work.c
mortise_plugin_check_LDFLAGS = $(AM_LDFLAGS) -Wl,--export-dynamic
mortise_plugin_check_LDADD = $(CORE_LIBS)
