# SPDX-License-Identifier: Apache-2.0

if HAVE_CMOCKA
UNIT_LIBS = $(CORE_LIBS) $(CMOCKA_LIBS)
UNIT_TESTS =
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)

UNIT_TESTS += tests/unit/test-qmp-check
tests_unit_test_qmp_check_SOURCES = tests/unit/test-qmp-check.c
tests_unit_test_qmp_check_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-qmp-reader
tests_unit_test_qmp_reader_SOURCES = tests/unit/test-qmp-reader.c
tests_unit_test_qmp_reader_LDADD = $(UNIT_LIBS)

UNIT_TESTS += tests/unit/test-qmp-server
tests_unit_test_qmp_server_SOURCES = tests/unit/test-qmp-server.c
tests_unit_test_qmp_server_LDADD = $(UNIT_LIBS)
endif
