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
