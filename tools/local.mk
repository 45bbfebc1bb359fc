# SPDX-License-Identifier: Apache-2.0
# Programs that make runs itself, and the operator's tools.

noinst_PROGRAMS += tools/qmp-manual
tools_qmp_manual_SOURCES = tools/qmp-manual.c
tools_qmp_manual_LDADD = $(CORE_LIBS)

# Where the program cannot run on the machine that builds it, the page is left out.
if !CROSS_COMPILING
nodist_man_MANS = docs/mortise-qmp.7
CLEANFILES += docs/mortise-qmp.7
docs/mortise-qmp.7: tools/qmp-manual$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) docs && ./tools/qmp-manual$(EXEEXT) > $@.new && mv $@.new $@
endif

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
