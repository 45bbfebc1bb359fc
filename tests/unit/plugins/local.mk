# SPDX-License-Identifier: Apache-2.0
# Shared objects for the tests of the loader, in tests/unit/plugins/.libs.

SPECIMEN_LINK = $(SANITIZE_FLAGS) -module -avoid-version -shared -rpath /nowhere

check_LTLIBRARIES += tests/unit/plugins/specimen.la
tests_unit_plugins_specimen_la_SOURCES = tests/unit/plugins/specimen.c tests/unit/plugins/specimen.h
tests_unit_plugins_specimen_la_CPPFLAGS = $(PLUGIN_CPP)
tests_unit_plugins_specimen_la_CFLAGS = $(PLUGIN_CC)
tests_unit_plugins_specimen_la_LDFLAGS = $(PLUGIN_LINK) -rpath /nowhere

check_LTLIBRARIES += tests/unit/plugins/lazy.la
tests_unit_plugins_lazy_la_SOURCES = tests/unit/plugins/nothing.c
tests_unit_plugins_lazy_la_CFLAGS = $(PLUGIN_CC)
tests_unit_plugins_lazy_la_LDFLAGS = $(SPECIMEN_LINK) -Wl,-z,lazy

check_LTLIBRARIES += tests/unit/plugins/nothing.la
tests_unit_plugins_nothing_la_SOURCES = tests/unit/plugins/nothing.c
tests_unit_plugins_nothing_la_CFLAGS = $(PLUGIN_CC)
tests_unit_plugins_nothing_la_LDFLAGS = $(SPECIMEN_LINK) -Wl,-z,now

check_LTLIBRARIES += tests/unit/plugins/stack.la
tests_unit_plugins_stack_la_SOURCES = tests/unit/plugins/nothing.c
tests_unit_plugins_stack_la_CFLAGS = $(PLUGIN_CC)
tests_unit_plugins_stack_la_LDFLAGS = $(SPECIMEN_LINK) -Wl,-z,now,-z,execstack

check_LTLIBRARIES += tests/unit/plugins/undefined.la
tests_unit_plugins_undefined_la_SOURCES = tests/unit/plugins/undefined.c
tests_unit_plugins_undefined_la_CFLAGS = $(PLUGIN_CC)
tests_unit_plugins_undefined_la_LDFLAGS = $(SPECIMEN_LINK) -Wl,-z,now
