# SPDX-License-Identifier: Apache-2.0
# Manual pages that are made from what they are about: the QMP tables, the public headers, plugins' property tables.

noinst_PROGRAMS += tools/manual/qmp-manual
tools_manual_qmp_manual_SOURCES = tools/manual/qmp-manual.c tools/manual/troff.c tools/manual/troff.h
tools_manual_qmp_manual_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tools_manual_qmp_manual_LDADD = $(CORE_LIBS)

bin_PROGRAMS += mortise-plugin-manual
mortise_plugin_manual_SOURCES = tools/manual/plugin-manual.c tools/manual/troff.c tools/manual/troff.h
mortise_plugin_manual_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
mortise_plugin_manual_LDADD = $(CORE_LIBS)

dist_man_MANS += docs/mortise-plugin-manual.1 docs/mortise-plugin-new.1

# Pages whose names only the headers and plugins know: all that is in docs/pages is installed.
MANUAL_STAMPS = docs/pages/abi.stamp
HEADER_MANUAL = $(srcdir)/tools/manual/header-manual.py
docs/pages/abi.stamp: $(HEADER_MANUAL) $(srcdir)/docs/mortise-plugin.3.in $(mortiseinclude_HEADERS)
	$(AM_V_GEN)$(MKDIR_P) docs/pages && python3 $(HEADER_MANUAL) $(PACKAGE_VERSION) $(srcdir)/include/mortise \
		$(srcdir)/docs/mortise-plugin.3.in docs/pages && touch $@
EXTRA_DIST += tools/manual/header-manual.py docs/mortise-plugin.3.in

# Where programs cannot run on the machine that builds them, their pages are left out.
if !CROSS_COMPILING
nodist_man_MANS = docs/mortise-qmp.7
CLEANFILES += docs/mortise-qmp.7
docs/mortise-qmp.7: tools/manual/qmp-manual$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) docs && ./tools/manual/qmp-manual$(EXEEXT) > $@.new && mv $@.new $@

# A text of the plugin's own is plugins/NAME/NAME.man. The loader wants files that nobody else can write.
MANUAL_STAMPS += docs/pages/plugins.stamp
docs/pages/plugins.stamp: mortise-plugin-manual$(EXEEXT) $(plugin_LTLIBRARIES) $(PLUGIN_TEXTS)
	$(AM_V_GEN)$(MKDIR_P) docs/pages && chmod go-w plugins/.libs plugins/.libs/*.so && \
	for library in $(plugin_LTLIBRARIES); do \
		name=`basename $$library .la`; text=$(srcdir)/plugins/$$name/$$name.man; test -f $$text || text=; \
		./mortise-plugin-manual$(EXEEXT) plugins/.libs/$$name.so $$text >docs/pages/mortise-$$name.7 || exit; \
	done && touch $@
EXTRA_DIST += $(PLUGIN_TEXTS)
endif

noinst_DATA += $(MANUAL_STAMPS)

install-data-hook: install-pages
install-pages: $(MANUAL_STAMPS)
	$(MKDIR_P) $(DESTDIR)$(mandir)/man3 $(DESTDIR)$(mandir)/man7
	for page in docs/pages/*.[37]; do $(INSTALL_DATA) $$page $(DESTDIR)$(mandir)/man$${page##*.} || exit; done
uninstall-hook: uninstall-pages
uninstall-pages: $(MANUAL_STAMPS)
	for page in docs/pages/*.[37]; do rm -f $(DESTDIR)$(mandir)/man$${page##*.}/`basename $$page`; done
clean-local: clean-pages
clean-pages:
	rm -rf docs/pages
.PHONY: install-pages uninstall-pages clean-pages
